from __future__ import annotations

import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from svrag.documents.model import Box
from svrag.documents.rendering import box_on_image
from svrag.library.store import Library
from tests.app.api.client import client_of, service_of
from tests.documents_made import write_paper

pytest.importorskip("fastapi", reason="the web app is not installed")


@pytest.fixture(scope="module")
def client(library_folder: Path) -> Iterator[Any]:
    with service_of() as service, client_of(service, folder=library_folder) as client:
        yield client


def document(client: Any, name: str) -> dict[str, Any]:
    return next(one for one in client.get("/api/documents").json() if one["name"] == name)


def test_documents_are_listed_as_the_library_has_them_and_without_paths(client: Any, library_folder: Path) -> None:
    listed = client.get("/api/documents").json()
    with Library.open(library_folder) as library:
        documents = library.documents()
    assert [one["id"] for one in listed] == [one.id for one in documents]
    assert [one["name"] for one in listed] == [one.name for one in documents]
    assert "hostile & <b>bold<b>.pdf" in [one["name"] for one in listed]
    assert client.get(f"/api/documents/{listed[0]['id']}").json() == listed[0]
    assert not any("/" in value for one in listed for value in one.values() if isinstance(value, str))


def test_elements_pages_and_the_graph_are_what_was_stored(client: Any, library_folder: Path) -> None:
    kiln = document(client, "kiln.pdf")
    with Library.open(library_folder) as library:
        stored = library.document(kiln["id"])
        graph = library.graph(kiln["id"])
    elements = client.get(f"/api/documents/{kiln['id']}/elements").json()
    assert len(elements) == len(stored.elements) + len(stored.pages)
    captions = client.get(f"/api/documents/{kiln['id']}/elements?type=caption&type=table").json()
    assert {one["type"] for one in captions} <= {"caption", "table"}
    first = client.get(f"/api/elements/{elements[0]['id']}").json()
    assert first == elements[0]
    assert tuple(first["box"].values()) == pytest.approx(tuple(stored.elements[0].box))
    page = client.get(f"/api/documents/{kiln['id']}/pages/2").json()
    assert page["text"] == stored.pages[1].text
    assert [one["id"] for one in page["elements"]] == [e.id for e in stored.elements if e.page == 2]
    sent = client.get(f"/api/documents/{kiln['id']}/graph").json()
    assert {node["id"] for node in sent["nodes"]} == {node.id for node in graph.nodes}
    assert len(sent["edges"]) == len(graph.edges) > 0


def test_a_box_is_where_the_element_is_on_a_turned_page(client: Any, library_folder: Path) -> None:
    turned = document(client, "turned.pdf")
    with Library.open(library_folder) as library:
        page = library.page(turned["id"], 1)
        element = next(e for e in library.elements_of(turned["id"]) if e.page == 1 and e.type != "page")
    plain, boxed = (
        Image.open(io.BytesIO(client.get(f"/api/documents/{turned['id']}/pages/1/image?dpi=72{more}").content))
        for more in ("", f"&element={element.id}")
    )
    assert plain.size == boxed.size == (600, 400)
    red = [(x, y) for x in range(600) for y in range(400) if boxed.getpixel((x, y)) == (214, 39, 40)]
    assert not [place for place in red if plain.getpixel(place) == (214, 39, 40)]
    left, top, right, bottom = box_on_image(page, Box(*element.box), 72)
    across, down = [x for x, _ in red], [y for _, y in red]
    assert (min(across), min(down), max(across), max(down)) == pytest.approx((left, top, right, bottom), abs=6)
    crop = Image.open(io.BytesIO(client.get(f"/api/elements/{element.id}/image?dpi=72").content))
    assert crop.size == pytest.approx((right - left + 10, bottom - top + 10), abs=2)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/documents/000000000000", 404),
        ("/api/documents/000000000000/elements", 404),
        ("/api/documents/000000000000/graph", 404),
        ("/api/documents/000000000000/pages/1", 404),
        ("/api/documents/000000000000/pages/1/image", 404),
        ("/api/documents/KILN/pages/0", 404),
        ("/api/documents/KILN/pages/3/image", 404),
        ("/api/documents/KILN/pages/1/image?element=KILN.1.99999", 404),
        ("/api/documents/KILN/pages/2/image?element=KILN.1.1", 404),
        ("/api/documents/KILN/pages/1/image?element=KILN.1.1&element=000000000000.1.1", 404),
        ("/api/documents/KILN/pages/one", 422),
        ("/api/documents/KILN/pages/1/image?dpi=100000", 422),
        ("/api/documents/KILN/elements?type=secret", 422),
        ("/api/elements/000000000000.1.1", 404),
        ("/api/elements/000000000000.1.1/image", 404),
        ("/api/elements/..%2F..%2Flibrary.db", 404),
        ("/api/elements/../../library.db/image", 404),
        ("/api/documents/..%2Flibrary.db", 404),
        ("/api/documents/%2e%2e", 422),
        ("/api/documents/kiln.pdf", 422),
        ("/api/jobs/0000000000000000", 404),
        ("/api/jobs/x", 422),
        ("/api/secrets", 404),
    ],
)
def test_what_is_not_there_is_one_line(client: Any, library_folder: Path, path: str, status: int) -> None:
    reply = client.get(path.replace("KILN", document(client, "kiln.pdf")["id"]))
    assert reply.status_code == status
    assert reply.json().keys() == {"detail"}
    assert "\n" not in reply.json()["detail"]
    assert str(library_folder) not in reply.text


