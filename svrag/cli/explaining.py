"""explain: the page with what a page-image model looks at drawn over it."""

from __future__ import annotations

import argparse
from pathlib import Path

from svrag.cli.options import Commands, command
from svrag.cli.shared import existing, print_json
from svrag.cli.status import DONE
from svrag.output import check_folder_of, unwritable
from svrag.settings import Settings


def register(commands: Commands) -> None:
    """`svrag explain`."""
    explain = command(commands, "explain", _explain, "draw what a page-image model looks at on a page, for a question")
    explain.add_argument("question")
    explain.add_argument("document", metavar="DOC", help="id, file name or path")
    explain.add_argument("page", metavar="PAGE", type=int, help="counted from 1")
    explain.add_argument("--out", metavar="PNG", type=Path, required=True, help="the page with heat-maps over it")
    explain.add_argument("--json", action="store_true")


def _explain(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.console.answers import explanation_json, print_explanation
    from svrag.search.drawing import sheet
    from svrag.search.explain import explain, picture_model

    check_folder_of(options.out)
    with existing(settings) as library:
        document = library.find(options.document)
        library.page(document.id, options.page)  # before a model is loaded: there is such a page
        explained = explain(library, options.question, document.id, options.page, picture_model(settings.retriever))
    drawn = sheet(explained)
    try:
        drawn.save(options.out, "PNG")
    except OSError as error:
        raise unwritable(options.out, error) from None
    if options.json:
        print_json(explanation_json(explained))
    else:
        print_explanation(explained, options.out)
    return DONE
