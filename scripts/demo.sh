#!/usr/bin/env bash
# The demo: adds the documents of demo_data, asks three questions, and writes the evidence as pictures.
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
