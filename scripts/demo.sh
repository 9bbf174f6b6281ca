#!/usr/bin/env bash
# The demo: adds the documents of demo_data, asks five questions, and writes the evidence as pictures.
#   scripts/demo.sh SVRAG LIBRARY
set -euo pipefail
svrag=$1
library=$2
cd "$(dirname "$0")/.."

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

say "Adding the demo documents: a paper, an annual report, a slide deck without a text layer"
"$svrag" --library "$library" add demo_data/documents

number=0
ask() {
    number=$((number + 1))
    say "Question $number: $1"
    "$svrag" --library "$library" ask "$1" --k 3 --evidence "$library-evidence/$number"
}

ask "What was the cash from operating activities in 2024?"
ask "Which share of the energy came from shore power and batteries?"
ask "How many stations will be open in winter 2024/25 according to the proposal?"
ask "What is the RMSE of the model with impaction and retention according to Table 3?"
ask "What is the market value of the airport in Oslo?"

say "The evidence, cut out and boxed on its page, is in $library-evidence. Ask more:"
echo "  $svrag --library $library ask \"How many falls happened on ice?\""
