"""graph: a document's element graph as JSON for other programs, or as a page to look at."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from svrag.cli.options import Commands, command
from svrag.cli.shared import existing
from svrag.cli.status import DONE
from svrag.errors import InputError
from svrag.output import write_text
from svrag.settings import Settings


def register(commands: Commands) -> None:
    """`svrag graph`."""
    graph = command(commands, "graph", _graph, "write or draw a document's element graph")
    graph.add_argument("document", metavar="DOC")
    graph.add_argument("--json", metavar="OUT", type=Path, help="element graph, schema v2.1")
    graph.add_argument("--html", metavar="OUT", type=Path, help="one interactive page")


def _graph(options: argparse.Namespace, settings: Settings) -> int:
    if not options.json and not options.html:
        raise InputError("say where to write the graph: --json OUT, --html OUT or both")
    with existing(settings) as library:
        stored = library.find(options.document)
        graph = library.graph(stored.id)
        if options.json:
            from svrag.graph.exchange import to_json

            write_text(options.json, json.dumps(to_json(graph), ensure_ascii=False, indent=1) + "\n")
        if options.html:
            from svrag.graph.html import to_html

            write_text(options.html, to_html(library.document(stored.id), graph))
    return DONE
