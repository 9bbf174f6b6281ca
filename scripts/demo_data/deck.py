"""The demo slides: a town's winter cycling pilot, drawn and then stored as pictures only, as a scanner would."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import replace

import pymupdf
from PIL import Image

from demo_data.charts import Axes, Look, Series, ring
from demo_data.made import Made, describe
from demo_data.sheet import WHITE, Area, Sheet, Style, grey, rgb
from demo_data.tables import Grid, draw_table

WIDTH, HEIGHT = 960.0, 540.0
LEFT, RIGHT = 60.0, 900.0
DPI = 150

PINE, FROST, BERRY, AMBER, ICE, SNOW = (
    rgb("1d4d4f"), rgb("5b9ea6"), rgb("b5364f"), rgb("e0a030"), rgb("cfe3e6"), rgb("f4f8f8"),
)  # fmt: skip
INK = grey(0.15)
QUIET = grey(0.42)
TITLE = Style("sans", 30.0, 36.0, PINE, bold=True)
BULLET = Style("sans", 19.0, 26.0, INK)
LABEL = Style("sans", 13.0, 16.0, grey(0.2))
SMALL = Style("sans", 12.0, 15.0, QUIET)
LOOK = Look(LABEL, width=1.0)
CELL = Style("sans", 16.0, 20.0, INK)

GRID = Grid(
    (2.4, 1.4, 1.4), ("left", "center", "center"), CELL, CELL.but(bold=True, color=WHITE), pad=8.5, rule=(PINE, 1.2),
    head_fill=PINE, stripe=SNOW, gap=14.0,
)  # fmt: skip

WEEKS = tuple(range(45, 53)) + tuple(range(1, 13))
RIDES = (
    1420, 1510, 1380, 1290, 1340, 1180, 1090, 560, 640, 980, 1120, 1050, 870, 910, 1130, 1260, 1350, 1440, 1530, 1610,
)  # fmt: skip
STATIONS = (
    ("Central Station", 47), ("University", 37), ("Harbour Square", 29), ("Hospital", 25), ("Mill Lane", 15),
    ("Northgate", 11), ("Sports Park", 5),
)  # fmt: skip
PURPOSES = (
    ("Commuting", 54, PINE), ("Study", 19, FROST), ("Shopping", 14, AMBER), ("Leisure", 9, BERRY), ("Other", 4, grey(0.6)),
)  # fmt: skip
FALLS = (("Dry", 3), ("Wet", 6), ("Slush", 9), ("Packed snow", 5), ("Ice", 14))


class _Deck:
    def __init__(self, made: Made) -> None:
        self.made = made
        self.sheets: list[Sheet] = []

    def slide(self, title: str) -> Sheet:
        sheet = Sheet(self.made.pdf, WIDTH, HEIGHT)
        self.sheets.append(sheet)
        sheet.rect((0, 0, WIDTH, HEIGHT), WHITE)
        sheet.rect((0, 0, 14, HEIGHT), PINE)
        sheet.text(LEFT, 68, title, TITLE)
        sheet.rect((LEFT, 84, LEFT + 60, 88), AMBER)
        sheet.line((LEFT, 502), (RIGHT, 502), grey(0.8), 1.0)
        sheet.text(LEFT, 522, "Larkfield Mobility Office | Winter cycling pilot", SMALL)
        sheet.text(RIGHT, 522, str(sheet.number), SMALL.but(bold=True), "right")
        return sheet

    def bullets(
        self, sheet: Sheet, name: str, x: float, y: float, width: float, points: Sequence[str], style: Style = BULLET
    ) -> float:
        top = y
        for point in points:
            sheet.circle((x + 5, y + 0.52 * style.size), 4, AMBER)
            area = sheet.paragraph(x + 24, y, width - 24, point, style)
            y = area.y1 + 0.75 * style.size
        self.made.keep(name, sheet.number, (x, top, x + width, y - 0.75 * style.size + 4))
        return y


def _bicycle(sheet: Sheet, x: float, y: float, scale: float) -> None:
    def at(a: float, b: float) -> tuple[float, float]:
        return (x + a * scale, y + b * scale)

    for hub in (at(0, 0), at(104, 0)):
        sheet.circle(hub, 36 * scale, None, PINE, 5 * scale)
        for k in range(24):
            angle = 2 * math.pi * k / 24
            out = 39 * scale
            end = (hub[0] + math.cos(angle) * (out + 3 * scale), hub[1] + math.sin(angle) * (out + 3 * scale))
            sheet.line((hub[0] + math.cos(angle) * out, hub[1] + math.sin(angle) * out), end, PINE, 2 * scale)
    for path in (
        (at(0, 0), at(46, 0), at(86, -48), at(32, -48), at(0, 0)),
        (at(46, 0), at(26, -64)),
        (at(104, 0), at(82, -64), at(98, -70)),
        (at(14, -64), at(40, -64)),
    ):
        sheet.polyline(path, BERRY, 5 * scale)
    sheet.circle(at(46, 0), 8 * scale, WHITE, BERRY, 4 * scale)


def _title(deck: _Deck) -> None:
    sheet = Sheet(deck.made.pdf, WIDTH, HEIGHT)
    deck.sheets.append(sheet)
    sheet.rect((0, 0, WIDTH, HEIGHT), SNOW)
    sheet.polygon([(0, 470), (220, 400), (430, 450), (640, 380), (960, 440), (960, 540), (0, 540)], ICE)
    sheet.polygon([(0, 505), (300, 470), (620, 500), (960, 465), (960, 540), (0, 540)], WHITE)
    for i in range(46):
        sheet.circle(((i * 211) % 960, (i * 97 + 13) % 372), 1.6 + (i % 3), ICE)
    _bicycle(sheet, 640, 402, 1.55)
    sheet.text(LEFT, 150, "Cycling through the winter", Style("sans", 46.0, 52.0, PINE, bold=True))
    sheet.text(LEFT, 204, "Results of the Larkfield pilot, 2023/24", Style("sans", 26.0, 30.0, FROST))
    sheet.text(LEFT, 292, "Noor Halvorsen-Pike and Edwin Mbeki", Style("sans", 19.0, 23.0, INK))
    sheet.text(LEFT, 320, "Larkfield Mobility Office, May 2024", Style("sans", 16.0, 20.0, QUIET))


def _why(deck: _Deck) -> None:
    sheet = deck.slide("Why a pilot in winter?")
    deck.bullets(sheet, "why", LEFT, 124, 520, (
        "Bike share used to close from November to March",
        "Two out of three annual members asked for a winter service",
        "Buses are fullest exactly in these months",
        "Falls on ice were the main worry of the council",
        "Neighbouring towns report different experiences",
    ))  # fmt: skip
    sheet.rect((630, 130, RIGHT, 400), SNOW, radius=10)
    sheet.text(765, 236, "67%", Style("sans", 68.0, 74.0, BERRY, bold=True), "center")
    sheet.paragraph(660, 270, 210, "of members wanted bikes in winter", BULLET.but(size=18.0, leading=23.0), "center")
    sheet.text(765, 372, "Survey of September 2023", SMALL, "center")
    deck.made.keep("67%", sheet.number, (630, 130, RIGHT, 400))


def _what(deck: _Deck) -> None:
    sheet = deck.slide("What we did")
    deck.bullets(sheet, "what", LEFT, 116, RIGHT - LEFT, (
        "20 weeks of service, from 6 November 2023 to 24 March 2024",
        "180 bicycles, 60 of them with studded tyres",
        "7 of the 24 stations kept open, all on routes that are cleared first",
        "Same price as in summer: 1 euro for 30 minutes",
    ))  # fmt: skip
    y = 374
    sheet.line((LEFT + 40, y), (RIGHT - 40, y), PINE, 4)
    events = (
        ("Sep", "Survey"), ("Oct", "Tyres fitted"), ("Nov", "Start"), ("Jan", "Ice storm"), ("Mar", "End"),
        ("May", "Report"),
    )  # fmt: skip
    for i, (month, event) in enumerate(events):
        x = LEFT + 40 + i * (RIGHT - LEFT - 80) / (len(events) - 1)
        sheet.circle((x, y), 11, AMBER if month != "Jan" else BERRY, WHITE, 3)
        sheet.text(x, y - 24, month, BULLET.but(size=16.0, bold=True, color=PINE), "center")
        sheet.text(x, y + 38, event, BULLET.but(size=16.0), "center")
    deck.made.keep("timeline", sheet.number, (LEFT, y - 44, RIGHT, y + 50))


def _rides(deck: _Deck) -> None:
    sheet = deck.slide("Rides per week")
    area = Area(LEFT + 70, 118, RIGHT - 10, 420)
    axes = Axes(sheet, area, (-0.6, 19.6), (0, 2000), LOOK)
    axes.y_ticks(range(0, 2001, 500), "{:,}", title="Rides")
    axes.x_ticks(range(20), names=[str(week) for week in WEEKS], title="Calendar week")
    axes.line(range(20), Series("Rides", PINE, tuple(map(float, RIDES))), 3.0, 5.0)
    axes.frame()
    low = (axes.x(7), axes.y(560))
    sheet.text(low[0], low[1] + 26, "holidays: 560", LABEL.but(color=BERRY, bold=True), "center")
    high = (axes.x(19), axes.y(1610))
    sheet.text(high[0] + 4, high[1] - 14, "1,610", LABEL.but(color=PINE, bold=True), "right")
    sheet.text(axes.x(12), axes.y(870) + 26, "ice storm", LABEL.but(color=BERRY, bold=True), "center")
    total = sum(RIDES)
    sheet.text(LEFT, 488, f"{total:,} rides in 20 weeks, {total / 20:,.0f} per week on average", BULLET.but(size=17.0))
    deck.made.keep("chart rides", sheet.number, (LEFT, 108, RIGHT, 464))
    deck.made.keep("total rides", sheet.number, (LEFT, 470, RIGHT, 496))


def _stations(deck: _Deck) -> None:
    sheet = deck.slide("Busiest stations")
    area = Area(LEFT + 150, 118, RIGHT - 60, 440)
    axes = Axes(sheet, area, (0, 50), (0.4, 7.6), LOOK)
    axes.x_ticks(range(0, 51, 10), grid=True, title="Rides started per day")
    for i, (name, value) in enumerate(STATIONS):
        bar = axes.bar_across(7 - i, 0.62, value, PINE if i < 2 else FROST)
        middle = (bar.y0 + bar.y1) / 2
        sheet.text(bar.x1 + 8, middle + 5, str(value), LABEL.but(bold=True, size=15.0))
        sheet.text(area.x0 - 12, middle + 5, name, LABEL.but(size=15.0), "right")
    axes.frame()
    deck.made.keep("chart stations", sheet.number, (LEFT, 108, RIGHT, 490))


def _costs(deck: _Deck) -> None:
    sheet = deck.slide("What it cost")
    rows = (
        ("Item", "Planned (euros)", "Spent (euros)"),
        ("Studded tyres", "9,600", "10,240"),
        ("Clearing snow at stations", "14,000", "18,350"),
        ("Repairs and spare parts", "12,500", "11,170"),
        ("Staff", "31,000", "32,600"),
        ("Survey and counting", "4,000", "3,640"),
        ("Total", "71,100", "76,000"),
    )
    area = draw_table(
        sheet, LEFT, 116, RIGHT - LEFT, rows, replace(GRID, aligns=("left", "right", "right"), totals=(5,))
    )
    deck.made.keep("table costs", sheet.number, area)
    sheet.paragraph(
        LEFT, area.y1 + 22, RIGHT - LEFT,
        "The ice storm in January alone took 3,900 euros for clearing. Income from tickets was 21,500 euros.",
        BULLET.but(size=17.0, leading=22.0),
    )  # fmt: skip


def _purposes(deck: _Deck) -> None:
    sheet = deck.slide("Why people rode")
    center = (300.0, 298.0)
    inks = (WHITE, WHITE, INK, WHITE, INK)
    ring(
        sheet, center, 170, 84, [(share, color) for _, share, color in PURPOSES],
        lambda i: (f"{PURPOSES[i][1]}%", Style("sans", 17.0 if PURPOSES[i][1] > 5 else 13.0, 20.0, inks[i], bold=True)),
    )  # fmt: skip
    sheet.text(center[0], center[1] + 2, "412", Style("sans", 32.0, 36.0, PINE, bold=True), "center")
    sheet.text(center[0], center[1] + 24, "answers", SMALL.but(size=14.0), "center")
    for i, (name, _, color) in enumerate(PURPOSES):
        y = 190 + 42 * i
        sheet.rect((560, y, 584, y + 24), color)
        sheet.text(600, y + 19, name, BULLET)
    sheet.text(560, 430, "Main purpose of the last ride, survey in March 2024", SMALL.but(size=13.0))
    deck.made.keep("chart purposes", sheet.number, (118, 118, RIGHT, 478))


def _network(deck: _Deck) -> None:
    sheet = deck.slide("Which routes are cleared first")
    frame = Area(LEFT, 108, 640, 490)
    sheet.rect(frame, SNOW, grey(0.75), 1.0)
    river = [(60, 440), (150, 412), (250, 430), (360, 404), (470, 428), (560, 400), (640, 418)]
    sheet.polyline(river, rgb("a8d0e0"), 18)
    sheet.text(176, 446, "River Lark", LABEL.but(italic=True, color=FROST))
    spots = {
        "Central Station": (340, 290), "University": (230, 190), "Harbour Square": (420, 372), "Hospital": (480, 230),
        "Mill Lane": (180, 330), "Northgate": (350, 150), "Sports Park": (570, 330),
    }  # fmt: skip
    first = (
        ("University", "Central Station"), ("Central Station", "Hospital"), ("Central Station", "Harbour Square"),
    )  # fmt: skip
    second = (
        ("Northgate", "Central Station"), ("Mill Lane", "Central Station"), ("Harbour Square", "Sports Park"),
        ("Hospital", "Sports Park"),
    )  # fmt: skip
    for links, color, width in ((second, AMBER, 4.0), (first, BERRY, 7.0)):
        for a, b in links:
            sheet.line(spots[a], spots[b], color, width)
    for name, (x, y) in spots.items():
        sheet.circle((x, y), 10, WHITE, PINE, 4)
        beside = {"Central Station": (-36, 34), "Harbour Square": (18, 22)}.get(name, (-4, -18))
        sheet.text(x + beside[0], y + beside[1], name, LABEL.but(bold=True), "left" if name in (
            "Central Station", "Harbour Square") else "center")  # fmt: skip
    for x, y in ((118, 240), (590, 160)):
        sheet.polygon([(x, y - 16), (x + 18, y), (x + 18, y + 16), (x - 18, y + 16), (x - 18, y)], PINE)
        sheet.text(x, y + 33, "Depot", LABEL, "center")
    sheet.line((670, 168), (720, 168), BERRY, 7)
    sheet.text(732, 173, "before 6:00", BULLET.but(size=17.0))
    sheet.line((670, 208), (720, 208), AMBER, 4)
    sheet.text(732, 213, "before 8:00", BULLET.but(size=17.0))
    sheet.circle((695, 248), 10, WHITE, PINE, 4)
    sheet.text(732, 253, "station", BULLET.but(size=17.0))
    sheet.polygon([(695, 274), (713, 290), (713, 306), (677, 306), (677, 290)], PINE)
    sheet.text(732, 298, "gritting depot", BULLET.but(size=17.0))
    sheet.paragraph(664, 350, 236, "31 km of cycle track are cleared, 12 of them before six in the morning.",
                    BULLET.but(size=17.0, leading=23.0))  # fmt: skip
    deck.made.keep("map", sheet.number, frame)


def _safety(deck: _Deck) -> None:
    sheet = deck.slide("Safety: fewer falls than feared")
    area = Area(LEFT + 40, 150, 520, 430)
    sheet.text(LEFT, 124, "Reported falls by surface", BULLET.but(size=16.0, bold=True))
    axes = Axes(sheet, area, (0.4, 5.6), (0, 16), LOOK)
    axes.y_ticks(range(0, 17, 4))
    for i, (_, value) in enumerate(FALLS):
        bar = axes.bar(i + 1, 0.6, value, BERRY if i == 4 else FROST)
        sheet.text((bar.x0 + bar.x1) / 2, bar.y0 - 7, str(value), LABEL.but(bold=True, size=15.0), "center")
    axes.frame()
    axes.x_ticks(range(1, 6), names=[name for name, _ in FALLS])
    deck.made.keep("chart falls", sheet.number, (LEFT, 108, 540, 470))
    deck.bullets(sheet, "safety", 570, 150, 330, (
        "37 falls, none with lasting injury",
        "One fall per 640 rides",
        "With studded tyres: one per 1,450 rides",
        "Nobody fell on tracks cleared before 6:00",
    ))  # fmt: skip


def _lessons(deck: _Deck) -> None:
    sheet = deck.slide("What we learned")
    for i, (name, color, points) in enumerate((
        ("Went well", PINE, (
            "Studs: members choose these bikes first",
            "Shared phone line with the gritting depots",
            "Batteries of the locks changed in advance",
        )),
        ("To be improved", BERRY, (
            "Sports Park was hardly used: close it in winter",
            "Snow thrown from the road blocked docks",
            "Closing a station must show in the app at once",
        )),
    )):  # fmt: skip
        x = LEFT + i * 430
        sheet.rect((x, 116, x + 410, 476), SNOW, radius=10)
        sheet.rect((x, 116, x + 410, 166), color, radius=10)
        sheet.text(x + 24, 149, name, BULLET.but(size=21.0, bold=True, color=WHITE))
        deck.bullets(sheet, name, x + 24, 194, 366, points)


def _proposal(deck: _Deck) -> None:
    sheet = deck.slide("Proposal for winter 2024/25")
    rows = (
        ("", "Pilot 2023/24", "Winter 2024/25"),
        ("Stations open", "7", "11"),
        ("Bicycles", "180", "240"),
        ("with studded tyres", "60", "160"),
        ("Kilometres cleared before 6:00", "12", "19"),
        ("Budget (euros)", "71,100", "98,000"),
    )
    area = draw_table(sheet, LEFT, 116, RIGHT - LEFT, rows, GRID)
    deck.made.keep("table proposal", sheet.number, area)
    deck.bullets(sheet, "proposal", LEFT, area.y1 + 30, RIGHT - LEFT, (
        "Decision of the council: 18 June 2024",
        "Tyres have to be ordered by the end of July",
    ))  # fmt: skip


def _pictures(drawn: pymupdf.Document) -> pymupdf.Document:
    """Each page as one JPEG, without any text."""
    scanned = pymupdf.open()
    for page in drawn:
        pixels = page.get_pixmap(dpi=DPI)
        image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
        packed = io.BytesIO()
        image.save(packed, "JPEG", quality=82, optimize=True, dpi=(DPI, DPI))
        scanned.new_page(width=WIDTH, height=HEIGHT).insert_image((0, 0, WIDTH, HEIGHT), stream=packed.getvalue())
    return scanned


def make() -> Made:
    made = Made("winter_cycling_slides.pdf", "Tutorial/Workshop", pymupdf.open(), text_layer=False)
    deck = _Deck(made)
    for slide in (
        _title, _why, _what, _rides, _stations, _costs, _purposes, _network, _safety, _lessons, _proposal,
    ):  # fmt: skip
        slide(deck)
    for sheet in deck.sheets:
        sheet.finish()
    made.pdf = _pictures(made.pdf)
    describe(made.pdf, "Cycling through the winter", "Larkfield Mobility Office", "2024-05-21")
    return made
