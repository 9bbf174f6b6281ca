"""Files through the worker processes: what comes out of PDFs, scans, images and broken input."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path

import pymupdf
import pytest
from PIL import Image, ImageDraw

from svrag.documents import workers
from svrag.documents.model import Box, Document, Element
from svrag.documents.reading import read
from svrag.documents.workers import ParsePool
from svrag.errors import InputError
from tests.documents_made import LINES, write_encrypted, write_paper

needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")


@pytest.fixture(scope="module")
def pool() -> Iterator[ParsePool]:
    with ParsePool(workers=2) as pool:
        yield pool


def of_type(document: Document, kind: str) -> list[Element]:
    return [element for element in document.elements if element.type == kind]


def test_a_paper_page(tmp_path: Path, pool: ParsePool) -> None:
    seen: list[tuple[int, int]] = []
    path = write_paper(tmp_path / "paper.pdf", pages=3)
    document = read(path, pool=pool, progress=lambda done, total: seen.append((done, total)))
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert [e.text for e in of_type(document, "section_header")] == [f"{n} Firing the kiln" for n in (1, 2, 3)]
    assert [e.label for e in of_type(document, "section_header")] == ["Section 1", "Section 2", "Section 3"]
    text = " ".join(e.text for e in of_type(document, "text"))
    assert all(line in text for line in LINES)
    assert all(e.section_path for e in of_type(document, "text"))
    assert seen[0] == (0, 3)
    assert seen[-1] == (3, 3)
    assert document.language == "en"


def test_ids_are_stable_and_unique(tmp_path: Path, pool: ParsePool) -> None:
    path = write_paper(tmp_path / "paper.pdf")
    first, second = read(path, pool=pool), read(path, pool=pool)
    assert first == second
    ids = [element.id for element in first.elements]
    assert len(ids) == len(set(ids))
    assert all(identity.startswith(first.id) for identity in ids)


def test_boxes_lie_on_their_pages(tmp_path: Path, pool: ParsePool) -> None:
    document = read(write_paper(tmp_path / "paper.pdf"), pool=pool)
    (page,) = document.pages
    for element in document.elements:
        assert 0 <= element.box.x0 <= element.box.x1 <= page.width
        assert 0 <= element.box.y0 <= element.box.y1 <= page.height


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_page_reads_the_same_and_boxes_are_on_the_unturned_page(
    tmp_path: Path, pool: ParsePool, rotation: int
) -> None:
    """The text is set so that it stands upright once a viewer has turned the page."""
    path = tmp_path / "turned.pdf"
    with pymupdf.open() as document:
        page = (
            document.new_page(width=842, height=595) if rotation != 180 else document.new_page(width=595, height=842)
        )
        page.set_rotation(rotation)
        for i, line in enumerate(LINES):
            where = pymupdf.Point(72, 130 + 60 * i) * page.derotation_matrix
            page.insert_text(where, line, fontsize=11, rotate=rotation)
        document.save(path)
    document = read(path, pool=pool)
    (record,) = document.pages
    assert record.rotation == rotation
    assert [line for line in LINES if line in " ".join(e.text for e in document.elements)] == list(LINES)
    with pymupdf.open(path) as source:
        page = source[0]
        expected = [Box(*(pymupdf.Rect(found))) for line in LINES for found in page.search_for(line[:40])]
        texts = [e.box for e in document.elements if e.type == "text"]
    # search_for answers in unrotated coordinates, as the project's boxes are.
    assert expected
    assert all(any(box.covered_by(text.padded(3)) > 0.9 for text in texts) for box in expected)


def scan(path: Path, stamp: str = "") -> Path:
    """A page that is one image of text and a dark square, optionally with a line of real text on top."""
    with pymupdf.open() as born:
        page = born.new_page(width=595, height=842)
        for i, line in enumerate(LINES):
            page.insert_textbox((72, 130 + 60 * i, 523, 180 + 60 * i), line, fontsize=12)
        page.draw_rect((150, 400, 450, 600), color=(0, 0, 0.6), fill=(0.1, 0.2, 0.6))
        for i in range(9):
            page.draw_circle((180 + 30 * i, 580 - 18 * i), 12, color=(1, 1, 1), fill=(1, 0.8, 0.2))
        image = page.get_pixmap(dpi=150).tobytes("png")
    with pymupdf.open() as document:
        page = document.new_page(width=595, height=842)
        page.insert_image(page.rect, stream=image)
        if stamp:
            page.insert_text((72, 40), stamp, fontsize=9)
        document.save(path)
    return path


@needs_tesseract
@pytest.mark.parametrize("stamp", ["", "Filed 09/13/18"])
def test_a_scan_is_read_by_ocr_with_its_picture(tmp_path: Path, pool: ParsePool, stamp: str) -> None:
    document = read(scan(tmp_path / "scan.pdf", stamp), pool=pool)
    (page,) = document.pages
    assert page.ocr
    assert page.warning == ""
    assert "mean weight was 318 grams" in " ".join(page.text.split())
    (figure,) = of_type(document, "figure")
    assert figure.box.iou(Box(150, 400, 450, 600)) > 0.9
    paragraphs = [e for e in of_type(document, "text") if "kiln" in e.text or "bowls" in e.text]
    assert paragraphs
    assert any(e.box.covered_by(Box(60, 120, 535, 320)) > 0.95 for e in paragraphs)


def test_a_scan_without_tesseract_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with ParsePool(workers=1) as pool:
        document = read(scan(tmp_path / "scan.pdf"), pool=pool)
    assert "tesseract is not installed" in document.pages[0].warning
    assert any("tesseract" in warning for warning in document.warnings)
    assert document.elements


@needs_tesseract
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_images_are_documents(tmp_path: Path, pool: ParsePool, suffix: str) -> None:
    with pymupdf.open(scan(tmp_path / "scan.pdf")) as document:
        png = document[0].get_pixmap(dpi=150).tobytes("png")
    path = tmp_path / f"image{suffix}"
    Image.open(io.BytesIO(png)).convert("RGB").save(path, dpi=(150, 150))
    document = read(path, pool=pool)
    (page,) = document.pages
    assert (round(page.width), round(page.height)) == (595, 842)
    assert "318 grams" in " ".join(page.text.split())


@needs_tesseract
def test_every_frame_of_a_tiff_is_a_page(tmp_path: Path, pool: ParsePool) -> None:
    frames = []
    for word in ("kiln", "glaze"):
        frame = Image.new("L", (800, 300), 255)
        ImageDraw.Draw(frame).text((60, 100), f"About the {word} of the pottery", fill=0, font_size=48)
        frames.append(frame)
    path = tmp_path / "two.tiff"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    pages = read(path, pool=pool).pages
    assert ["kiln" in page.text for page in pages] == [True, False]
    assert ["glaze" in page.text for page in pages] == [False, True]


def test_an_encrypted_file_needs_its_password(tmp_path: Path, pool: ParsePool) -> None:
    path = write_encrypted(tmp_path / "locked.pdf", "sesame")
    with pytest.raises(InputError, match="is encrypted: give its password with --password"):
        read(path, pool=pool)
    with pytest.raises(InputError, match="password is wrong"):
        read(path, pool=pool, password="wrong")
    assert "kiln" in read(path, pool=pool, password="sesame").pages[0].text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("page.pdf", b"<html><body>not found</body></html>", "is not a PDF, whatever its name says"),
        ("empty.pdf", b"", "is empty"),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n", "has no pages|is broken"),
        ("fake.png", b"\x89PNG\r\n\x1a\nnonsense", "is not an image that can be read"),
    ],
)
def test_what_is_no_document(tmp_path: Path, pool: ParsePool, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        read(tmp_path / name, pool=pool)


def test_a_decompression_bomb_is_refused(tmp_path: Path, pool: ParsePool) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    with pytest.raises(InputError, match="million pixels"):
        read(tmp_path / "bomb.png", pool=pool)


def test_a_long_thin_image_is_read(tmp_path: Path, pool: ParsePool) -> None:
    Image.new("L", (20_000, 400), 255).save(tmp_path / "long.png")
    (page,) = read(tmp_path / "long.png", pool=pool).pages
    assert page.width / page.height == pytest.approx(50, rel=0.1)


def test_a_page_over_its_time_is_read_as_text_only(tmp_path: Path) -> None:
    with ParsePool(workers=1, page_seconds=0.0) as pool:
        document = read(write_paper(tmp_path / "paper.pdf"), pool=pool)
    (page,) = document.pages
    assert "text only" in page.warning
    assert LINES[0] in page.text.replace("\n", " ")
    assert any("page 1" in warning for warning in document.warnings)


def test_a_fresh_workers_start_does_not_count_as_a_pages_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_TEXT_SECONDS", 0.05)
    with ParsePool(workers=1, page_seconds=0.0) as pool:
        (page,) = read(write_paper(tmp_path / "paper.pdf"), pool=pool).pages
    assert LINES[0] in page.text.replace("\n", " ")


def test_a_page_that_waits_for_the_processor_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a reader may stand still for longer than its page may take."""
    monkeypatch.setattr(workers, "_PATIENCE", 60.0)  # this test may run on such a machine

    stopped: list[int] = []

    def stand_still(done: int, total: int) -> None:
        if not stopped:
            (reader,) = set(active_children()) - of_other_tests
            assert reader.pid is not None
            os.kill(reader.pid, signal.SIGSTOP)
            stopped.append(reader.pid)
            threading.Timer(2.0, os.kill, (reader.pid, signal.SIGCONT)).start()

    first, second = write_paper(tmp_path / "first.pdf"), write_paper(tmp_path / "second.pdf")
    of_other_tests = set(active_children())
    with ParsePool(workers=1, page_seconds=1.5) as pool:
        read(first, pool=pool)  # the model is loaded
        (page,) = read(second, pool=pool, progress=stand_still).pages
    assert not page.warning