def test_from_an_upload_to_its_removal(tmp_path: Path) -> None:
    Library.open(tmp_path / "library").close()
    paper = write_paper(tmp_path / "kiln.pdf").read_bytes()
    with service_of() as service, client_of(service, folder=tmp_path / "library") as client:
        sent = client.post(
            "/api/documents",
            files=[("files", ("../../kiln.pdf", paper)), ("files", ("C:\\secret\\notes.txt", b"words"))],
        )
        assert sent.status_code == 202
        job = sent.json()
        while not job["done"]:
            time.sleep(0.05)
            job = client.get(f"/api/jobs/{job['id']}").json()
        added, refused = job["files"]
        assert (added["name"], added["status"], added["pages"]) == ("kiln.pdf", "added", 1)
        assert (refused["name"], refused["status"]) == ("notes.txt", "failed")
        assert client.get("/api/jobs").json() == [job]
        assert client.delete(f"/api/jobs/{job['id']}").json() == job, "what is over stays as it is"

        path = f"/api/documents/{added['document_id']}"
        changed = client.patch(path, json={"name": "Kilns", "tags": ["clay", "heat"]}).json()
        assert (changed["name"], changed["tags"]) == ("Kilns", ["clay", "heat"])
        assert client.patch(path, json={"tags": []}).json()["name"] == "Kilns"
        assert client.patch(path, json={"nam": "x"}).status_code == 422
        assert client.patch(path, json={"name": "   "}).status_code == 400
        assert client.delete(path).status_code == 204
        assert client.delete(path).status_code == 404
        assert client.get("/api/documents").json() == []


def test_a_document_whose_file_is_lost_says_what_to_do(library_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(library_folder, tmp_path / "library"))
    with service_of() as service, client_of(service, folder=folder) as client:
        kiln = document(client, "kiln.pdf")["id"]
        for file in (folder / "files").iterdir():
            file.unlink()
        for path in (f"/api/documents/{kiln}/pages/1/image", f"/api/elements/{kiln}.1.1/image"):
            reply = client.get(path)
            assert reply.status_code == 410
            line = "the file of kiln.pdf is not on the server any more: remove it here and add it again"
            assert reply.json() == {"detail": line}


def test_a_library_that_cannot_be_read_is_told_without_its_path(tmp_path: Path) -> None:
    with service_of() as service, client_of(service, folder=tmp_path / "nowhere") as client:
        reply = client.get("/api/documents")
    assert reply.status_code == 503
    assert str(tmp_path) not in reply.text


@pytest.mark.parametrize("name", ["", "..", "/", "a\0b.pdf", "é" * 300 + ".pdf", "x\\..\\..", "\udcff.pdf", ".pdf"])
def test_a_name_is_one_part_that_a_file_system_takes(tmp_path: Path, name: str) -> None:
    from svrag.app.api.documents import _plain_name

    plain = _plain_name(name)
    (tmp_path / plain).write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == [plain]
    assert not name.endswith(".pdf") or Path(plain).suffix == ".pdf"
