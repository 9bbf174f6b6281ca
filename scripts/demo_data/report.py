"""The demo annual report: twelve pages of an invented ferry company; charts with a title and a source, no numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pymupdf

from demo_data.charts import Axes, Look, Series, legend, ring
from demo_data.made import Made, describe
from demo_data.sheet import WHITE, Area, Color, Sheet, Style, grey, rgb
from demo_data.tables import Grid, draw_table

WIDTH, HEIGHT = 595.0, 842.0
LEFT, RIGHT = 56.0, 539.0
MIDDLE = (LEFT + RIGHT) / 2
GAP = 22.0
HALF = (RIGHT - LEFT - GAP) / 2

NAVY, TEAL, SAND, CORAL, SKY, MIST = (
    rgb("12355b"), rgb("2a9d8f"), rgb("e9c46a"), rgb("d8694a"), rgb("8ab8d8"), rgb("eef3f7"),
)  # fmt: skip
INK = grey(0.16)
QUIET = grey(0.42)

BODY = Style("sans", 10.2, 15.0, INK)
LEAD = Style("sans", 12.0, 17.0, NAVY)
HEAD = Style("sans", 22.0, 27.0, NAVY, bold=True)
SUBHEAD = Style("sans", 11.5, 15.0, TEAL, bold=True)
CHART_TITLE = Style("sans", 10.2, 13.0, NAVY, bold=True)
UNIT = Style("sans", 8.0, 10.0, QUIET)
SOURCE = Style("sans", 7.4, 9.4, QUIET, italic=True)
LABEL = Style("sans", 7.6, 9.4, grey(0.25))
LOOK = Look(LABEL)
CELL = Style("sans", 9.2, 11.4, INK)

COMPANY = "Quillmere Ferries"
YEARS = ("2020", "2021", "2022", "2023", "2024")
SEGMENTS = {
    "Passengers": (61.2, 74.8, 98.3, 110.6, 121.4),
    "Vehicles": (38.5, 44.1, 52.7, 57.9, 62.3),
    "Freight": (47.6, 49.9, 53.2, 51.8, 54.7),
    "On-board sales": (9.8, 12.6, 18.4, 21.3, 24.1),
}
SEGMENT_COLORS = (NAVY, TEAL, SAND, CORAL)
ROUTES = (
    ("Quillmere–Asterholm", 1284),
    ("Quillmere–Port Evrell", 962),
    ("Skarn Sound shuttle", 738),
    ("Asterholm–Lunde", 415),
    ("Island Night Line", 201),
)
PASSENGERS = (3310, 1640, 2115, 2980, 3345, 3600)
VEHICLES = (702, 430, 538, 655, 691, 728)
PUNCTUALITY = (93.1, 92.4, 88.7, 90.2, 94.6)
INTENSITY = (148, 171, 159, 141, 129, 112)
ENERGY = (("Marine gas oil", 61, NAVY), ("Shore power and batteries", 22, TEAL), ("Renewable diesel (HVO)", 17, SAND))
INJURIES = (4.8, 4.1, 3.9, 3.2, 2.6)
STAFF = (("Deck and engine", 512), ("Hospitality", 318), ("Terminals", 204), ("Administration", 112))


class _Report:
    def __init__(self, made: Made) -> None:
        self.made = made
        self.sheets: list[Sheet] = []

    def page(self, section: str, heading: str) -> Sheet:
        sheet = Sheet(self.made.pdf, WIDTH, HEIGHT)
        self.sheets.append(sheet)
        small = Style("sans", 7.8, 10.0, QUIET)
        sheet.text(LEFT, 40, section, small.but(bold=True, color=TEAL))
        sheet.rect((LEFT, 47, LEFT + 34, 49), TEAL)
        sheet.line((LEFT, 806), (RIGHT, 806), grey(0.8), 0.5)
        sheet.text(LEFT, 819, f"{COMPANY} plc~~~|~~~Annual Report 2024", small)
        sheet.text(RIGHT, 819, str(sheet.number), small.but(bold=True), "right")
        if heading:
            sheet.paragraph(LEFT, 64, RIGHT - LEFT, heading, HEAD)
        return sheet

    def prose(
        self,
        sheet: Sheet,
        x: float,
        y: float,
        width: float,
        paragraphs: Sequence[tuple[str, str]],
        style: Style = BODY,
    ) -> float:
        """Named paragraphs below each other; where the next thing may begin. A name "#" makes a subheading."""
        for name, text in paragraphs:
            if name == "#":
                area = sheet.paragraph(x, y + 4, width, text, SUBHEAD)
                y = area.y1 + 6
                continue
            area = sheet.paragraph(x, y, width, text, style)
            self.made.keep(name, sheet.number, area)
            y = area.y1 + 0.62 * style.leading
        return y

    def chart(self, sheet: Sheet, name: str, area: Area, title: str, unit: str, source: str) -> Area:
        """Title and unit above a chart, the source below; the area between them."""
        sheet.line((area.x0, area.y0), (area.x1, area.y0), NAVY, 1.0)
        sheet.text(area.x0, area.y0 + 14, title, CHART_TITLE)
        sheet.text(area.x0, area.y0 + 25, unit, UNIT)
        sheet.text(area.x0, area.y1 - 3, f"Source: {source}", SOURCE)
        inner = area.inset(0, 33, 0, 15)
        self.made.keep(name, sheet.number, inner)
        return inner

    def table(
        self, sheet: Sheet, name: str, x: float, y: float, width: float, title: str, unit: str,
        rows: Sequence[Sequence[str]], grid: Grid,
    ) -> float:  # fmt: skip
        if title:
            sheet.text(x, y + 10, title, CHART_TITLE)
            sheet.text(x + width, y + 10, unit, UNIT, "right")
            y += 18
        area = draw_table(sheet, x, y, width, rows, grid)
        self.made.keep(name, sheet.number, area)
        return area.y1


def _grid(shares: Sequence[float], totals: Sequence[int] = (), aligns: str = "") -> Grid:
    names = {"l": "left", "c": "center", "r": "right"}
    letters = aligns or "l" + "r" * (len(shares) - 1)
    return Grid(
        tuple(shares), tuple(names[a] for a in letters), CELL, CELL.but(bold=True, color=WHITE),  # type: ignore[arg-type, misc]
        pad=4.0, rule=(NAVY, 0.8), head_fill=NAVY, stripe=MIST, totals=totals, gap=6.0,
    )  # fmt: skip


def _waves(sheet: Sheet, top: float, bottom: float, colors: Sequence[Color]) -> None:
    step = (bottom - top) / len(colors)
    for i, color in enumerate(colors):
        y = top + i * step
        edge = [
            (x, y + 11 * math.sin(x / (74 + 9 * i) + 1.7 * i) + 4 * math.sin(x / 31 + i)) for x in range(0, 600, 5)
        ]
        sheet.polygon([(0, bottom), *edge, (WIDTH, bottom)], color)


def _cover(report: _Report) -> None:
    sheet = Sheet(report.made.pdf, WIDTH, HEIGHT)
    report.sheets.append(sheet)
    sheet.rect((0, 0, WIDTH, HEIGHT), rgb("f6f1e6"))
    sheet.circle((430, 300), 74, rgb("f0c987"))
    _waves(sheet, 372, HEIGHT, (rgb("a9cbe0"), rgb("6fa8c9"), rgb("3f7fa8"), rgb("1f5a86"), NAVY))
    hull = [(150, 392), (395, 392), (370, 424), (176, 424)]
    sheet.polygon(hull, NAVY)
    sheet.polygon([(154, 397), (391, 397), (388, 401), (157, 401)], CORAL)
    sheet.rect((182, 366, 352, 392), WHITE, NAVY, 0.8)
    sheet.rect((206, 345, 330, 366), WHITE, NAVY, 0.8)
    sheet.rect((228, 328, 262, 345), WHITE, NAVY, 0.8)
    sheet.rect((296, 318, 316, 345), TEAL)
    for x in range(190, 341, 13):
        sheet.rect((x, 374, x + 7, 381), rgb("8ab8d8"))
    for x in range(212, 320, 13):
        sheet.rect((x, 352, x + 7, 358), rgb("8ab8d8"))
    sheet.text(LEFT, 92, COMPANY, Style("sans", 17.0, 20.0, TEAL, bold=True))
    sheet.text(LEFT, 158, "Annual Report", Style("sans", 46.0, 50.0, NAVY, bold=True))
    sheet.text(LEFT, 206, "2024", Style("sans", 46.0, 50.0, NAVY))
    sheet.text(LEFT, 244, "Quieter ships, fuller decks", Style("sans", 15.0, 18.0, INK, italic=True))
    sheet.text(LEFT, 798, "Quillmere Ferries plc, for the year ended 31 December 2024", BODY.but(color=WHITE))


def _glance(report: _Report) -> None:
    sheet = report.page("OVERVIEW", "The year at a glance")
    report.prose(sheet, LEFT, 104, RIGHT - LEFT, [(
        "glance",
        "We carry people, cars and goods between the mainland and eleven islands, every day of the year. In 2024 more "
        "people travelled with us than ever before, and for the first time a battery-hybrid ship served our "
        "busiest route.")], LEAD)  # fmt: skip
    tiles = (
        ("€262.5m", "Revenue", "up 8.7% on 2023", NAVY),
        ("3.60m", "Passengers", "up 7.6% on 2023", TEAL),
        ("€30.7m", "Operating profit", "2023: €18.4m", CORAL),
        ("94.6%", "Arrivals on time", "2023: 90.2%", TEAL),
        ("112 g", "CO_{2} per passenger-km", "2019: 148 g", CORAL),
        ("€0.18", "Dividend per share", "2023: €0.10", NAVY),
        ("7", "Ships", "average age 7 years", CORAL),
        ("1,146", "Employees", "full-time equivalents", NAVY),
        ("4.4 / 5", "Passenger rating", "from 21,300 answers", TEAL),
    )
    wide, high, gap = (RIGHT - LEFT - 2 * 14) / 3, 92.0, 14.0
    for i, (figure, name, note, color) in enumerate(tiles):
        x, y = LEFT + (i % 3) * (wide + gap), 184 + (i // 3) * (high + gap)
        sheet.rect((x, y, x + wide, y + high), MIST, radius=5)
        sheet.rect((x, y + 10, x + 3.5, y + high - 10), color)
        sheet.text(x + 16, y + 40, figure, Style("sans", 25.0, 30.0, color, bold=True))
        sheet.text(x + 16, y + 60, name, BODY.but(bold=True, size=9.8))
        sheet.text(x + 16, y + 75, note, UNIT.but(size=8.6))
        report.made.keep(f"tile {name}", sheet.number, (x, y, x + wide, y + high))
    y = 184 + 3 * (high + gap) + 12
    sheet.text(LEFT, y + 14, "In this report", SUBHEAD)
    entries = (
        ("Letter to shareholders", 3), ("Our priorities", 4), ("Traffic and routes", 5), ("Revenue", 6),
        ("Fleet", 7), ("Climate and energy", 8), ("People and punctuality", 9), ("Income statement", 10),
        ("Balance sheet and cash flow", 11), ("Five-year summary and calendar", 12),
    )  # fmt: skip
    for i, (title, number) in enumerate(entries):
        x = LEFT + (i // 5) * (HALF + GAP)
        line = y + 36 + (i % 5) * 19
        sheet.text(x, line, title, BODY)
        sheet.text(x + HALF, line, str(number), BODY.but(bold=True), "right")
        sheet.line((x, line + 5.5), (x + HALF, line + 5.5), grey(0.85), 0.4)


def _letter(report: _Report) -> None:
    sheet = report.page("LETTER TO SHAREHOLDERS", "A year like a crossing in good weather")
    y = report.prose(sheet, LEFT, 104, RIGHT - LEFT, [(
        "letter-lead", "Dear shareholders, two winters ago we told you that the company would be smaller before it "
        "could be better. This year it became better, and it is no longer small.")], LEAD)  # fmt: skip
    y += 6
    left = [
        ("letter-result",
         "Revenue rose to €262.5 million and operating profit to €30.7 million, the highest since the company was "
         "listed. Both were helped by a warm September, which brought 96,000 more day-trippers than the year before. "
         "But weather explains only part of it. Fares rose by less than inflation; the larger part of the growth came "
         "from fuller ships and from guests who ate, drank and shopped on board."),
        ("letter-aurelia",
         "On 18 April the *Aurelia* made her first crossing from Quillmere to Asterholm. She runs on batteries inside "
         "both harbours and for about a third of the way at sea. In eight months she used 41% less fuel per trip than "
         "the ship she replaced, the *Tern*, which we sold to a yard for conversion. Residents of the old "
         "harbour have written to thank us for the silence, which does not happen often to a shipping company."),
        ("letter-punctual",
         "You will remember that punctuality was our sore point. When the quay at Asterholm was rebuilt in 2022, ships had "
         "to queue for a single berth and fewer than nine in ten arrived on time. The second berth opened in May "
         "2023. Since then we have retimed every connection with the island buses, and in 2024 arrivals on time "
         "reached 94.6%, the best figure on record."),
    ]  # fmt: skip
    right = [
        ("letter-risk",
         "Not everything went well. A fire in the engine room of the *Corvane* in February hurt nobody, but it kept her "
         "out of service for nine weeks and cost us €2.1 million after insurance. The cause was a fuel pipe "
         "whose bracket had worked loose. All brackets of this type in the fleet have been exchanged, and engine rooms "
         "are now inspected with thermal cameras every month."),
        ("letter-dividend",
         "The board proposes a dividend of €0.18 per share, after €0.10 in the previous year. This is 37% of the profit "
         "for the year and leaves room for the two battery ships that we intend to order. We plan to decide on the yard "
         "in the autumn of 2025 and to take delivery of the first of them in 2028."),
        ("letter-thanks",
         "Our thanks go to the crews and the people in the terminals, who made the timetable work; to the island "
         "councils, with whom it is a pleasure to disagree; and to you, for your patience in the years when there "
         "was little to report but plans."),
    ]  # fmt: skip
    report.prose(sheet, LEFT, y, HALF, left)
    end = report.prose(sheet, LEFT + HALF + GAP, y, HALF, right) + 18
    x = LEFT + HALF + GAP
    for i, (name, role) in enumerate((("Maren Ostrowe", "Chair of the Board"), ("Idris Calloway", "Chief Executive"))):
        left_edge = x + i * 118
        points = [
            (
                left_edge + 0.9 * t + 5 * math.sin(t / 3.1 + i),
                end + 10 - (9 - 0.08 * t) * math.sin(t / (4.3 + 1.4 * i)) - 0.05 * t,
            )
            for t in range(0, 90)
        ]
        sheet.polyline(points, NAVY, 0.9)
        sheet.text(left_edge, end + 36, name, BODY.but(bold=True))
        sheet.text(left_edge, end + 48, role, UNIT.but(size=8.6))
    sheet.text(x, end + 70, "Quillmere, 12 March 2025", UNIT.but(size=8.6))


def _priorities(report: _Report) -> None:
    sheet = report.page("STRATEGY", "Our priorities until 2030")
    y = report.prose(sheet, LEFT, 104, RIGHT - LEFT, [(
        "priorities", "The plan we adopted in 2021 has four parts. Each has one person on the executive team who answers "
        "for it and one figure by which it is judged.")], LEAD)  # fmt: skip
    cards = (
        ("1", "A timetable you can rely on",
         "At least 95% of arrivals within ten minutes of the timetable, on every route and in every month. The Island "
         "Night Line is furthest from this, because it crosses the bank off Lunde only at high water. A shallower ship is "
         "the only lasting cure.", "94.6% in 2024", TEAL),
        ("2", "Half the carbon by 2030",
         "Emissions per passenger-kilometre are to fall to 70 g, less than half of the 148 g of 2019. Three measures "
         "carry the plan: battery ships on crossings below 25 km, renewable diesel on the longer ones, and slower "
         "sailing at night.", "112 g in 2024", CORAL),
        ("3", "Earning what we invest",
         "A return of 9% on capital employed over the cycle. Growth comes from freight on weekday mornings, when the car "
         "decks are half empty, and from sales on board, which need no further ships.", "7.4% in 2024", NAVY),
        ("4", "A good place to work at sea",
         "Fewer than two injuries with lost time per million hours, and a cabin of their own for every member of a crew "
         "that sleeps on board. The cabins of the *Night Heron* will be rebuilt in the winter of 2025.",
         "2.6 in 2024", SAND),
    )  # fmt: skip
    y += 8
    for number, title, text, figure, color in cards:
        sheet.rect((LEFT, y, RIGHT, y + 138), MIST, radius=5)
        sheet.circle((LEFT + 34, y + 38), 17, color)
        sheet.text(LEFT + 34, y + 44, number, Style("sans", 17.0, 20.0, WHITE, bold=True), "center")
        sheet.text(LEFT + 68, y + 28, title, SUBHEAD.but(color=NAVY, size=12.5))
        area = sheet.paragraph(LEFT + 68, y + 42, 262, text, BODY)
        report.made.keep(f"priority {number}", sheet.number, area)
        sheet.line((RIGHT - 140, y + 20), (RIGHT - 140, y + 118), grey(0.8), 0.6)
        value, _, year = figure.partition(" in ")
        sheet.text(RIGHT - 70, y + 70, value, Style("sans", 24.0, 28.0, NAVY, bold=True), "center")
        sheet.text(RIGHT - 70, y + 90, f"in {year}", UNIT.but(size=9.0), "center")
        y += 154


def _traffic(report: _Report) -> None:
    sheet = report.page("BUSINESS REVIEW", "Traffic and routes")
    report.prose(sheet, LEFT, 104, RIGHT - LEFT, [
        ("traffic",
         "In 2024 we carried 3.60 million passengers and 728,000 vehicles, both more than before the slump of 2020. Two "
         "fifths of the growth came from the Quillmere–Asterholm route, where the *Aurelia* offers 130 seats more than her "
         "predecessor. The Skarn Sound shuttle gained commuters after the islands introduced a common monthly ticket."),
        ("traffic-night",
         "Only the Island Night Line lost passengers, 6% of them, since it did not sail for three weeks in November. "
         "Low water over the bank off Lunde, not the ship, was the reason."),
    ])  # fmt: skip
    area = report.chart(
        sheet, "chart routes", Area(LEFT, 236, RIGHT, 484), "Passengers by route, 2024", "thousand",
        "Quillmere Ferries, ticketing system. Children under four are not counted.",
    )  # fmt: skip
    axes = Axes(sheet, area.inset(112, 2, 34, 18), (0, 1400), (0.4, 5.6), LOOK)
    axes.x_ticks(range(0, 1401, 200), "{:,}", grid=True)
    for i, (name, value) in enumerate(ROUTES):
        bar = axes.bar_across(5 - i, 0.58, value, TEAL)
        sheet.text(bar.x1 + 5, (bar.y0 + bar.y1) / 2 + 2.8, f"{value:,}", LABEL.but(bold=True))
        sheet.text(axes.area.x0 - 7, (bar.y0 + bar.y1) / 2 + 2.8, name, LABEL.but(size=8.4), "right")
    axes.frame()
    wide = report.chart(
        sheet, "chart traffic", Area(LEFT, 512, RIGHT, 788), "Passengers and vehicles carried, 2019–2024", "thousand",
        "Quillmere Ferries. Vehicles are cars, vans, coaches and lorries.",
    )  # fmt: skip
    axes = Axes(sheet, wide.inset(36, 8, 10, 18), (2018.6, 2024.4), (0, 4000), LOOK)
    axes.y_ticks(range(0, 4001, 500), "{:,}")
    axes.x_ticks(range(2019, 2025), "{:d}")
    series = (
        Series("Passengers", TEAL, tuple(map(float, PASSENGERS)), "circle"),
        Series("Vehicles", CORAL, tuple(map(float, VEHICLES)), "square"),
    )
    for one in series:
        axes.line(range(2019, 2025), one, 1.8, 2.8)
        for year, value in zip(range(2019, 2025), one.values, strict=True):
            below = 14 if value == min(PASSENGERS) else -7
            sheet.text(axes.x(year), axes.y(value) + below, f"{value:,.0f}", LABEL.but(color=one.color), "center")
    axes.frame()
    legend(sheet, RIGHT - 160, wide.y0 - 24, series, LABEL, "line", columns=2)


def _revenue(report: _Report) -> None:
    sheet = report.page("BUSINESS REVIEW", "Revenue")
    report.prose(sheet, LEFT, 104, RIGHT - LEFT, [
        ("revenue",
         "Revenue grew by 8.7%. Tickets for passengers remain the largest source, but sales on board grew fastest, by "
         "13%: the kitchens of two ships were rebuilt, and pre-ordered breakfast on the morning crossings has found "
         "many friends. Freight recovered after the quarry on Lunde resumed work in March."),
    ])  # fmt: skip
    area = report.chart(
        sheet, "chart revenue", Area(LEFT, 168, RIGHT, 478), "Revenue by segment, 2020–2024", "€ million",
        "Quillmere Ferries, audited accounts.",
    )  # fmt: skip
    axes = Axes(sheet, area.inset(30, 26, 6, 18), (0.4, 5.6), (0, 300), LOOK)
    axes.y_ticks(range(0, 301, 50))
    axes.x_ticks(range(1, 6), names=YEARS)
    for i in range(5):
        base = 0.0
        for (_, values), color in zip(SEGMENTS.items(), SEGMENT_COLORS, strict=True):
            bar = axes.bar(i + 1, 0.56, base + values[i], color, base)
            if bar.height > 13:
                ink = NAVY if color == SAND else WHITE
                sheet.text(
                    (bar.x0 + bar.x1) / 2,
                    (bar.y0 + bar.y1) / 2 + 2.7,
                    f"{values[i]:.1f}",
                    LABEL.but(color=ink),
                    "center",
                )
            base += values[i]
        sheet.text(axes.x(i + 1), axes.y(base) - 5, f"{base:.1f}", LABEL.but(bold=True, size=8.4), "center")
    axes.frame()
    series = [Series(name, color) for name, color in zip(SEGMENTS, SEGMENT_COLORS, strict=True)]
    legend(sheet, LEFT + 28, area.y0 - 1, series, LABEL, "box", columns=4)
    rows = [("€ million", *YEARS)]
    rows += [(name, *(f"{v:.1f}" for v in values)) for name, values in SEGMENTS.items()]
    rows.append(("Total", *(f"{sum(v[i] for v in SEGMENTS.values()):.1f}" for i in range(5))))
    y = report.table(
        sheet, "table revenue", LEFT, 500, RIGHT - LEFT, "Revenue by segment", "years to 31 December", rows,
        _grid((2.2, 1, 1, 1, 1, 1), (4,)),
    )  # fmt: skip
    report.prose(sheet, LEFT, y + 20, RIGHT - LEFT, [
        ("#", "Outlook"),
        ("outlook",
         "For 2025 we expect revenue between €268 million and €276 million. Bookings for the summer were 5% ahead of last "
         "year at the end of February. The timetable grows by 140 departures, most of them on the Skarn Sound "
         "in the evening. Harbour dues at Port Evrell will rise by a fifth from July, which we shall not be able to "
         "pass on in full."),
    ])  # fmt: skip


def _fleet(report: _Report) -> None:
    sheet = report.page("BUSINESS REVIEW", "Fleet")
    y = report.prose(sheet, LEFT, 104, RIGHT - LEFT, [
        ("fleet",
         "Seven ships sail under our flag. Together they have berths and seats for 3,810 passengers and room for 795 cars. "
         "The two shuttles on the Skarn Sound draw all their energy from the shore; the *Aurelia* charges in both of her "
         "harbours within eleven minutes."),
    ])  # fmt: skip
    rows = (
        ("Ship", "Built", "Route", "Passengers", "Cars", "Propulsion"),
        ("Aurelia", "2024", "Quillmere–Asterholm", "850", "180", "Battery-hybrid"),
        ("Marrow Light", "2017", "Quillmere–Port Evrell", "720", "165", "Diesel-electric"),
        ("Corvane", "2011", "Quillmere–Port Evrell", "680", "150", "Diesel"),
        ("Sound Runner I", "2021", "Skarn Sound shuttle", "300", "45", "Battery"),
        ("Sound Runner II", "2022", "Skarn Sound shuttle", "300", "45", "Battery"),
        ("Lundehavn", "2008", "Asterholm–Lunde", "420", "90", "Diesel"),
        ("Night Heron", "2014", "Island Night Line", "540", "120", "Diesel, HVO"),
        ("Total", "", "", "3,810", "795", ""),
    )
    y = report.table(
        sheet, "table fleet", LEFT, y + 6, RIGHT - LEFT, "The fleet at 31 December 2024", "", rows,
        _grid((1.5, 0.7, 2.0, 1.1, 0.7, 1.5), (7,), "lclrrl"),
    )  # fmt: skip
    top = y + 24
    report.prose(sheet, LEFT, top - 6, HALF, [
        ("#", "Maintenance"),
        ("maintenance",
         "Every ship spends about three weeks a year in dock. In 2024 the *Lundehavn* received new bow doors, the "
         "last of the fleet to be fitted with doors that report their position to the bridge. Spare parts for her main "
         "engines are no longer made; we keep a third engine ashore as a store of parts, enough until about "
         "2029."),
        ("#", "New ships"),
        ("new-ships",
         "Two battery ships for 600 passengers and 130 cars each are to replace the *Corvane* and the *Lundehavn*. Four "
         "yards have been asked for offers. The chargers at Port Evrell need a new line from the mainland grid, which the "
         "operator of the grid has promised for the summer of 2027."),
    ])  # fmt: skip
    left = LEFT + HALF + GAP
    area = report.chart(
        sheet, "chart age", Area(left, top, RIGHT, top + 290), "Age of the ships at the end of 2024", "years",
        "Quillmere Ferries, ship register.",
    )  # fmt: skip
    axes = Axes(sheet, area.inset(74, 0, 18, 18), (0, 18), (0.4, 7.6), LOOK)
    axes.x_ticks(range(0, 19, 3), grid=True)
    for i, row in enumerate(rows[1:-1]):
        age = 2024 - int(row[1])
        bar = axes.bar_across(7 - i, 0.56, max(age, 0.12), SKY)
        sheet.text(bar.x1 + 4, (bar.y0 + bar.y1) / 2 + 2.7, str(age), LABEL.but(bold=True))
        sheet.text(axes.area.x0 - 6, (bar.y0 + bar.y1) / 2 + 2.7, row[0], LABEL.but(size=8.0), "right")
    axes.frame()


def _climate(report: _Report) -> None:
    sheet = report.page("RESPONSIBILITY", "Climate and energy")
    report.prose(sheet, LEFT, 104, RIGHT - LEFT, [
        ("climate",
         "Emissions per passenger-kilometre fell by 13% to 112 g, mainly because of the *Aurelia* and because the *Night "
         "Heron* has burnt renewable diesel since January. In the year of the slump the figure had risen, as "
         "nearly empty ships burn almost as much as full ones."),
    ])  # fmt: skip
    area = report.chart(
        sheet, "chart intensity", Area(LEFT, 168, RIGHT, 440), "Carbon intensity, 2019–2024, and target for 2030",
        "grams of CO_{2} per passenger-kilometre", "Quillmere Ferries; emission factors of the National Shipping Office.",
    )  # fmt: skip
    axes = Axes(sheet, area.inset(30, 8, 12, 18), (2018.4, 2030.6), (0, 200), LOOK)
    axes.y_ticks(range(0, 201, 25))
    axes.x_ticks(range(2019, 2031), "{:d}")
    line = Series("Actual", NAVY, tuple(map(float, INTENSITY)))
    path = Series("Path to target", TEAL, (112.0, 70.0), "none", "[4 3] 0")
    axes.line((2024, 2030), path, 1.5)
    axes.line(range(2019, 2025), line, 1.9, 3.0)
    for year, value in zip(range(2019, 2025), INTENSITY, strict=True):
        sheet.text(axes.x(year), axes.y(value) - 8, str(value), LABEL.but(bold=True), "center")
    at = (axes.x(2030), axes.y(70))
    sheet.circle(at, 3.4, WHITE, TEAL, 1.6)
    sheet.text(at[0], at[1] - 9, "70", LABEL.but(bold=True, color=TEAL), "center")
    axes.frame()
    legend(sheet, RIGHT - 190, area.y0 - 22, (line, path), LABEL, "line", columns=2)
    top = 468.0
    area = report.chart(
        sheet, "chart energy", Area(LEFT, top, LEFT + HALF, top + 316), "Energy used by source, 2024", "percent",
        "Quillmere Ferries, bunker and grid meters.",
    )  # fmt: skip
    center = ((area.x0 + area.x1) / 2, area.y0 + 98)
    inks = (WHITE, WHITE, NAVY)
    ring(
        sheet, center, 92, 50, [(share, color) for _, share, color in ENERGY],
        lambda i: (f"{ENERGY[i][1]}%", Style("sans", 11.0, 13.0, inks[i], bold=True)),
    )  # fmt: skip
    sheet.text(center[0], center[1] - 2, "412 GWh", Style("sans", 13.0, 15.0, NAVY, bold=True), "center")
    sheet.text(center[0], center[1] + 12, "in total", UNIT, "center")
    for i, (name, _, color) in enumerate(ENERGY):
        y = area.y1 - 56 + 16 * i
        sheet.rect((area.x0 + 40, y, area.x0 + 49, y + 9), color)
        sheet.text(area.x0 + 56, y + 7.8, name, LABEL.but(size=8.6))
    report.prose(sheet, LEFT + HALF + GAP, top - 2, HALF, [
        ("#", "What we did"),
        ("climate-done",
         "The charging stations at Quillmere and Asterholm went into service in March. They draw at most 9 megawatts from "
         "the grid and more from batteries on the quay, which fill up between two calls. Electricity comes from "
         "wind farms under a contract that runs until 2033."),
        ("climate-speed",
         "From October the *Night Heron* has sailed at 13 knots instead of 16. The crossing takes fifty minutes longer, "
         "during which, we are told, guests sleep better."),
        ("#", "What remains"),
        ("climate-todo",
         "Renewable diesel costs about 70% more than marine gas oil, and its price moves with the harvest. We buy "
         "one year ahead and count only fuel with proof of origin. Methane, refrigerants and the "
         "travel of our guests to the harbour are not yet part of the figures."),
    ])  # fmt: skip


def _people(report: _Report) -> None:
    sheet = report.page("RESPONSIBILITY", "People and punctuality")
    report.prose(sheet, LEFT, 104, RIGHT - LEFT, [
        ("people",
         "On average 1,146 people worked for us, counted as full-time posts. Nearly half of them belong to deck and "
         "engine. Forty-one apprentices began their training in September, twice as many as two years ago, in a new school "
         "at Port Evrell that we share with the pilots and the coast guard."),
    ])  # fmt: skip
    top = 170.0
    area = report.chart(
        sheet, "chart staff", Area(LEFT, top, LEFT + HALF, top + 262), "Employees by department, 2024",
        "full-time equivalents, yearly average", "Quillmere Ferries, payroll.",
    )  # fmt: skip
    axes = Axes(sheet, area.inset(30, 12, 4, 18), (0.4, 4.6), (0, 600), LOOK)
    axes.y_ticks(range(0, 601, 100))
    for i, (_, count) in enumerate(STAFF):
        bar = axes.bar(i + 1, 0.6, count, (NAVY, TEAL, SAND, CORAL)[i])
        sheet.text((bar.x0 + bar.x1) / 2, bar.y0 - 4, str(count), LABEL.but(bold=True), "center")
    axes.frame()
    axes.x_ticks(range(1, 5), names=[name.replace("Deck and engine", "Deck, engine") for name, _ in STAFF])
    left = LEFT + HALF + GAP
    area = report.chart(
        sheet, "chart injuries", Area(left, top, RIGHT, top + 262), "Injuries with lost time, 2020–2024",
        "per million hours worked", "Quillmere Ferries, safety register.",
    )  # fmt: skip
    axes = Axes(sheet, area.inset(26, 12, 6, 18), (0.4, 5.6), (0, 6), LOOK)
    axes.y_ticks(range(0, 7))
    for i, rate in enumerate(INJURIES):
        bar = axes.bar(i + 1, 0.54, rate, CORAL if i < 4 else NAVY)
        sheet.text((bar.x0 + bar.x1) / 2, bar.y0 - 4, f"{rate:.1f}", LABEL.but(bold=True), "center")
    axes.frame()
    axes.x_ticks(range(1, 6), names=YEARS)
    top = 460.0
    area = report.chart(
        sheet, "chart punctuality", Area(LEFT, top, RIGHT, top + 206), "Arrivals on time, 2020–2024",
        "percent of arrivals within ten minutes of the timetable", "Quillmere Ferries, bridge logs.",
    )  # fmt: skip
    axes = Axes(sheet, area.inset(30, 6, 12, 18), (2019.6, 2024.4), (84, 100), LOOK)
    axes.y_ticks(range(84, 101, 4))
    axes.x_ticks(range(2020, 2025), "{:d}")
    axes.line(range(2020, 2025), Series("", TEAL, PUNCTUALITY), 1.9, 3.0)
    for year, share in zip(range(2020, 2025), PUNCTUALITY, strict=True):
        sheet.text(axes.x(year), axes.y(share) + 14, f"{share:.1f}", LABEL.but(bold=True), "center")
    sheet.line((axes.area.x0, axes.y(95)), (axes.area.x1, axes.y(95)), CORAL, 0.9, "[4 3] 0")
    sheet.text(axes.x(2020.0), axes.y(95) - 4, "target 95", LABEL.but(color=CORAL))
    axes.frame()
    report.prose(sheet, LEFT, top + 226, RIGHT - LEFT, [
        ("safety",
         "Most injuries happen while cars are loaded and while lines are made fast. Since the spring, crews "
         "on the car deck wear vests that warn the drivers of reversing lorries by radio, and mooring winches are "
         "worked from a distance. Nobody has died at work since 1998. A confidential line for reports of unsafe "
         "practice received 57 messages, of which 31 led to a change."),
    ])  # fmt: skip


def _income(report: _Report) -> None:
    sheet = report.page("FINANCIAL STATEMENTS", "Consolidated income statement")
    rows = (
        ("€ million", "Note", "2024", "2023"),
        ("Revenue", "2", "262.5", "241.6"),
        ("Fuel and energy", "3", "(58.9)", "(61.4)"),
        ("Crew and staff", "4", "(74.6)", "(69.8)"),
        ("Port and harbour dues", "", "(23.7)", "(21.9)"),
        ("Maintenance", "", "(21.3)", "(20.2)"),
        ("Marketing and administration", "", "(18.4)", "(17.6)"),
        ("Other operating costs", "", "(12.1)", "(11.7)"),
        ("Profit before depreciation", "", "53.5", "39.0"),
        ("Depreciation and amortisation", "5", "(22.8)", "(20.6)"),
        ("Operating profit", "", "30.7", "18.4"),
        ("Net finance costs", "6", "(5.9)", "(5.2)"),
        ("Profit before tax", "", "24.8", "13.2"),
        ("Income tax", "7", "(5.2)", "(2.8)"),
        ("Profit for the year", "", "19.6", "10.4"),
        ("Earnings per share, basic (€)", "8", "0.49", "0.26"),
        ("Proposed dividend per share (€)", "", "0.18", "0.10"),
    )
    y = report.table(
        sheet, "table income", LEFT, 104, RIGHT - LEFT, "Year ended 31 December", "€ million unless stated", rows,
        _grid((3.6, 0.7, 1.1, 1.1), (7, 9, 11, 13), "lcrr"),
    )  # fmt: skip
    report.prose(sheet, LEFT, y + 22, HALF, [
        ("#", "Note 3: Fuel and energy"),
        ("note-fuel",
         "Marine gas oil cost €39.8 million, renewable diesel €12.6 million and electricity €6.5 million. Contracts that "
         "fix the price of gas oil reduced the cost by €1.7 million (2023: increased it by €0.9 million). They cover "
         "60% of the gas oil expected for 2025."),
        ("#", "Note 4: Crew and staff"),
        ("note-staff",
         "Wages and salaries were €60.9 million, social security €8.8 million and pensions €4.9 million. Pay rose by 4.2% "
         "on 1 January under the agreement with the seafarers’ union, which runs until the end of 2026."),
    ])  # fmt: skip
    report.prose(sheet, LEFT + HALF + GAP, y + 22, HALF, [
        ("#", "Note 5: Depreciation"),
        ("note-depreciation",
         "Ships are written off in equal parts over 30 years, batteries over ten. The residual value of a hull is its "
         "price as scrap at the end of the year."),
        ("#", "Note 8: Earnings per share"),
        ("note-eps",
         "Earnings per share are the profit for the year divided by 40,000,000 shares, a number that did not change in "
         "either year. There are no options or other rights that could dilute it."),
        ("#", "Auditor"),
        ("note-auditor",
         "The statements were audited by Fennimore & Drax, who gave an opinion without reservations on 10 March 2025. "
         "Their fee was €0.3 million."),
    ])  # fmt: skip


def _balance(report: _Report) -> None:
    sheet = report.page("FINANCIAL STATEMENTS", "Balance sheet and cash flow")
    rows = (
        ("€ million", "2024", "2023"),
        ("Ships", "318.4", "281.6"),
        ("Terminals and chargers", "64.7", "66.2"),
        ("Rights of use", "18.3", "19.9"),
        ("Intangible assets", "9.6", "8.8"),
        ("Inventories", "6.2", "6.8"),
        ("Trade and other receivables", "24.5", "22.9"),
        ("Cash and cash equivalents", "41.8", "38.2"),
        ("Total assets", "483.5", "444.4"),
        ("Share capital", "40.0", "40.0"),
        ("Reserves and retained earnings", "178.9", "163.3"),
        ("Borrowings", "194.4", "172.1"),
        ("Lease liabilities", "15.2", "16.8"),
        ("Deferred tax", "12.6", "11.9"),
        ("Trade and other payables", "31.7", "30.1"),
        ("Tickets sold in advance", "10.7", "10.2"),
        ("Total equity and liabilities", "483.5", "444.4"),
    )
    y = report.table(
        sheet, "table balance", LEFT, 104, RIGHT - LEFT, "Balance sheet at 31 December", "€ million", rows,
        _grid((3.8, 1, 1), (7, 15)),
    )  # fmt: skip
    rows = (
        ("€ million", "2024", "2023"),
        ("Cash from operating activities", "44.2", "36.8"),
        ("Purchase of ships", "(58.4)", "(31.2)"),
        ("Sale of the Tern", "4.2", "–"),
        ("Terminals and systems", "(3.1)", "(4.1)"),
        ("New loans less repayments", "22.3", "6.4"),
        ("Lease payments", "(1.6)", "(1.6)"),
        ("Dividend paid", "(4.0)", "(2.0)"),
        ("Change in cash", "3.6", "4.3"),
    )
    y = report.table(
        sheet, "table cash", LEFT, y + 22, RIGHT - LEFT, "Cash flow, year ended 31 December", "€ million", rows,
        _grid((3.8, 1, 1), (7,)),
    )  # fmt: skip
    report.prose(sheet, LEFT, y + 16, RIGHT - LEFT, [
        ("borrowing",
         "The new ship was paid for with a loan of €38.0 million over twelve years, whose interest falls by a quarter of "
         "a percentage point if carbon intensity is below 95 g in 2027. Net borrowings at the end of the year were €152.6 "
         "million, 2.9 times the profit before depreciation; the banks allow 4.0 times."),
    ])  # fmt: skip


def _summary(report: _Report) -> None:
    sheet = report.page("FURTHER INFORMATION", "Five-year summary and calendar")
    rows = (
        ("", *YEARS),
        ("Revenue (€ million)", "157.1", "181.4", "222.6", "241.6", "262.5"),
        ("Operating profit (€ million)", "(9.7)", "2.1", "14.9", "18.4", "30.7"),
        ("Profit for the year (€ million)", "(13.2)", "(2.6)", "7.8", "10.4", "19.6"),
        ("Dividend per share (€)", "–", "–", "0.05", "0.10", "0.18"),
        ("Passengers (thousand)", "1,640", "2,115", "2,980", "3,345", "3,600"),
        ("Vehicles (thousand)", "430", "538", "655", "691", "728"),
        ("Lorries (thousand)", "61", "64", "69", "66", "71"),
        ("Departures", "14,210", "16,980", "19,340", "20,115", "20,760"),
        ("Employees", "934", "951", "1,068", "1,109", "1,146"),
    )
    y = report.table(
        sheet, "table summary", LEFT, 104, RIGHT - LEFT, "Five-year summary", "", rows, _grid((2.6, 1, 1, 1, 1, 1))
    )
    y += 30
    sheet.text(LEFT, y, "Calendar 2025", SUBHEAD)
    dates = (
        ("13 March", "Annual report published"),
        ("8 May", "Annual general meeting, Old Customs House, Quillmere"),
        ("16 May", "Dividend paid"),
        ("21 August", "Results for the first half"),
        ("6 November", "Traffic in the third quarter"),
    )
    top = y
    for i, (day, event) in enumerate(dates):
        line = y + 24 + i * 21
        sheet.text(LEFT, line, day, BODY.but(bold=True))
        sheet.text(LEFT + 74, line, event, BODY)
        sheet.line((LEFT, line + 7), (RIGHT, line + 7), grey(0.86), 0.4)
    y += 24 + len(dates) * 21
    report.made.keep("calendar", sheet.number, (LEFT, top + 8, RIGHT, y - 12))
    end = report.prose(sheet, LEFT, y + 12, HALF, [
        ("#", "Terms we use"),
        ("terms-ontime", "**On time:** within ten minutes of the time of arrival printed in the timetable."),
        ("terms-capital", "**Capital employed:** equity and borrowings, less cash, as the mean of five quarter ends."),
        ("terms-pkm", "**Passenger-kilometre:** one passenger carried over one kilometre; a car counts as its occupants."),
    ])  # fmt: skip
    report.prose(sheet, LEFT + HALF + GAP, y + 12, HALF, [
        ("#", "Contact"),
        ("contact",
         "Quillmere Ferries plc, 4 Ropewalk Quay, Quillmere. Questions of shareholders are answered by Tamsin Aldeburgh, "
         "investor relations."),
        ("forward", "Statements about the future rest on what we knew on 12 March 2025. Weather, fuel prices and tides "
         "have their own plans."),
    ])  # fmt: skip
    foot = max(end + 30, 700)
    sheet.rect((LEFT, foot, RIGHT, foot + 56), MIST, radius=5)
    note = "This report describes an invented company. It was made to try out software that reads documents."
    sheet.text(MIDDLE, foot + 32, note, BODY.but(color=QUIET), "center")


def make() -> Made:
    made = Made("quillmere_ferries_report_2024.pdf", "Financial report", pymupdf.open())
    report = _Report(made)
    for part in (
        _cover, _glance, _letter, _priorities, _traffic, _revenue, _fleet, _climate, _people, _income, _balance, _summary,
    ):  # fmt: skip
        part(report)
    for sheet in report.sheets:
        sheet.finish()
    describe(made.pdf, "Quillmere Ferries: Annual Report 2024", "Quillmere Ferries plc", "2025-03-13")
    return made