def test_a_worker_over_its_memory_is_replaced(tmp_path: Path) -> None:
    path = write_paper(tmp_path / "paper.pdf")
    with ParsePool(workers=1, memory_mb=1) as pool:
        with pytest.raises(InputError, match="memory"):
            read(path, pool=pool)
        with pytest.raises(InputError, match="memory"):
            read(path, pool=pool)


def test_a_reading_that_was_broken_off_does_not_disturb_the_next(tmp_path: Path) -> None:
    first, second = write_paper(tmp_path / "first.pdf", pages=6), write_paper(tmp_path / "second.pdf", pages=2)

    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done:
            raise Stop

    with ParsePool(workers=2) as pool:
        with pytest.raises(Stop):
            read(first, pool=pool, progress=stop)
        assert len(read(second, pool=pool).pages) == 2


def write_prices(path: Path, *, scanned: bool) -> Path:
    """A page with a table, as text or as an image of it."""
    rows = (
        ("Explanation", "Planned", "Spent"),
        ("Spring cleaning", "9,600", "10,240"),
        ("Repairing pumps", "14,000", "18,350"),
        ("Dispensing jugs", "12,500", "11,170"),
    )
    with pymupdf.open() as drawn:
        page = drawn.new_page(width=595, height=842)
        page.insert_text((60, 80), "What the pottery cost last year", fontsize=20)
        for i, row in enumerate(rows):
            y = 140 + 26 * i
            page.draw_line((60, y + 8), (520, y + 8), color=(0.4, 0.4, 0.4), width=0.7)
            for x, text in zip((66, 300, 430), row, strict=True):
                page.insert_text((x, y), text, fontsize=13)
        page.insert_textbox((60, 300, 520, 420), " ".join(LINES), fontsize=12)
        if scanned:
            image = page.get_pixmap(dpi=150).tobytes("png")
            with pymupdf.open() as pictures:
                pictures.new_page(width=595, height=842).insert_image((0, 0, 595, 842), stream=image)
                pictures.save(path)
        else:
            drawn.save(path)
    return path


