"""Questions: search shows what bears on one, ask answers it and shows what the answer rests on."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from svrag.cli.options import Commands, command, path_to_add, reading_options
from svrag.cli.shared import add_files, documents_named, existing, print_json
from svrag.cli.status import DONE, SKIPPED
from svrag.errors import InputError, LibraryError, SvragError
from svrag.settings import Settings

if TYPE_CHECKING:
    from svrag.generation.answer import Answer
    from svrag.library.ingest import AddReport
    from svrag.library.store import Library
    from svrag.search.result import SearchResult

_PICTURE = re.compile(r"\d+-(?:crop|page-\d+)\.png")


def register(commands: Commands) -> None:
    """`svrag search` and `svrag ask`."""
    search = command(commands, "search", _search, "find the elements and pages that bear on a question")
    search.add_argument("question")
    search.add_argument("--k", type=int, default=10, help="how many (default: 10)")
    search.add_argument("--doc", metavar="DOC", action="append", default=[], help="only in this document; repeatable")
    search.add_argument("--json", action="store_true")

    ask = command(commands, "ask", _ask, "answer a question and show what the answer rests on")
    ask.add_argument("question")
    ask.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        type=path_to_add,
        default=[],
        help="files to add first and to ask only these",
    )
    ask.add_argument("--k", type=int, help="pieces of evidence (default: 5)")
    ask.add_argument("--doc", metavar="DOC", action="append", default=[], help="only in this document; repeatable")
    ask.add_argument("--evidence", metavar="DIR", type=Path, help="write crops and boxed pages there as PNG")
    ask.add_argument("--json", action="store_true")
    reading_options(ask)


def _search(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.console.answers import print_search, search_json
    from svrag.console.progress import encoding_progress
    from svrag.search.engine import search

    with existing(settings) as library:
        documents = documents_named(library, options.doc)
        with encoding_progress() as on_encoding:
            result = search(
                library,
                options.question,
                k=settings.k,
                documents=documents,
                retriever=settings.retriever,
                encoder=settings.encoder,
                on_encoding=on_encoding,
            )
        _refuse_nothing_to_ask(library, result)
        if options.json:
            print_json(search_json(result))
        else:
            print_search(result)
    return DONE


def _refuse_nothing_to_ask(library: Library, result: SearchResult) -> None:
    """That nothing was found says something of the documents only where there are any."""
    if not result.hits and not library.documents():
        raise InputError(f"no documents in {library.folder}: `svrag add PATH...` adds some")


def _ask(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.console.answers import AnswerStream, answer_json, print_answer, print_search
    from svrag.console.progress import encoding_progress
    from svrag.generation.ask import ask
    from svrag.generation.select import generator_named
    from svrag.library.store import Library

    generator = generator_named(settings)
    folder, temporary = _library_to_ask(options, settings)
    if options.evidence:
        _prepare(options.evidence)  # now, not when the answer is there
    report: AddReport | None = None
    with Library.open(folder, create=bool(options.paths)) as library:
        documents = documents_named(library, options.doc)
        if options.paths:
            report = add_files(library, options, settings, brief=True)
            asked = [document.id for document in (*report.added, *report.updated, *report.unchanged)]
            if not asked:
                raise InputError("none of the files could be read")
            documents = [*(documents or []), *asked]
        if temporary:
            print(f"svrag: temporary library in {folder}; `svrag add` keeps one", file=sys.stderr)
        stream = AnswerStream(live=not options.json)
        found: list[SearchResult] = []

        def take(result: SearchResult) -> None:
            _refuse_nothing_to_ask(library, result)
            found.append(result)

        try:
            with encoding_progress() as on_encoding:
                result, answer = ask(
                    library,
                    options.question,
                    k=settings.k,
                    documents=documents,
                    retriever=settings.retriever,
                    encoder=settings.encoder,
                    generator=generator,
                    on_result=take,
                    on_token=stream.write,
                    on_encoding=on_encoding,
                )
        except SvragError:
            stream.close()
            if found and not options.json:
                print_search(found[0])  # no answer came of it, but this is what it would have rested on
            raise
        stream.close()
        parse_seconds = report.seconds if report else 0.0
        if options.json:
            print_json(answer_json(result, answer, parse_seconds))
        else:
            print_answer(answer, streamed=stream.written)
        if options.evidence and answer.citations:
            written = _write_evidence(library, answer, options.evidence)
            print(f"svrag: wrote {written} pictures to {options.evidence}", file=sys.stderr)
    return SKIPPED if report and report.skipped else DONE


def _prepare(folder: Path) -> None:
    """Make `folder` and try to write there.

    Raises:
        InputError: it cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise _cannot_write(folder, error) from None


def _cannot_write(folder: Path, error: OSError) -> InputError:
    return InputError(f"cannot write evidence to {folder}: {error.strerror}")


def _write_evidence(library: Library, answer: Answer, folder: Path) -> int:
    """For each citation its crop and its page with the box drawn, as `1-crop.png` and `1-page-7.png`; how many."""
    from svrag.documents.rendering import crop, render_page

    files = {document.id: document.source for document in library.documents()}
    try:
        for old in [path for path in folder.iterdir() if _PICTURE.fullmatch(path.name)]:
            old.unlink()  # of the question before: its pictures would pass for evidence of this one
        for citation in answer.citations:
            element = citation.element
            source = files[element.document_id]
            (folder / f"{citation.n}-crop.png").write_bytes(crop(source, element.page, element.box))
            page = render_page(source, element.page, boxes=[element.box])
            (folder / f"{citation.n}-page-{element.page}.png").write_bytes(page)
    except OSError as error:
        raise _cannot_write(folder, error) from None
    return 2 * len(answer.citations)


def _library_to_ask(options: argparse.Namespace, settings: Settings) -> tuple[Path, bool]:
    """The library a question goes to; a temporary one, kept between questions, when there is none and PATHs are given."""
    folder = settings.library_folder()
    if settings.library or folder.exists():
        return folder, False
    if not options.paths:
        raise InputError(f"no library in {folder}: name the files to ask, or run `svrag add PATH...` first")
    return _temporary_library(), True


def _temporary_library() -> Path:
    """A library in the system's temporary folder that only this user can read."""
    user = os.getuid() if sys.platform != "win32" else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir()) / f"svrag-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise LibraryError(f"cannot make a temporary library in {folder}: {error.strerror}") from None
    if sys.platform != "win32" and (folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077):
        raise LibraryError(f"{folder} is open to other users; remove it, or name a library with --library DIR")
    return folder
