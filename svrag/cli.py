"""The command line: parses arguments, calls the library, turns errors into one line and an exit status.

Exit status: 0 done, 1 failed (one line on stderr), 2 wrong usage, 3 some inputs were skipped (named on stderr).
Everything heavy is imported inside the command that needs it, so that `svrag --help` answers at once.
What is printed, and how, is in console.py.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from svrag import __version__
from svrag.errors import InputError, LibraryError, SvragError
from svrag.settings import Settings, checked, load_settings

if TYPE_CHECKING:
    from svrag.evaluation.result import EvalResult
    from svrag.evaluation.runner import Progress
    from svrag.generation.answer import Generator
    from svrag.library.ingest import AddReport
    from svrag.library.store import Library, StoredDocument
    from svrag.library.tokens.identity import IndexSettings
    from svrag.search.result import SearchResult

DONE, FAILED, USAGE, SKIPPED = 0, 1, 2, 3
_SECONDS_TO_SAY = 10.0

# What svrag.evaluation.benchmarks knows, named here too so that `svrag --help` need not import it.
BENCHMARKS = {
    "mmlongbench": "MMLongBench-Doc: questions on long PDFs, evidence pages, MMDocIR's boxes",
    "mmdocir": "MMDocIR: pages and layout boxes in long PDFs",
    "financebench": "FinanceBench: questions on 10-K reports, evidence pages",
    "slidevqa": "SlideVQA: questions on slide decks, evidence slides",
    "spiqa": "SPIQA test-A: which figure or table of a paper holds the answer",
    "sciegqa": "SciEGQA: questions on papers, evidence in several boxes",
    "ohr_bench": "OHR-Bench: questions on PDFs given as page texts",
    "beir": "a text set in BEIR's layout: SciFact, LitSearch, Cranfield, FiQA",
    "nanobeir": "NanoBEIR: one or all of 13 small text sets",
    "litsearch": "LitSearch: questions for papers, by query set and specificity",
    "demo": "the demo documents of this repository",
}


WITH_ROWS = ("spiqa", "sciegqa", "mmdocir")
"""Those of svrag.evaluation.element_rows."""


TEXT_SETS = ("beir", "nanobeir", "litsearch")
"""Those whose texts are pages (svrag.evaluation.text_sets)."""


def entry() -> None:
    """The `svrag` program."""
    raise SystemExit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    parser = _parser()
    options = parser.parse_args(_with_part(arguments))
    if "run" not in options:
        parser.print_help()
        return USAGE
    try:
        settings = _settings(options)
        status: int = options.run(options, settings)
        sys.stdout.flush()  # here, so that a reader that has gone away is noticed here
        return status
    except SvragError as error:
        if options.debug:
            raise
        print(f"svrag: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("svrag: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `svrag search ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    finally:
        _tell_spending()


def _tell_spending() -> None:
    """What paid servers were asked for; a stopped command has spent it, too."""
    from svrag.retrievers.spending import ACCOUNT

    for line in ACCOUNT.lines():
        print(f"svrag: {line}", file=sys.stderr)


def _with_part(arguments: Sequence[str]) -> list[str]:
    """`train mine`, `train score` and `train arxiv` are commands beside `train CONFIG`: two words become one name."""
    words = list(arguments)
    for at, word in enumerate(words[:-1]):
        if word == "train" and words[at + 1] in ("mine", "score", "arxiv"):
            return [*words[:at], f"train {words[at + 1]}", *words[at + 2 :]]
        if not word.startswith("-") and not (at and words[at - 1].startswith("--") and "=" not in words[at - 1]):
            break  # another command's name
    return words


def _common(*, several_retrievers: bool = False) -> argparse.ArgumentParser:
    """The options of every command, taken before and after its name.

    What is not given leaves no value behind, so that what stands before the name is not overwritten by its absence
    after it. One parser for each use: `set_defaults` changes the options themselves.
    """
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("everywhere")
    group.add_argument("--library", metavar="DIR", help="library folder (default: .svrag)")
    if several_retrievers:
        several = "as for search; repeatable: each is measured on the same questions"
        group.add_argument("--retriever", metavar="NAME[,NAME...]", action="append", dest="retrievers", help=several)
    else:
        one = (
            "lexical (default, no model), dense (a text encoder), dpr, specter2, splade:MODEL, qwen2.5-embedding, openai, "
            "or a text, page-image or multi-vector model by its name on the Hub or its folder; several, with commas "
            "between them, are fused"
        )
        group.add_argument("--retriever", metavar="NAME[,NAME...]", help=one)
    group.add_argument("--encoder", metavar="NAME", help="text encoder of dense: a name on the Hub or a folder")
    group.add_argument(
        "--generator",
        metavar="NAME",
        help="quote (default, no model), openai[:MODEL] (any compatible server) and others: docs/answers.md",
    )
    group.add_argument("--config", metavar="FILE", type=Path, help="settings file (default: svrag.toml)")
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return common


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="svrag",
        description="Ask questions of long documents and see the evidence, boxed on its page.",
        parents=[_common()],
    )
    parser.set_defaults(library=None, retriever=None, encoder=None, generator=None, config=None, debug=False)
    parser.add_argument("--version", action="version", version=f"svrag {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")

    def command(name: str, run: object, summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, parents=[_common()], help=summary, description=summary)
        sub.set_defaults(run=run)
        return sub

    add = command("add", _add, "index files or folders; unchanged files are skipped")
    add.add_argument("paths", metavar="PATH", nargs="+", type=Path)
    _reading_options(add)
    _index_options(add)

    listing = command("list", _list, "documents in the library")
    listing.add_argument("--json", action="store_true")

    info = command("info", _info, "what was found in a document")
    info.add_argument("document", metavar="DOC", help="id, file name or path")
    info.add_argument("--json", action="store_true")

    remove = command("remove", _remove, "take documents out of the library")
    remove.add_argument("documents", metavar="DOC", nargs="*")
    remove.add_argument("--index", metavar="NAME", help="take out the vectors that this model made")

    search = command("search", _search, "find the elements and pages that bear on a question")
    search.add_argument("question")
    search.add_argument("--k", type=int, default=10, help="how many (default: 10)")
    search.add_argument("--doc", metavar="DOC", action="append", default=[], help="only in this document; repeatable")
    search.add_argument("--json", action="store_true")

    ask = command("ask", _ask, "answer a question and show what the answer rests on")
    ask.add_argument("question")
    ask.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="files to add first and to ask only these")
    ask.add_argument("--k", type=int, help="pieces of evidence (default: 5)")
    ask.add_argument("--doc", metavar="DOC", action="append", default=[], help="only in this document; repeatable")
    ask.add_argument("--evidence", metavar="DIR", type=Path, help="write crops and boxed pages there as PNG")
    ask.add_argument("--json", action="store_true")
    _reading_options(ask)

    explain = command("explain", _explain, "draw what a page-image model looks at on a page, for a question")
    explain.add_argument("question")
    explain.add_argument("document", metavar="DOC", help="id, file name or path")
    explain.add_argument("page", metavar="PAGE", type=int, help="counted from 1")
    explain.add_argument("--out", metavar="PNG", type=Path, required=True, help="the page with heat-maps over it")
    explain.add_argument("--json", action="store_true")

    graph = command("graph", _graph, "write or draw a document's element graph")
    graph.add_argument("document", metavar="DOC")
    graph.add_argument("--json", metavar="OUT", type=Path, help="element graph, schema v2.1")
    graph.add_argument("--html", metavar="OUT", type=Path, help="one interactive page")

    serve = command("serve", _serve, "the web app")
    serve.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port (default: 7860)")
    serve.add_argument("--open", action="store_true", help="open the browser")
    serve.add_argument(
        "--insecure", action="store_true", help="let whoever reaches --host in, where there are no accounts"
    )
    vllm = serve.add_argument_group("a vLLM server beside it, started and stopped with it")
    vllm.add_argument(
        "--with-vllm", metavar="MODEL", help="answers come from this model: a name on the Hub or a folder"
    )
    vllm.add_argument("--vllm-length", metavar="N", type=int, default=0, help="tokens of a request and its reply")
    vllm.add_argument(
        "--vllm-lora", metavar="NAME=DIR", action="append", default=[], help="LoRA weights; the first ones answer"
    )
    vllm.add_argument("--vllm-args", metavar="TEXT", default="", help="more arguments of vllm serve, in one text")

    summary = "who may use a served library: each has a key and documents of their own"
    users = commands.add_parser("users", parents=[_common()], help=summary, description=summary)
    whom = users.add_subparsers(metavar="ACTION", required=True)
    for name, run, about in (
        ("add", _users_add, "make an account, or a new key for one; the key is shown once"),
        ("list", _users_list, "names and when they were added"),
        ("remove", _users_remove, "close an account; its documents stay"),
    ):
        action = whom.add_parser(name, parents=[_common()], help=about, description=about)
        action.set_defaults(run=run)
        if name != "list":
            action.add_argument("name", metavar="NAME")
        if name == "add":
            action.add_argument("--password", action="store_true", help="ask for one, to log in at the page with")

    train = command(
        "train", _train, "fine-tune a retriever by a recipe; torchrun scripts/train/train_colbert.py for several GPUs"
    )
    train.add_argument("recipe", metavar="CONFIG", type=Path, help="YAML file, or the name of one in configs/")
    train.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="changes",
        help="instead of what the recipe says, with dotted keys: --set optimisation.steps=100; repeatable",
    )
    train.add_argument("--row", metavar="NAME", help="of the recipe's table of experiments")
    train.add_argument("--resume", action="store_true", help="go on with the last checkpoint of the run's folder")

    mine = command("train mine", _train_mine, "find hard negatives for questions, by any retriever")
    _row_options(mine)
    mine.add_argument("--corpus", metavar="FILE", type=Path, help="more documents, besides those of DATA")
    mine.add_argument("--corpus-document", metavar="COLUMN", default="document", help="of documents in it")
    mine.add_argument("--count", type=int, default=5, help="negatives of a question (default: %(default)s)")
    mine.add_argument("--ranks", metavar="A-B", default="1-50", help="that are looked at (default: %(default)s)")
    mine.add_argument(
        "--margin", type=float, help="a negative scores at least so much less than the question's answer"
    )
    mine.add_argument("--max-score", type=float, help="of a negative: above it, it may well be an answer too")

    score = command("train score", _train_score, "let a cross-encoder score questions with their documents")
    _row_options(score)
    score.add_argument("--model", metavar="NAME", required=True, help="cross-encoder: a name on the Hub or a folder")
    score.add_argument("--negatives", metavar="COLUMN", default="negatives", help="(default: %(default)s)")
    score.add_argument("--batch", type=int, default=32, help="pairs read at once (default: %(default)s)")

    arxiv = command("train arxiv", _train_arxiv, "titles and abstracts of arXiv papers by topic, as parquet")
    arxiv.add_argument("out", metavar="OUT", type=Path, help="*.parquet; what came is kept beside it, to go on after")
    topics = "category or archive: gr-qc, cs.LG, q-bio; repeatable, a paper is under the first of its own"
    arxiv.add_argument("--topic", metavar="NAME", action="append", required=True, dest="topics", help=topics)
    arxiv.add_argument("--most", metavar="N", type=int, default=1000, help="papers of a topic (default: %(default)s)")
    dump = "arxiv-metadata-oai-snapshot.json (Kaggle: Cornell-University/arxiv), instead of asking arXiv"
    arxiv.add_argument("--dump", metavar="FILE", type=Path, help=dump)

    evaluate = commands.add_parser("eval", parents=[_common()], help="measure retrieval and answers on a benchmark")
    _evaluations(evaluate.add_subparsers(metavar="BENCHMARK", required=True))
    return parser


def _evaluations(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """`svrag eval BENCHMARK` and `svrag eval compare`."""
    for name, about in BENCHMARKS.items():
        common = _common(several_retrievers=True)
        benchmark = commands.add_parser(name, parents=[common], help=about, description=about)
        benchmark.set_defaults(run=_eval, benchmark=name, retrievers=None, rows=None, pool_curve=False)
        add = benchmark.add_argument
        add("--data", metavar="DIR", type=Path, help="folder of the benchmark")
        was = "what a retriever was before its training, for a table of both with a paired test; repeatable, in the order"
        add("--before", metavar="NAME", action="append", default=[], help=f"{was} of --retriever")
        add("--json", metavar="OUT", type=Path, help="write the result with every question's record")
        add("--report", metavar="DIR", type=Path, help="write report.md and report.html there")
        add("--resume", metavar="FILE", type=Path, help="keep records there as they come, and go on after them")
        add("--limit", metavar="N", type=int, help="only the first N questions")
        add("--answers", action="store_true", help="also let the generator answer")
        add("--baselines", action="store_true", help="plain page BM25 in the same run (needs bm25s)")
        if name in TEXT_SETS:
            pooled = "ndcg@10 of a multi-vector model with token vectors pooled 1 to 6 fold, in three ways"
            add("--pool-curve", action="store_true", help=pooled)
        if name in WITH_ROWS:
            rows = (
                "rank elements with a row of the published element-graph encoder (h_best_combo), FOLDER#ROW or any "
                "multi-vector model, with and without propagation along the graph; repeatable"
            )
            add("--row", metavar="NAME", action="append", dest="rows", help=rows)
    summary = "two results of one benchmark, question by question: differences, intervals, p"
    compare = commands.add_parser("compare", parents=[_common()], help=summary, description=summary)
    compare.set_defaults(run=_eval_compare)
    compare.add_argument("first", metavar="A.json", type=Path, help="a file that --json wrote")
    compare.add_argument("second", metavar="B.json", type=Path)
    compare.add_argument("--json", metavar="OUT", type=Path, help="write all differences, by slice too")
    compare.add_argument("--report", metavar="DIR", type=Path, help="write report.md and report.html there")


def _row_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", type=Path, help="*.jsonl, *.parquet or the folder of a dataset")
    parser.add_argument("out", metavar="OUT", type=Path, help="*.jsonl or *.parquet; what is there is not made again")
    parser.add_argument("--split", metavar="NAME", help="of a folder with several")
    parser.add_argument("--query", metavar="COLUMN", default="query", help="of questions (default: %(default)s)")
    parser.add_argument("--document", metavar="COLUMN", default="document", help="of answers (default: %(default)s)")


def _reading_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--password", help="for encrypted files")
    parser.add_argument("--workers", type=int, help="parsing processes (default: one per core)")


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


def _settings(options: argparse.Namespace) -> Settings:
    """Settings from file and environment, overridden by what was said on the command line."""
    said = {
        name: getattr(options, name)
        for name in ("library", "retriever", "encoder", "generator", "k", "workers", "host", "port")
        if getattr(options, name, None) is not None
    }
    return checked(replace(load_settings(options.config), **said))


# Commands -----------------------------------------------------------------------------------------------------------


def _add(options: argparse.Namespace, settings: Settings) -> int:
    from svrag import console
    from svrag.library.store import Library
    from svrag.search.encoding import check, encode
    from svrag.search.engine import retrievers_named

    retrievers = retrievers_named(settings.retriever)
    chosen = _index_settings(options)
    with Library.open(settings.library_folder()) as library:
        # Before anything that takes long: the models load, and what they made before fits.
        check(library, retrievers, encoder=settings.encoder, settings=chosen, reindex=options.reindex)
        report = _add_paths(library, options, settings)
        console.print_report(report, library.folder)
        with console.encoding_progress() as on_encoding:
            encode(
                library,
                library.documents(),
                retrievers,
                encoder=settings.encoder,
                on_encoding=on_encoding,
                settings=chosen,
            )
    return SKIPPED if report.skipped else DONE


def _list(options: argparse.Namespace, settings: Settings) -> int:
    from svrag import console
    from svrag.library.encoders import vectors_in
    from svrag.library.indexing import indexes_in

    with _existing(settings) as library:
        documents, made, vectors = library.documents(), indexes_in(library), vectors_in(library)
        if options.json:
            _print_json(console.library_json(documents, made, vectors))
        else:
            console.print_documents(documents, library.folder)
            console.print_indexes(made, vectors, len(documents))
    return DONE


def _info(options: argparse.Namespace, settings: Settings) -> int:
    from svrag import console

    with _existing(settings) as library:
        stored = library.find(options.document)
        document = library.document(stored.id)
        graph = library.graph(stored.id)
        if options.json:
            _print_json(console.info_json(stored, document, graph))
        else:
            console.print_info(stored, document, graph)
    return DONE


def _remove(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.library.indexing import drop_index

    if not options.documents and not options.index:
        raise InputError("say what to remove: documents, or the vectors of a model with --index NAME")
    with _existing(settings) as library:
        found = {document.id: document for document in map(library.find, options.documents)}
        if options.index:
            drop_index(library, options.index)
            print(f"removed the index of {options.index}")
        for document in found.values():
            library.remove(document.id)
            print(f"removed {document.name} ({document.id})")
    return DONE


def _search(options: argparse.Namespace, settings: Settings) -> int:
    from svrag import console
    from svrag.search.engine import search

    with _existing(settings) as library:
        documents = _documents(library, options.doc)
        with console.encoding_progress() as on_encoding:
            result = search(
                library,
                options.question,
                k=settings.k,
                documents=documents,
                retriever=settings.retriever,
                encoder=settings.encoder,
                on_encoding=on_encoding,
            )
        if options.json:
            _print_json(console.search_json(result))
        else:
            console.print_search(result)
    return DONE


def _ask(options: argparse.Namespace, settings: Settings) -> int:
    from svrag import console
    from svrag.generation.ask import ask
    from svrag.generation.select import generator_named
    from svrag.library.store import Library

    generator = generator_named(settings)
    folder, temporary = _library_to_ask(options, settings)
    report: AddReport | None = None
    with Library.open(folder, create=bool(options.paths)) as library:
        documents = _documents(library, options.doc)
        if options.paths:
            report = _add_paths(library, options, settings, brief=True)
            asked = [document.id for document in (*report.added, *report.updated, *report.unchanged)]
            if not asked:
                raise InputError("none of the files could be read")
            documents = [*(documents or []), *asked]
        if temporary:
            print(f"svrag: temporary library in {folder}; `svrag add` keeps one", file=sys.stderr)
        stream = console.AnswerStream(live=not options.json)
        found: list[SearchResult] = []
        try:
            with console.encoding_progress() as on_encoding:
                result, answer = ask(
                    library,
                    options.question,
                    k=settings.k,
                    documents=documents,
                    retriever=settings.retriever,
                    encoder=settings.encoder,
                    generator=generator,
                    on_result=found.append,
                    on_token=stream.write,
                    on_encoding=on_encoding,
                )
        except SvragError:
            stream.close()
            if found and not options.json:
                console.print_search(found[0])  # no answer came of it, but this is what it would have rested on
            raise
        stream.close()
        parse_seconds = report.seconds if report else 0.0
        if options.json:
            _print_json(console.answer_json(result, answer, parse_seconds))
        else:
            console.print_answer(answer, streamed=stream.written)
        if options.evidence and answer.citations:
            written = console.write_evidence(library, answer, options.evidence)
            print(f"svrag: wrote {written} pictures to {options.evidence}", file=sys.stderr)
    return SKIPPED if report and report.skipped else DONE


def _explain(options: argparse.Namespace, settings: Settings) -> int:
    from svrag import console
    from svrag.search.drawing import sheet
    from svrag.search.explain import explain, picture_model

    if not options.out.absolute().parent.is_dir():
        raise InputError(f"cannot write {options.out}: there is no folder {options.out.parent}")
    with _existing(settings) as library:
        document = library.find(options.document)
        library.page(document.id, options.page)  # before a model is loaded: there is such a page
        explained = explain(library, options.question, document.id, options.page, picture_model(settings.retriever))
    drawn = sheet(explained)
    try:
        drawn.save(options.out, "PNG")
    except OSError as error:
        raise InputError(f"cannot write {options.out}: {error.strerror}") from None
    if options.json:
        _print_json(console.explanation_json(explained))
    else:
        console.print_explanation(explained, options.out)
    return DONE


def _graph(options: argparse.Namespace, settings: Settings) -> int:
    if not options.json and not options.html:
        raise InputError("say where to write the graph: --json OUT, --html OUT or both")
    with _existing(settings) as library:
        stored = library.find(options.document)
        graph = library.graph(stored.id)
        if options.json:
            from svrag.graph.exchange import to_json

            _write(options.json, json.dumps(to_json(graph), ensure_ascii=False, indent=1) + "\n")
        if options.html:
            from svrag.graph.html import to_html

            _write(options.html, to_html(library.document(stored.id), graph))
    return DONE


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.app.serve import serve

    answering = _answering(options, settings)
    serve(settings, answering, insecure=options.insecure, open_browser=options.open)
    return DONE


@contextmanager
def _answering(options: argparse.Namespace, settings: Settings) -> Iterator[Generator]:
    """Who answers what is served: as the settings say, or a vLLM server that runs as long."""
    if not options.with_vllm:
        from svrag.generation.select import generator_named

        if options.vllm_lora or options.vllm_length or options.vllm_args:
            raise InputError("--vllm-lora, --vllm-length and --vllm-args go with --with-vllm MODEL")
        yield generator_named(settings)
        return
    import signal

    from svrag.generation.vllm_server import Adapter, VllmServer

    for number in (signal.SIGTERM, signal.SIGHUP):  # an exception from now on: vLLM must end, too
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with VllmServer(
        options.with_vllm,
        length=options.vllm_length,
        adapters=[Adapter.of(text) for text in options.vllm_lora],
        more=options.vllm_args,
        tell=lambda line: print(f"svrag: {line}", file=sys.stderr, flush=True),
    ) as vllm:
        yield vllm.generator()


def _users_add(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.app.users import Users

    password = None
    if options.password:
        import getpass

        password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    key = Users(settings.library_folder()).add(options.name, password)
    print(key)
    print(
        f"svrag: this is the key of {options.name}, shown only now; a server that runs takes it at once",
        file=sys.stderr,
    )
    return DONE


def _users_list(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.app.users import Users

    for account in Users(settings.library_folder()).all():
        print(f"{account.name}\t{account.created}{'' if account.password else chr(9) + 'key only'}")
    return DONE


def _users_remove(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.app.users import Users

    users = Users(settings.library_folder())
    users.remove(options.name)
    print(f"svrag: {options.name} is out; the documents stay in {users.library(options.name)}")
    return DONE


def _train(options: argparse.Namespace, settings: Settings) -> int:
    """Under torchrun one of several processes: only the first says what all would say."""
    rank = int(os.environ.get("RANK", "0"))
    try:
        from svrag import console
        from svrag.training.recipes import check_files, load_recipe
        from svrag.training.run import train
    except ModuleNotFoundError as error:
        raise InputError(f'training needs {error.name}: pip install "svrag[train]"') from None

    try:
        recipe = load_recipe(options.recipe, options.changes, options.row)
        check_files(recipe)
        result = train(recipe, resume=options.resume, tell=console.say)
    except SvragError as error:
        if rank == 0:
            raise
        # torchrun ends all processes when one has ended: what all would say, the first has said by then.
        time.sleep(_SECONDS_TO_SAY)
        print(f"svrag: process {rank}: {error}", file=sys.stderr)
        return FAILED
    if rank == 0:
        console.print_training(result, recipe.evaluation.metric)
    return DONE


def _train_mine(options: argparse.Namespace, settings: Settings) -> int:
    try:
        from svrag import console
        from svrag.training.config import Corpus, PairData
        from svrag.training.mining.mine import Mining, mine

        first, _, last = options.ranks.partition("-")
        if not (first.isdecimal() and last.isdecimal()):
            raise InputError(f"--ranks {options.ranks}: write --ranks 1-50")
        corpus = Corpus(path=options.corpus, document=options.corpus_document) if options.corpus else None
        # Answers stand as texts in the rows; the corpus only has more of them.
        data = PairData(
            kind="pairs", path=options.data, split=options.split, query=options.query, document=options.document
        )
        mining = Mining(
            settings.retriever,
            settings.encoder,
            int(first),
            int(last),
            options.count,
            options.margin,
            options.max_score,
        )
        with console.encoding_progress() as step:
            few = mine(
                data,
                options.out,
                mining,
                corpus=corpus,
                on_progress=lambda done, total: step("questions", done, total),
                on_encoding=lambda done, total: step("documents", done, total),
            )
    except ModuleNotFoundError as error:
        raise InputError(f'mining needs {error.name}: pip install "svrag[train]"') from None
    left = f"; {few} questions have fewer than {options.count} negatives" if few else ""
    print(f"{options.out}: hard negatives by {settings.retriever}{left}")
    return DONE


def _train_score(options: argparse.Namespace, settings: Settings) -> int:
    try:
        from svrag import console
        from svrag.training.config import PairData
        from svrag.training.mining.score import score

        data = PairData(
            kind="pairs",
            path=options.data,
            split=options.split,
            query=options.query,
            document=options.document,
            negatives=options.negatives,
        )
        with console.encoding_progress() as step:
            score(
                data,
                options.out,
                options.model,
                batch=options.batch,
                on_progress=lambda done, total: step("questions", done, total),
            )
    except ModuleNotFoundError as error:
        raise InputError(f'scoring needs {error.name}: pip install "svrag[train]"') from None
    print(f"{options.out}: scores by {options.model}")
    return DONE


def _train_arxiv(options: argparse.Namespace, settings: Settings) -> int:
    try:
        from svrag import console
        from svrag.training.data import arxiv, arxiv_api

        arxiv.check_out(options.out)
        if options.most < 1:
            raise InputError(f"--most {options.most}: at least 1 paper of a topic")
        topics = list(dict.fromkeys(options.topics))
        with console.evaluation_progress() as step:
            if options.dump:
                papers = arxiv.from_dump(
                    options.dump, topics, options.most, lambda done, all: step("bytes", done, all)
                )
            else:
                kept = options.out.with_suffix(".pages.jsonl")
                papers = arxiv_api.fetch(topics, options.most, kept, on_progress=step)
        counts = arxiv.write(options.out, papers, topics)
    except ModuleNotFoundError as error:
        raise InputError(f'this needs {error.name}: pip install "svrag[train]"') from None
    print(f"{options.out}: " + ", ".join(f"{count} of {topic}" for topic, count in counts.items()))
    return DONE


def _eval(options: argparse.Namespace, settings: Settings) -> int:
    from svrag import console
    from svrag.evaluation.result_json import to_json, written
    from svrag.evaluation.runner import library_or_temporary

    _check_outputs(options)
    with library_or_temporary(Path(settings.library) if settings.library else None) as folder:
        with console.evaluation_progress() as on_progress:
            result = _measured(options, settings, folder, on_progress)
        console.print_evaluation(result)
        if options.json:
            _write(options.json, written(to_json(result)))
        if options.report:
            from svrag.evaluation.report import write_report

            write_report(result, folder, options.report)
    return DONE


def _measured(options: argparse.Namespace, settings: Settings, folder: Path, on_progress: Progress) -> EvalResult:
    """What was asked for: retrievers through the search, or rows over elements."""
    from svrag.evaluation.runner import run
    from svrag.generation.select import generator_named

    if options.rows:
        from svrag.evaluation.element_rows import run_rows

        if options.retrievers or options.before or options.answers or options.baselines:
            raise InputError("--row ranks elements by itself: leave out --retriever, --before, --answers, --baselines")
        return run_rows(
            options.benchmark,
            options.data,
            rows=options.rows,
            library_folder=folder,
            limit=options.limit,
            resume=options.resume,
            on_progress=on_progress,
        )
    if options.pool_curve:
        from svrag.evaluation.pooling_curve import pooling_curve

        if options.before or options.answers or options.baselines:
            raise InputError("--pool-curve measures pooling alone: leave out --before, --answers and --baselines")
        return pooling_curve(
            options.benchmark,
            options.data,
            retrievers=options.retrievers or [settings.retriever],
            library_folder=folder,
            limit=options.limit,
            resume=options.resume,
            on_progress=on_progress,
        )
    generator = generator_named(settings) if options.answers else None
    return run(
        options.benchmark,
        options.data,
        library_folder=folder,
        retrievers=options.retrievers or [settings.retriever],
        before=options.before,
        encoder=settings.encoder,
        generator=generator,
        k=settings.k,
        limit=options.limit,
        baselines=options.baselines,
        resume=options.resume,
        also_depends_on={"model": settings.openai_model} if options.answers else None,
        on_progress=on_progress,
    )


def _eval_compare(options: argparse.Namespace, settings: Settings) -> int:
    from svrag import console
    from svrag.evaluation.compare import compare
    from svrag.evaluation.result_json import load, written

    _check_outputs(options)
    first, second = load(options.first), load(options.second)
    comparison = compare(first, second, (str(options.first), str(options.second)))
    console.print_comparison(comparison)
    if options.json:
        _write(options.json, written(comparison.to_json()))
    if options.report:
        from svrag.evaluation.report import write_comparison

        write_comparison(comparison, options.report)
    return DONE


# Helpers ------------------------------------------------------------------------------------------------------------


def _existing(settings: Settings) -> Library:
    from svrag.library.store import Library

    return Library.open(settings.library_folder(), create=False)


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


def _documents(library: Library, references: Sequence[str]) -> list[str] | None:
    return [library.find(reference).id for reference in references] or None


def _add_paths(library: Library, options: argparse.Namespace, settings: Settings, *, brief: bool = False) -> AddReport:
    from svrag import console
    from svrag.library.ingest import add_paths

    with console.AddProgress(quiet=brief) as progress:
        report = add_paths(
            library,
            options.paths,
            password=options.password,
            workers=settings.workers or None,
            on_event=progress.event,
        )
    for skipped in report.skipped:
        print(f"svrag: skipped {skipped.path}: {skipped.reason}", file=sys.stderr)
    for document in (*report.added, *report.updated):
        _warn(document)
    return report


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


def _warn(document: StoredDocument) -> None:
    """At most three warnings a document: a scan of 300 pages must not scroll everything else away."""
    for warning in document.warnings[:3]:
        print(f"svrag: {document.name}: {warning}", file=sys.stderr)
    if len(document.warnings) > 3:
        rest = len(document.warnings) - 3
        print(f"svrag: {document.name}: {rest} more warnings; `svrag info {document.id}` shows them", file=sys.stderr)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1))


def _check_outputs(options: argparse.Namespace) -> None:
    """Before anything that takes long: what was asked for can be written."""
    if options.json and not options.json.absolute().parent.is_dir():
        raise InputError(f"cannot write {options.json}: there is no folder {options.json.parent}")
    if options.report:
        from svrag.evaluation.plots import check_installed

        check_installed()
        try:
            options.report.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot write to {options.report}: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
