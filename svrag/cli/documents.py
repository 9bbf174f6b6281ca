"""The documents of a library: add, list, info, remove."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from svrag.cli.options import Commands, command, path_to_add, reading_options
from svrag.cli.shared import add_files, existing, print_json
from svrag.cli.status import DONE, SKIPPED
from svrag.errors import InputError
from svrag.settings import Settings

if TYPE_CHECKING:
    from svrag.library.store import Library
    from svrag.library.tokens.identity import IndexSettings


def register(commands: Commands) -> None:
    """`svrag add`, `list`, `info` and `remove`."""
    add = command(commands, "add", _add, "index files or folders; unchanged files are skipped")
    add.add_argument("paths", metavar="PATH", nargs="+", type=path_to_add)
    reading_options(add)
    _index_options(add)

    listing = command(commands, "list", _list, "documents in the library")
    listing.add_argument("--json", action="store_true")

    info = command(commands, "info", _info, "what was found in a document")
    info.add_argument("document", metavar="DOC", help="id, file name or path")
    info.add_argument("--json", action="store_true")

    remove = command(commands, "remove", _remove, "take documents out of the library")
    remove.add_argument("documents", metavar="DOC", nargs="*")
    remove.add_argument("--index", metavar="NAME", help="take out the vectors that this model made")


def _index_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("token vectors of a multi-vector model (--retriever)")
    group.add_argument(
        "--units", choices=("pages", "elements", "cascade"), help="what is encoded (default: cascade, both)"
    )
    group.add_argument(
        "--precision",
        choices=("int8", "float16", "binary"),
        help="int8 (default), float16 (three times the space, exact final ranking) or binary (an eighth)",
    )
    group.add_argument(
        "--pool-factor", metavar="N", type=int, help="keep one vector for every N of a page (default: 1, all)"
    )
    group.add_argument(
        "--pool-method",
        choices=("span", "hierarchical", "kmeans"),
        help="which vectors become one: neighbours, or such as are alike (default: hierarchical)",
    )
    group.add_argument("--reindex", action="store_true", help="make the vectors of all documents anew")


def _add(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.console.documents import print_encoded, print_report
    from svrag.library.store import Library
    from svrag.search.encoding import check
    from svrag.search.engine import retrievers_named

    retrievers = retrievers_named(settings.retriever)
    chosen = _index_settings(options)
    with Library.open(settings.library_folder()) as library:
        # Before anything that takes long: the models load, and what they made before fits.
        check(library, retrievers, encoder=settings.encoder, settings=chosen, reindex=options.reindex)
        report = add_files(library, options, settings)
        print_report(report, library.folder)
        for name in retrievers:
            print_encoded(name, _encode(library, name, settings, chosen))
    return SKIPPED if report.skipped else DONE


def _encode(library: Library, retriever: str, settings: Settings, chosen: IndexSettings | None) -> int:
    """Let a model encode what it has not encoded yet; of how many documents."""
    from svrag.console.progress import encoding_progress
    from svrag.search.encoding import encode

    encoded = set[str]()
    with encoding_progress() as show:

        def on_encoding(document: str, done: int, total: int) -> None:
            encoded.add(document)
            show(document, done, total)

        encode(
            library,
            library.documents(),
            [retriever],
            encoder=settings.encoder,
            on_encoding=on_encoding,
            settings=chosen,
        )
    return len(encoded)


def _index_settings(options: argparse.Namespace) -> IndexSettings | None:
    """What was said of the index of a multi-vector model; None when nothing was."""
    from svrag.library.tokens.identity import IndexSettings

    said = {
        "units": options.units,
        "precision": options.precision,
        "pool_factor": options.pool_factor,
        "pool_method": options.pool_method,
    }
    given = {name: value for name, value in said.items() if value is not None}
    if given.get("pool_factor", 1) < 1:
        raise InputError(f"--pool-factor must be 1 (keep all vectors) or more, not {options.pool_factor}")
    return IndexSettings(**given) if given else None


def _list(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.console.documents import library_json, print_documents, print_indexes
    from svrag.library.encoders import vectors_in
    from svrag.library.indexing import indexes_in

    with existing(settings) as library:
        documents, made, vectors = library.documents(), indexes_in(library), vectors_in(library)
        if options.json:
            print_json(library_json(documents, made, vectors))
        else:
            print_documents(documents, library.folder)
            print_indexes(made, vectors, len(documents))
    return DONE


def _info(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.console.documents import info_json, print_info

    with existing(settings) as library:
        stored = library.find(options.document)
        document = library.document(stored.id)
        graph = library.graph(stored.id)
        if options.json:
            print_json(info_json(stored, document, graph))
        else:
            print_info(stored, document, graph)
    return DONE


def _remove(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.library.indexing import drop_index

    if not options.documents and not options.index:
        raise InputError("say what to remove: documents, or the vectors of a model with --index NAME")
    with existing(settings) as library:
        found = {document.id: document for document in map(library.find, options.documents)}
        if options.index:
            drop_index(library, options.index)
            print(f"removed the index of {options.index}")
        for document in found.values():
            library.remove(document.id)
            print(f"removed {document.name} ({document.id})")
    return DONE
