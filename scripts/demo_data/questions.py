"""What is asked about the demo documents, with answers, evidence pages and boxes.

The files are those of the benchmarks: `questions.json` as MMLongBench-Doc publishes its samples (pages 1-based),
`annotations.jsonl` as MMDocIR does (pages 0-based, boxes in points of the page).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from demo_data.made import Made, Place

TEXT, LAYOUT, TABLE, CHART, FIGURE = (
    "Pure-text (Plain-text)",
    "Generalized-text (Layout)",
    "Table",
    "Chart",
    "Figure",
)
PAPER, REPORT, SLIDES = "fog_collectors_paper.pdf", "quillmere_ferries_report_2024.pdf", "winter_cycling_slides.pdf"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question; `places` are names of the document's places. Without places it cannot be answered."""

    document: str
    question: str
    answer: str
    format: str
    sources: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    @property
    def answerable(self) -> bool:
        return bool(self.places)


def _no(document: str, question: str) -> Asked:
    return Asked(document, question, "Not answerable", "None")


QUESTIONS: tuple[Asked, ...] = (
    Asked(PAPER, "What does a collector with three bands cost in total, in euros?", "626", "Int", (TABLE,), ("Table 4",)),
    Asked(PAPER, "What is the RMSE of the model with impaction and retention according to Table 3?", "0.38", "Float",
          (TABLE,), ("Table 3",)),
    Asked(PAPER, "In Figure 3, which collector gives the lowest yield in every month?", "R35", "Str", (CHART,),
          ("Figure 3",)),
    Asked(PAPER, "At which wind speed does the efficiency of the five-band mesh reach its maximum in Figure 4, in m/s?",
          "5", "Int", (CHART,), ("Figure 4",)),
    Asked(PAPER, "Which share of the water is blown off the lowest fifth of the uniform weave, in percent?", "21", "Int",
          (CHART,), ("Figure 7",)),
    Asked(PAPER, "From which direction does the fog come on the map of the ridge?", "South-west", "Str", (FIGURE,),
          ("Figure 2",)),
    Asked(PAPER, "What is the shade coefficient of the top band in the drawing of the five-band collector?", "0.38",
          "Float", (FIGURE,), ("Figure 1",)),
    Asked(PAPER, "How many days were discarded because the logger had lost power?", "18", "Int", (TEXT,), ("screening",)),
    Asked(PAPER, "Which quantity is measured by a four-electrode cell?", "Conductivity of the water", "Str", (TABLE,),
          ("Table A1",)),
    Asked(PAPER, "Which equation describes the retention of water at high wind speed?", "Equation (5)", "Str",
          (LAYOUT,), ("Equation 5",)),
    Asked(PAPER, "Why must polyester thread not be used for the seams?", "It cuts the tape", "Str", (TEXT,),
          ("appendix-c",)),
    Asked(PAPER, "How much lower is the critical speed of the Raschel net than that of the five-band mesh, in m/s?",
          "3.4", "Float", (TABLE,), ("Table B1",)),
    _no(PAPER, "Which glue was used to fix the mesh to the steel frame?"),
    _no(PAPER, "What is the boiling point of the desalinated seawater?"),
    Asked(REPORT, "How many passengers used the Skarn Sound shuttle in 2024, in thousands?", "738", "Int", (CHART,),
          ("chart routes",)),
    Asked(REPORT, "Which share of the energy came from shore power and batteries, in percent?", "22", "Int", (CHART,),
          ("chart energy",)),
    Asked(REPORT, "In which year was the carbon intensity highest?", "2020", "Int", (CHART,), ("chart intensity",)),
    Asked(REPORT, "How many people work in hospitality?", "318", "Int", (CHART,), ("chart staff",)),
    Asked(REPORT, "What was the punctuality in the worst of the five years, in percent of arrivals on time?", "88.7",
          "Float", (CHART,), ("chart punctuality",)),
    Asked(REPORT, "Which ship is the oldest of the fleet and when was it built?", "Lundehavn, 2008", "Str", (TABLE,),
          ("table fleet",)),
    Asked(REPORT, "How many cars can the Night Heron carry?", "120", "Int", (TABLE,), ("table fleet",)),
    Asked(REPORT, "What were the total assets at the end of 2023, in millions of euros?", "444.4", "Float", (TABLE,),
          ("table balance",)),
    Asked(REPORT, "What was the cash from operating activities in 2024, in millions of euros?", "44.2", "Float", (TABLE,),
          ("table cash",)),
    Asked(REPORT, "Why was the Corvane out of service for nine weeks?", "A fire in the engine room", "Str", (TEXT,),
          ("letter-risk",)),
    Asked(REPORT, "When is the dividend paid?", "16 May", "Str", (LAYOUT,), ("calendar",)),
    Asked(REPORT, "Who audited the statements?", "Fennimore & Drax", "Str", (TEXT,), ("note-auditor",)),
    Asked(REPORT, "By how much did revenue from on-board sales grow from 2020 to 2024, in millions of euros?", "14.3",
          "Float", (TABLE, CHART), ("table revenue", "chart revenue")),
    _no(REPORT, "How many helicopters does the company own?"),
    _no(REPORT, "What is the market value of the airport in Oslo?"),
    Asked(SLIDES, "How much was spent on studded tyres, in euros?", "10,240", "Int", (TABLE,), ("table costs",)),
    Asked(SLIDES, "Which station had the most rides started per day?", "Central Station", "Str", (CHART,),
          ("chart stations",)),
    Asked(SLIDES, "What share of people rode for commuting, in percent?", "54", "Int", (CHART,), ("chart purposes",)),
    Asked(SLIDES, "How many falls happened on ice?", "14", "Int", (CHART,), ("chart falls",)),
    Asked(SLIDES, "How many stations will be open in winter 2024/25 according to the proposal?", "11", "Int", (TABLE,),
          ("table proposal",)),
    Asked(SLIDES, "What should be improved about the Sports Park station?", "Close it in winter", "Str", (TEXT,),
          ("To be improved",)),
    Asked(SLIDES, "How many rides were counted in the 20 weeks?", "23,660", "Int", (TEXT,), ("total rides",)),
    _no(SLIDES, "What did it cost to buy the 180 bicycles, in euros?"),
)  # fmt: skip


