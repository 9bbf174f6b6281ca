"""The role of a section ("method", "result", ...) from its headings, by keywords. Schema v2.1's ten roles."""

from __future__ import annotations

import re
from collections.abc import Sequence

from svrag.graph.model import SectionRole

# First match wins: "Results and discussion" is a result, "Related work and background" related work.
_KEYWORDS: tuple[tuple[SectionRole, str], ...] = (
    ("appendix", r"^(appendi(x|ces)|annex(es)?|anhang|supplement)"),
    ("references", r"^(references?|bibliography|works cited|literature cited|literaturverzeichnis)\b"),
    (
        "front_matter",
        r"^(abstract|summary|executive summary|keywords?|ccs concepts|acm reference|contents|table of contents|"
        r"acknowledge?ments?|zusammenfassung|about (this|the) report|preface|foreword)\b",
    ),
    ("related_work", r"\b(related works?|prior work|previous work|literature review|background|preliminar(y|ies))\b"),
    ("intro", r"\b(introduction|motivation|overview|einleitung)\b"),
    ("conclusion", r"\b(conclusions?|concluding|future work|outlook|fazit)\b"),
    (
        "result",
        r"\b(results?|findings?|evaluation|experiments?|experimental|performance|ablations?|"
        r"analysis of results|ergebnisse)\b",
    ),
    ("discussion", r"\b(discussion|limitations?|implications?|threats to validity|diskussion)\b"),
    (
        "method",
        r"\b(methods?|methodology|methodik|approach|model|architecture|algorithms?|framework|materials?|"
        r"data(sets?)?|dataset construction|setup|implementation|training|problem (statement|formulation))\b",
    ),
)
_NUMBERING = re.compile(
    r"^\s*(?:(?:section|chapter|part)\s+)?(?:[ivxlc]{1,6}[.):]|\d{1,2}(?:\.\d{1,2})*[.):]?|[a-z][.):])\s+"
)
# A heading that is a whole sentence names its subject first; "... could harm our results" is no result.
_TELLING_WORDS = 6
_SPACED = re.compile(r"^(?:\w ){3,}\w\b")


def section_role(headings: Sequence[str]) -> SectionRole:
    """The role of what stands under `headings`, outermost first: the innermost that tells decides.

    Appendix and references hold for all below them, whatever their subsections tell.
    """
    found: SectionRole = "other"
    for heading in headings:
        role = heading_role(heading)
        if role in ("appendix", "references"):
            return role
        if role != "other":
            found = role
    return found


def heading_role(heading: str) -> SectionRole:
    """The role one heading tells; "other" when it tells none."""
    plain = " ".join(_plain(heading).split()[:_TELLING_WORDS])
    # Letter-spaced type leaves no gaps between words: "relatedwork".
    return next((r for r, pattern in _KEYWORDS if re.search(pattern.replace(" ", " ?"), plain)), "other")


def _plain(heading: str) -> str:
    """Lower case, without numbering; letter-spaced type ("I N T R O") put together."""
    text = " ".join(heading.split())
    if _SPACED.match(text):
        text = re.sub(r"(?<=\b\w) (?=\w\b)", "", text)
    return _NUMBERING.sub("", text.lower(), count=1)
