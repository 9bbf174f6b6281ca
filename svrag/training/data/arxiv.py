"""Titles and abstracts of arXiv papers by topic, from arXiv's API or a dump of its metadata, into a parquet file.

Columns: `arxiv_id`, `title`, `abstract`, `categories` (a list), `topic`: the first of the paper's categories that was
asked for. A topic is a category (gr-qc, cs.LG) or an archive with all of its categories (q-bio). Each paper is there
once. Asking the API is done in arxiv_api.py.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from svrag.errors import InputError
from svrag.output import check_folder_of, unwritable

_TELL_EVERY = 10_000  # lines of a dump


@dataclass(frozen=True, slots=True)
class Paper:
    """What is known of a paper; `arxiv_id` is without its version."""

    arxiv_id: str
    title: str
    abstract: str
    categories: tuple[str, ...]

    def topic(self, topics: Sequence[str]) -> str | None:
        """The one of `topics` that the first of its categories that is in any of them is in."""
        found = (
            topic for name in self.categories for topic in topics if name == topic or name.startswith(f"{topic}.")
        )
        return next(found, None)


def paper(arxiv_id: str, title: str, abstract: str, categories: Iterable[str]) -> Paper:
    """A paper with its texts on one line each, as files and feeds break lines anywhere."""
    return Paper(arxiv_id, " ".join(title.split()), " ".join(abstract.split()), tuple(categories))


def from_dump(path: Path, topics: Sequence[str], most: int, on_progress: Callable[[int, int], None]) -> list[Paper]:
    """The last `most` papers of each topic in a dump: a line a paper with `id`, `title`, `abstract` and `categories`,
    separated by spaces (arxiv-metadata-oai-snapshot.json of Kaggle's Cornell-University/arxiv; later is newer).

    Args:
        on_progress: told how many bytes are read, and how many there are.

    Raises:
        InputError: the file cannot be read or a line is something else.
    """
    kept: dict[str, deque[Paper]] = {topic: deque(maxlen=most) for topic in topics}
    try:
        with path.open("rb") as file:
            size, done = path.stat().st_size, 0
            for number, line in enumerate(file, start=1):
                done += len(line)
                if number % _TELL_EVERY == 0 or done == size:
                    on_progress(done, size)
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                    one = paper(row["id"], row["title"], row["abstract"], row["categories"].split())
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise InputError(f"{path}: line {number} is no paper of arXiv's metadata ({error!r})") from None
                topic = one.topic(topics)
                if topic is not None and one.title and one.abstract:
                    kept[topic].append(one)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    return [one for papers in kept.values() for one in papers]


def check_out(out: Path) -> None:
    """Before anything that takes long.

    Raises:
        InputError: the file's name does not end so, or its folder is not there.
    """
    if out.suffix != ".parquet":
        raise InputError(f"{out} is no *.parquet: name the file to write so")
    check_folder_of(out)


def write(out: Path, papers: Iterable[Paper], topics: Sequence[str]) -> dict[str, int]:
    """Write each paper once, and return how many there are of each topic.

    Raises:
        InputError: there is none, or the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    counts = dict.fromkeys(topics, 0)
    rows: dict[str, dict[str, object]] = {}
    for one in papers:
        topic = one.topic(topics)
        if topic is not None and one.arxiv_id not in rows:
            rows[one.arxiv_id] = {**asdict(one), "categories": list(one.categories), "topic": topic}
            counts[topic] += 1
    if not rows:
        raise InputError(f"no paper of {', '.join(topics)}: is that how arXiv writes them (gr-qc, cs.LG, q-bio)?")
    made = out.with_name(f".{out.name}")
    try:
        pq.write_table(pa.Table.from_pylist(list(rows.values())), made)
        os.replace(made, out)
    except OSError as error:
        raise unwritable(out, error) from None
    return counts
