"""arXiv's API, asked politely: one request in three seconds, again after a wait when it is busy, and never twice.

What came is kept beside the result as a line a request, so that work that was stopped goes on. The feed is Atom with
OpenSearch's counts (info.arxiv.org/help/api/user-manual.html); newest papers come first, so that what is submitted
meanwhile moves others back and none is missed.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

import httpx

from svrag import __version__
from svrag.errors import InputError, ServerError
from svrag.retrievers.servers import BUSY, retry_after
from svrag.training.data.arxiv import Paper, paper

API = "https://export.arxiv.org/api/query"
PAGE = 200  # papers of a request
PAUSE = 3.0  # seconds from one request to the next, as arXiv asks
_TRIES, _LONGEST = 6, 120.0  # of one request, and seconds between two
_TIMEOUT = 60.0
_ATOM = {"atom": "http://www.w3.org/2005/Atom", "search": "http://a9.com/-/spec/opensearch/1.1/"}
_VERSION = re.compile(r"v\d+$")


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to one request: papers of `topic` from number `start`, from 0, of `total`."""

    topic: str
    start: int
    total: int
    papers: tuple[Paper, ...]


def parsed(feed: bytes, topic: str, start: int) -> Page:
    """The page in a feed.

    Raises:
        InputError: arXiv said what is wrong with the question.
        ServerError: no such feed.
    """
    try:
        root = ElementTree.fromstring(feed)
        total = int(root.findtext("search:totalResults", namespaces=_ATOM) or "")
        papers = []
        for entry in root.iterfind("atom:entry", _ATOM):
            texts = {name: entry.findtext(f"atom:{name}", "", _ATOM) for name in ("id", "title", "summary")}
            _, _, id = texts["id"].partition("/abs/")
            if not id:
                raise InputError(f"arXiv does not answer for {topic}: {' '.join(texts['summary'].split())}")
            categories = [element.get("term", "") for element in entry.iterfind("atom:category", _ATOM)]
            papers.append(paper(_VERSION.sub("", id), texts["title"], texts["summary"], categories))
    except (ElementTree.ParseError, ValueError):
        raise ServerError("arXiv answered something else than a feed: try again later") from None
    return Page(topic, start, total, tuple(papers))


def fetch(
    topics: Sequence[str],
    most: int,
    kept: Path,
    *,
    on_progress: Callable[[str, int, int], None],
    api: str = API,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Paper]:
    """The newest `most` papers of each topic; of a paper in several topics, only where its own topic is (`Paper.topic`).

    Args:
        kept: file of what came; what is in it is not asked for again.
        on_progress: told the topic, how many papers there are of it, and how many are wanted.

    Raises:
        InputError: a topic is unknown, or `kept` is something else or cannot be written.
        ServerError: arXiv gave no answer. The same call goes on.
    """
    pages = {(page.topic, page.start): page for page in _read(kept)}
    headers = {"User-Agent": f"svrag/{__version__}"}
    with httpx.Client(headers=headers, timeout=_TIMEOUT, follow_redirects=True) as client:
        asking = _Asking(client, api, sleep)
        found: list[Paper] = []
        for topic in topics:
            own: dict[str, Paper] = {}
            start, total = 0, 1
            while len(own) < most and start < total:
                page = pages.get((topic, start))
                if page is None:
                    page = asking.page(topic, start)
                    _append(kept, page)
                own |= {one.arxiv_id: one for one in page.papers if one.topic(topics) == topic and one.abstract}
                total = page.total
                start += PAGE
                on_progress(topic, min(len(own), most), min(most, total))
            found += list(own.values())[:most]
    return found


class _Asking:
    """Requests with pauses between them."""

    def __init__(self, client: httpx.Client, api: str, sleep: Callable[[float], None]) -> None:
        self._client, self._api, self._sleep = client, api, sleep
        self._last: float | None = None

    def page(self, topic: str, start: int) -> Page:
        """An empty page that should not be is the API's way of being busy."""
        query = f"cat:{topic}" if "." in topic else f"cat:{topic} OR cat:{topic}.*"  # gr-qc, or the archive q-bio
        said = "no answer"
        wait = PAUSE
        for _ in range(_TRIES):
            if self._last is not None:
                self._sleep(max(0.0, self._last + wait - time.monotonic()))
            self._last = time.monotonic()
            wait = min(2 * wait, _LONGEST)
            order = {"sortBy": "submittedDate", "sortOrder": "descending"}
            try:
                answer = self._client.get(
                    self._api, params={"search_query": query, "start": start, "max_results": PAGE, **order}
                )
            except httpx.HTTPError as error:
                said = str(error) or type(error).__name__
                continue
            if answer.status_code in BUSY:
                said = f"status {answer.status_code}"
                wait = max(wait, min(retry_after(answer.headers.get("Retry-After", "")), _LONGEST))
                continue
            page = parsed(answer.content, topic, start)
            if page.papers or start >= page.total:
                return page
            said = "a page without the papers that should be on it"
        raise ServerError(f"arXiv does not answer ({topic}, from {start}: {said}): the same command goes on later")


def _append(path: Path, page: Page) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(page), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; the same command goes on") from None


def _read(path: Path) -> list[Page]:
    """The pages in the file; a line that was left half written is taken away."""
    if not path.exists():
        return []
    try:
        with path.open("rb+") as file:
            whole = file.read()
            end = whole.rfind(b"\n") + 1
            pages = []
            for line in whole[:end].splitlines():
                row = json.loads(line)
                papers = (paper(p["arxiv_id"], p["title"], p["abstract"], p["categories"]) for p in row["papers"])
                pages.append(Page(row["topic"], int(row["start"]), int(row["total"]), tuple(papers)))
            file.truncate(end)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} holds lines that were not written by this command: name another OUT") from None
    return pages