def _places(asked: Asked, made: Made) -> list[Place]:
    return [place for name in asked.places for place in made.places[name]]


def samples(documents: Sequence[Made]) -> list[dict[str, object]]:
    """The rows of `questions.json`."""
    by_name = {made.name: made for made in documents}
    return [
        {
            "doc_id": asked.document,
            "doc_type": by_name[asked.document].kind,
            "question": asked.question,
            "answer": asked.answer,
            "evidence_pages": str(sorted({place.page for place in _places(asked, by_name[asked.document])})),
            "evidence_sources": str(list(asked.sources)),
            "answer_format": asked.format,
        }
        for asked in QUESTIONS
    ]


def annotations(documents: Sequence[Made]) -> list[dict[str, object]]:
    """The lines of `annotations.jsonl`, one per document, with the questions that can be answered."""
    rows: list[dict[str, object]] = []
    for made in documents:
        questions: list[dict[str, object]] = []
        for asked in QUESTIONS:
            if asked.document != made.name or not asked.answerable:
                continue
            places = _places(asked, made)
            sizes = {place.page: made.pdf[place.page - 1].rect for place in places}
            questions.append({
                "Q": asked.question,
                "A": asked.answer,
                "page_id": sorted({place.page - 1 for place in places}),
                "type": str(list(asked.sources)),
                "layout_mapping": [
                    {
                        "page": place.page - 1,
                        "page_size": [sizes[place.page].width, sizes[place.page].height],
                        "bbox": list(place.area),
                    }
                    for place in places
                ],
            })  # fmt: skip
        rows.append({"doc_name": made.name, "domain": made.kind, "questions": questions})
    return rows
