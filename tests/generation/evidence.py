"""Evidence that the tests of generation share."""

from __future__ import annotations

from svrag.documents.model import Box, Element, ElementType, Table
from svrag.search.result import Hit

BOX = Box(72, 100, 523, 300)


def element(text: str, type: ElementType = "text", **fields: object) -> Element:
    n = fields.pop("n", 0)
    page = fields.pop("page", 1)
    return Element(str(fields.pop("id", f"d0.{page}.{n}")), "d0", type, page, BOX, text, **fields)  # type: ignore[arg-type]


def hits(*elements: Element) -> list[Hit]:
    """As a search returns them: best first, scores falling."""
    return [Hit(i, e, "paper.pdf", 10.0 / i, ()) for i, e in enumerate(elements, start=1)]


KILN = element(
    "The kiln was fired for nine hours at 1240 degrees before the glaze was applied. It cooled over night.", n=1
)
BOWLS = element(
    "Each of the forty-two bowls was weighed twice, and the mean weight was 318 grams. Prof. A. Rossi et al. [12] "
    "had found 290 grams in 2014.",
    n=2,
    section_path=("3 Results",),
)
LOSSES = element(
    "Kiln Bowls Broken\nNorth 42 3\nSouth 38 11",
    "table",
    n=3,
    label="Table 2",
    caption="Table 2. Bowls broken by kiln in the winter of 2015.",
    table=Table((("Kiln", "Bowls", "Broken"), ("North", "42", "3"), ("South", "38", "11"))),
)
CHART = element(
    "Weight in grams\n300\n318\n340",
    "figure",
    n=4,
    label="Figure 3",
    caption="Figure 3. Weight of the bowls before and after firing.",
)
POTTERY = (KILN, BOWLS, LOSSES, CHART)