@pytest.mark.parametrize("scanned", [False, pytest.param(True, marks=needs_tesseract)])
def test_cells_hold_whole_words(tmp_path: Path, pool: ParsePool, scanned: bool) -> None:
    document = read(write_prices(tmp_path / "prices.pdf", scanned=scanned), pool=pool)
    (table,) = of_type(document, "table")
    assert table.table is not None
    assert table.table.rows[1:] == (
        ("Spring cleaning", "9,600", "10,240"),
        ("Repairing pumps", "14,000", "18,350"),
        ("Dispensing jugs", "12,500", "11,170"),
    )
    assert table.table.rows[0][0] == "Explanation"


@needs_tesseract
def test_columns_of_a_scan_are_not_read_across(tmp_path: Path, pool: ParsePool) -> None:
    left = (
        "The first batch of bowls was fired",
        "on a Monday and cooled for two",
        "days, because the door of the kiln",
        "must not be opened while the glaze",
        "is soft. Nobody was allowed to lift",
        "the spy hole before the evening.",
    )
    right = (
        "The second batch was glazed with",
        "ash from the orchard before it went",
        "to market, where most of it was sold",
        "within an hour. What was left over",
        "went to the school, whose children",
        "eat their soup from it to this day.",
    )
    with pymupdf.open() as drawn, pymupdf.open() as pictures:
        page = drawn.new_page(width=595, height=842)
        for x, lines in ((60, left), (340, right)):
            for i, line in enumerate(lines):
                page.insert_text((x, 100 + 18 * i), line, fontsize=13)
        image = page.get_pixmap(dpi=150).tobytes("png")
        pictures.new_page(width=595, height=842).insert_image((0, 0, 595, 842), stream=image)
        pictures.save(tmp_path / "columns.pdf")
    document = read(tmp_path / "columns.pdf", pool=pool)
    text = "\n".join(element.text for element in document.elements)
    assert " ".join(left) in text
    assert " ".join(right) in text


def test_a_script_needs_no_guard_and_does_not_run_again_in_its_workers(tmp_path: Path) -> None:
    write_paper(tmp_path / "paper.pdf", pages=2)
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "import pymupdf\n"
        "from svrag.documents.reading import read\n"
        "from svrag.documents.workers import ParsePool\n"
        "with open('runs', 'a') as runs:\n"
        "    runs.write('x')\n"
        "with ParsePool(workers=2) as pool:\n"
        "    print(len(read(Path('paper.pdf'), pool=pool).pages))\n"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("2\n", 0), done.stderr
    assert (tmp_path / "runs").read_text() == "x"
