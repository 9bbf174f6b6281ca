"""train: fine-tuning by a recipe, and what makes data for it (train mine, train score, train arxiv)."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from svrag.cli.options import Commands, command
from svrag.cli.status import DONE, FAILED
from svrag.errors import InputError, SvragError
from svrag.settings import Settings

_SECONDS_TO_SAY = 10.0


def register(commands: Commands) -> None:
    """`svrag train`, `train mine`, `train score` and `train arxiv`."""
    train = command(
        commands,
        "train",
        _train,
        "fine-tune a retriever by a recipe; torchrun scripts/train/train_colbert.py for several GPUs",
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

    mine = command(commands, "train mine", _mine, "find hard negatives for questions, by any retriever")
    _row_options(mine)
    mine.add_argument("--corpus", metavar="FILE", type=Path, help="more documents, besides those of DATA")
    mine.add_argument("--corpus-document", metavar="COLUMN", default="document", help="of documents in it")
    keep = "of DATA that OUT keeps, such as topics; repeatable"
    mine.add_argument("--keep", metavar="COLUMN", action="append", default=[], help=keep)
    mine.add_argument("--count", type=int, default=5, help="negatives of a question (default: %(default)s)")
    mine.add_argument("--ranks", metavar="A-B", default="1-50", help="that are looked at (default: %(default)s)")
    mine.add_argument(
        "--margin", type=float, help="a negative scores at least so much less than the question's answer"
    )
    mine.add_argument("--max-score", type=float, help="of a negative: above it, it may well be an answer too")

    score = command(commands, "train score", _score, "let a cross-encoder score questions with their documents")
    _row_options(score)
    score.add_argument("--model", metavar="NAME", required=True, help="cross-encoder: a name on the Hub or a folder")
    score.add_argument("--negatives", metavar="COLUMN", default="negatives", help="(default: %(default)s)")
    score.add_argument("--batch", type=int, default=32, help="pairs read at once (default: %(default)s)")

    arxiv = command(commands, "train arxiv", _arxiv, "titles and abstracts of arXiv papers by topic, as parquet")
    arxiv.add_argument("out", metavar="OUT", type=Path, help="*.parquet; what came is kept beside it, to go on after")
    topics = "category or archive: gr-qc, cs.LG, q-bio; repeatable, a paper is under the first of its own"
    arxiv.add_argument("--topic", metavar="NAME", action="append", required=True, dest="topics", help=topics)
    arxiv.add_argument("--most", metavar="N", type=int, default=1000, help="papers of a topic (default: %(default)s)")
    dump = "arxiv-metadata-oai-snapshot.json (Kaggle: Cornell-University/arxiv), instead of asking arXiv"
    arxiv.add_argument("--dump", metavar="FILE", type=Path, help=dump)


def _row_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", type=Path, help="*.jsonl, *.parquet or the folder of a dataset")
    parser.add_argument("out", metavar="OUT", type=Path, help="*.jsonl or *.parquet; what is there is not made again")
    parser.add_argument("--split", metavar="NAME", help="of a folder with several")
    parser.add_argument("--query", metavar="COLUMN", default="query", help="of questions (default: %(default)s)")
    parser.add_argument("--document", metavar="COLUMN", default="document", help="of answers (default: %(default)s)")


def _train(options: argparse.Namespace, settings: Settings) -> int:
    """Under torchrun one of several processes: only the first says what all would say."""
    rank = int(os.environ.get("RANK", "0"))
    try:
        from svrag.console.training import print_training, say
        from svrag.training.recipes import check_files, find_recipe, load_recipe
        from svrag.training.run import train
    except ModuleNotFoundError as error:
        raise InputError(f'training needs {error.name}: pip install "svrag[train]"') from None

    try:
        recipe = load_recipe(options.recipe, options.changes, options.row)
        check_files(recipe, find_recipe(options.recipe))
        result = train(recipe, resume=options.resume, tell=say)
    except SvragError as error:
        if rank == 0:
            raise
        # torchrun ends all processes when one has ended: what all would say, the first has said by then.
        time.sleep(_SECONDS_TO_SAY)
        print(f"svrag: process {rank}: {error}", file=sys.stderr)
        return FAILED
    if rank == 0:
        print_training(result, recipe.evaluation.metric)
    return DONE


def _mine(options: argparse.Namespace, settings: Settings) -> int:
    try:
        from svrag.console.progress import encoding_progress
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
        with encoding_progress() as step:
            few = mine(
                data,
                options.out,
                mining,
                corpus=corpus,
                keep=options.keep,
                on_progress=lambda done, total: step("questions", done, total),
                on_encoding=lambda done, total: step("documents", done, total),
            )
    except ModuleNotFoundError as error:
        raise InputError(f'mining needs {error.name}: pip install "svrag[train]"') from None
    left = f"; {few} questions have fewer than {options.count} negatives" if few else ""
    print(f"{options.out}: hard negatives by {settings.retriever}{left}")
    return DONE


def _score(options: argparse.Namespace, settings: Settings) -> int:
    try:
        from svrag.console.progress import encoding_progress
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
        with encoding_progress() as step:
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


def _arxiv(options: argparse.Namespace, settings: Settings) -> int:
    try:
        from svrag.console.progress import evaluation_progress
        from svrag.training.data import arxiv, arxiv_api

        arxiv.check_out(options.out)
        if options.most < 1:
            raise InputError(f"--most {options.most}: at least 1 paper of a topic")
        topics = list(dict.fromkeys(options.topics))
        with evaluation_progress() as step:
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
