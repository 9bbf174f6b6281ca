"""The commands as a user types them: what they print, their exit status, and what bad input gets."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from svrag import __version__
from svrag.cli import main
from tests.documents_made import LINES, write_encrypted, write_paper

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with paper.pdf and a library that holds it."""
    folder = tmp_path_factory.mktemp("stocked")
    write_paper(folder / "paper.pdf", pages=2)
    assert main(["add", str(folder / "paper.pdf"), "--library", str(folder / "library"), "--workers", "1"]) == 0
    return folder


@pytest.fixture
def library(stocked: Path, tmp_path: Path) -> Path:
    """A copy of that library which a test may change."""
    return Path(shutil.copytree(stocked / "library", tmp_path / "library"))


def one_line(capture: Capture) -> str:
    """What was said on stderr, which must be a single line from svrag."""
    lines = capture.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("svrag: ")
    return lines[0]


def documents(library: Path, capture: Capture) -> list[str]:
    capture.readouterr()
    assert main(["list", "--json", "--library", str(library)]) == 0
    return [document["name"] for document in json.loads(capture.readouterr().out)["documents"]]


# What the commands do ------------------------------------------------------------------------------------------------


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from svrag.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'pymupdf', 'gradio', 'httpx', 'rich', 'sqlite3', 'PIL', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_version_is_the_package_version(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"svrag {__version__}\n"


def test_no_command_is_wrong_usage(capsys: Capture) -> None:
    assert main([]) == 2
    assert "COMMAND" in capsys.readouterr().out


def test_common_options_before_and_after_the_command(stocked: Path, capsys: Capture) -> None:
    library = str(stocked / "library")
    for arguments in (["--library", library, "list"], ["list", "--library", library]):
        assert main(arguments) == 0
        assert "paper.pdf" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["fly"], ["search"], ["ask", "x", "--k", "many"]])
def test_wrong_usage(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    capsys.readouterr()


def test_add_list_info_remove(stocked: Path, tmp_path: Path, capsys: Capture) -> None:
    library = str(tmp_path / "library")
    shutil.copytree(stocked / "library", library)
    assert main(["add", str(stocked / "paper.pdf"), "--library", library]) == 0
    assert "1 unchanged" in capsys.readouterr().out
    assert main(["info", "paper", "--library", library]) == 0
    assert "section_header" in capsys.readouterr().out
    assert main(["remove", "paper.pdf", "--library", library]) == 0
    assert documents(Path(library), capsys) == []


def test_tables_lose_nothing_in_a_narrow_pipe(stocked: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    library = str(stocked / "library")
    assert main(["list", "--json", "--library", library]) == 0
    documents = json.loads(capsys.readouterr().out)["documents"]
    assert main(["list", "--library", library]) == 0
    listed = capsys.readouterr().out
    assert all(document["id"] in listed and document["name"] in listed for document in documents)
    assert main(["search", "weight of bowls", "--library", library]) == 0
    found = capsys.readouterr().out
    assert "the mean weight was 318 grams" in found
    assert found.splitlines()[0].split() == ["score", "document", "page", "type", "label", "text"]


def test_a_changed_file_replaces_the_old(stocked: Path, library: Path, tmp_path: Path, capsys: Capture) -> None:
    changed = write_paper(tmp_path / "paper.pdf", ("Copper turned the glaze a deep red.",))
    assert main(["add", str(changed), "--library", str(library), "--workers", "1"]) == 0
    write_paper(changed, ("Cobalt turned the glaze blue.",))
    assert main(["add", str(changed), "--library", str(library), "--workers", "1"]) == 0
    assert "1 updated" in capsys.readouterr().out
    assert main(["search", "copper", "--library", str(library), "--json"]) == 0
    assert "Copper" not in capsys.readouterr().out


def test_ask_json_has_the_documented_shape(stocked: Path, capsys: Capture) -> None:
    question = "What was the mean weight of the bowls?"
    assert main(["ask", question, "--library", str(stocked / "library"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {"question", "answer", "answerable", "citations", "retriever", "generator", "seconds"} <= answer.keys()
    assert answer["question"] == question
    assert answer["answerable"] is True
    assert "318 grams" in answer["answer"]
    assert answer["short"] == ""
    citation = answer["citations"][0]
    assert {"n", "element_id", "document", "page", "type", "label", "bbox", "text", "score"} <= citation.keys()
    assert citation["document"] == "paper.pdf"
    assert citation["text"].startswith("Each of the forty-two")
    x0, y0, x1, y1 = citation["bbox"]
    assert 60 < x0 < 80 < x1 < 530
    assert 180 < y0 < y1 < 250
    assert answer["seconds"].keys() == {"parse", "retrieve", "generate"}


@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_library_without_documents_is_no_answer(command: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "empty.pdf").touch()
    assert main(["add", str(tmp_path / "empty.pdf"), "--library", str(tmp_path / "library"), "--workers", "1"]) == 3
    capsys.readouterr()
    assert main([command, "How many bowls?", "--library", str(tmp_path / "library")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "no documents in" in err


def test_ask_wants_a_question_and_no_more(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["ask"])
    assert capsys.readouterr().err.rstrip().endswith("required: question")


def test_a_search_that_finds_nothing_says_so(stocked: Path, capsys: Capture) -> None:
    assert main(["search", "xylophone", "--library", str(stocked / "library")]) == 0
    assert capsys.readouterr().out == "nothing found: no document shares a word with the question\n"


def test_search_json_has_the_documented_shape(stocked: Path, capsys: Capture) -> None:
    assert main(["search", "salt", "--library", str(stocked / "library"), "--json", "--k", "2"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(result["hits"]) == 2
    hit = result["hits"][0]
    assert {"rank", "element_id", "document", "page", "type", "label", "bbox", "text", "score"} <= hit.keys()
    assert hit["text"] == LINES[2]
    assert {"rank", "document", "page", "score"} == result["pages"][0].keys()


def test_ask_writes_the_evidence_as_pictures(stocked: Path, tmp_path: Path, capsys: Capture) -> None:
    library = str(stocked / "library")
    assert main(["ask", "What was thrown into the chamber?", "--library", library, "--evidence", str(tmp_path)]) == 0
    assert "salt" in capsys.readouterr().out
    names = {path.name for path in tmp_path.iterdir()}
    assert {"1-crop.png", "1-page-1.png"} <= names or {"1-crop.png", "1-page-2.png"} <= names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())


def test_evidence_of_the_question_before_goes(stocked: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "7-page-3.png").write_bytes(b"of another question")
    (tmp_path / "mine.png").write_bytes(b"no evidence")
    ask = ["ask", LINES[0], "--library", str(stocked / "library"), "--evidence", str(tmp_path)]
    assert main(ask) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert {"1-crop.png", "mine.png"} < names
    assert "7-page-3.png" not in names


def test_evidence_that_cannot_be_written_is_told_before_anything_is_read(
    library: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "file").touch()
    write_paper(tmp_path / "new.pdf")
    asked = ["ask", "What was thrown into the chamber?", str(tmp_path / "new.pdf"), "--library", str(library)]
    assert main([*asked, "--evidence", str(tmp_path / "file" / "out")]) == 1
    assert "cannot write evidence to" in one_line(capsys)
    assert documents(library, capsys) == ["paper.pdf"]


def test_ask_without_a_library_uses_a_private_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    write_paper(tmp_path / "paper.pdf")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["ask", "What was thrown into the chamber?", "paper.pdf", "--workers", "1"]) == 0
    assert "salt" in capsys.readouterr().out
    assert not (tmp_path / ".svrag").exists()
    assert (tmp_path / f"svrag-{os.getuid()}").stat().st_mode & 0o077 == 0


def test_graph_writes_json_and_html(stocked: Path, tmp_path: Path, capsys: Capture) -> None:
    written, page = tmp_path / "graph.json", tmp_path / "graph.html"
    library = str(stocked / "library")
    assert main(["graph", "paper.pdf", "--library", library, "--json", str(written), "--html", str(page)]) == 0
    graph = json.loads(written.read_text())
    assert graph["schema_version"] == "v2.1"
    assert {edge["type"] for edge in graph["edges"]} >= {"contains"}
    assert "Firing the kiln" in page.read_text()


def test_output_carries_no_colour_when_it_is_no_terminal(stocked: Path, capsys: Capture) -> None:
    for arguments in (["list"], ["info", "paper"], ["search", "salt"], ["ask", "Where was salt thrown?"]):
        assert main([*arguments, "--library", str(stocked / "library")]) == 0
        assert "\x1b" not in capsys.readouterr().out


# Bad input -----------------------------------------------------------------------------------------------------------


def test_wrong_path(library: Path, capsys: Capture) -> None:
    assert main(["add", "nowhere.pdf", "--library", str(library)]) == 1
    assert "nowhere.pdf" in one_line(capsys)


def test_wrong_paths_beside_a_right_one_are_skipped(library: Path, tmp_path: Path, capsys: Capture) -> None:
    os.mkfifo(tmp_path / "pipe.pdf")
    (tmp_path / "notes.txt").write_text("x")
    new = write_paper(tmp_path / "new.pdf")
    wrong = [str(tmp_path / name) for name in ("none.pdf", "notes.txt", "pipe.pdf")]
    paths = [*wrong, str(new), "https://example.org/a.pdf"]
    assert main(["add", *paths, "--library", str(library), "--workers", "1"]) == 3
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("svrag: skipped")]
    for line, reason in zip(said, ("no such file", "not a document", "a pipe", "download it first"), strict=True):
        assert reason in line
    assert len(documents(library, capsys)) == 2
    assert main(["add", *wrong, "--library", str(library)]) == 1
    assert "no such file" in one_line(capsys)


def test_a_name_that_is_not_utf_8(library: Path, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    paper = write_paper(folder / "good.pdf", lines=("A page about lighthouses.",))
    shutil.copy(paper, os.fsencode(folder) + b"/bad\xff.pdf")
    command = [sys.executable, "-m", "svrag", "--library", str(library), "add", "--workers", "1"]
    for path in (os.fsencode(folder), os.fsencode(folder) + b"/bad\xff.pdf"):
        done = subprocess.run([*command, path, str(paper)], capture_output=True, text=True)
        (skipped,) = (line for line in done.stderr.splitlines() if line.startswith("svrag: skipped"))
        assert skipped.endswith("has a name that is not UTF-8: rename it")
        assert done.returncode == 3


def test_an_empty_path_is_no_folder(library: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["add", "", "--library", str(library)])
    assert "an empty path" in capsys.readouterr().err


def test_a_name_that_is_too_long(stocked: Path, capsys: Capture) -> None:
    for arguments in (["--library", "a" * 300, "list"], ["add", "a" * 300, "--library", str(stocked / "library")]):
        assert main(arguments) == 1
        assert "too long" in one_line(capsys)


@pytest.mark.parametrize(
    ("redirected", "status", "said"),
    [("> /dev/full", 1, "svrag: No space left on device\n"), (">&-", 0, ""), ("> /dev/null", 0, "")],
)
def test_output_that_goes_nowhere(stocked: Path, redirected: str, status: int, said: str) -> None:
    command = f"{sys.executable} -m svrag --library {stocked / 'library'} list {redirected}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, said)


def test_what_a_terminal_has_no_character_for(tmp_path: Path) -> None:
    paper = write_paper(tmp_path / "π.pdf")
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "svrag", "--library", str(tmp_path / "library")]
    for arguments in (["add", str(paper), "--workers", "1"], ["list"]):
        done = subprocess.run([*command, *arguments], capture_output=True, env=environment)
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert b"?.pdf" in done.stdout


def test_folder_without_documents(library: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["add", str(tmp_path / "empty"), "--library", str(library)]) == 1
    assert "empty" in one_line(capsys)


def test_encrypted_file(library: Path, tmp_path: Path, capsys: Capture) -> None:
    secret = write_encrypted(tmp_path / "secret.pdf", "sesame")
    arguments = ["add", str(secret), "--library", str(library), "--workers", "1"]
    assert main(arguments) == 3
    assert "--password" in one_line(capsys)
    assert main([*arguments, "--password", "wrong"]) == 3
    assert "password" in one_line(capsys)
    assert main([*arguments, "--password", "sesame"]) == 0
    assert documents(library, capsys) == ["paper.pdf", "secret.pdf"]


def _html(path: Path) -> None:
    path.write_text("<html><body>not a PDF at all</body></html>")


def _truncated(path: Path) -> None:
    path.write_bytes(b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Ty")


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("write", [_html, _truncated, _nothing])
def test_a_broken_file_is_skipped_and_the_rest_is_added(library: Path, tmp_path: Path, capsys: Capture, write) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    write(folder / "broken.pdf")
    write_paper(folder / "good.pdf", ("A good page about lighthouses.",))
    assert main(["add", str(folder), "--library", str(library), "--workers", "1"]) == 3
    read, skipped = capsys.readouterr().err.splitlines()
    assert read == f"svrag: added {folder / 'good.pdf'}: 1 of 1 pages"
    assert "broken.pdf" in skipped
    assert documents(library, capsys) == ["good.pdf", "paper.pdf"]


def test_a_huge_image_is_read_or_refused_in_one_line(library: Path, tmp_path: Path, capsys: Capture) -> None:
    from PIL import Image

    Image.new("1", (20_000, 20_000), 1).save(tmp_path / "huge.png")
    status = main(["add", str(tmp_path / "huge.png"), "--library", str(library), "--workers", "1"])
    assert status in (0, 3)
    if status == 3:
        assert "huge.png" in one_line(capsys)
    assert "paper.pdf" in documents(library, capsys)


def test_question_without_words(stocked: Path, capsys: Capture) -> None:
    for question in ("", "   ", "?!"):
        assert main(["ask", question, "--library", str(stocked / "library")]) == 1
        assert "question" in one_line(capsys)


def test_the_evidence_is_shown_when_no_answer_comes(
    stocked: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SVRAG_OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    question = ["ask", "What was thrown into the chamber?", "--library", str(stocked / "library")]
    assert main([*question, "--generator", "openai:tiny"]) == 1
    printed = capsys.readouterr()
    assert "Table salt was thrown" in printed.out
    assert printed.err.startswith("svrag: no server answers")
    assert printed.err.count("\n") == 1


def test_unknown_document(stocked: Path, capsys: Capture) -> None:
    for arguments in (["info", "nothing.pdf"], ["remove", "nothing.pdf"], ["search", "salt", "--doc", "nothing.pdf"]):
        assert main([*arguments, "--library", str(stocked / "library")]) == 1
        assert "nothing.pdf" in one_line(capsys)


def test_no_library(tmp_path: Path, capsys: Capture) -> None:
    for arguments in (["list"], ["search", "salt"], ["ask", "What is salt?"]):
        assert main([*arguments, "--library", str(tmp_path / "none")]) == 1
        assert "svrag add" in one_line(capsys)
    assert not (tmp_path / "none").exists()


def test_library_of_a_newer_schema(library: Path, capsys: Capture) -> None:
    with sqlite3.connect(library / "library.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert main(["list", "--library", str(library)]) == 1
    assert "99" in one_line(capsys)


def test_unknown_retriever_and_generator(stocked: Path, capsys: Capture) -> None:
    for option in ("--retriever", "--generator"):
        assert main(["ask", "What is salt?", "--library", str(stocked / "library"), option, "magic"]) == 1
        assert "magic" in one_line(capsys)


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    from svrag.errors import LibraryError

    with pytest.raises(LibraryError):
        main(["list", "--library", str(tmp_path / "none"), "--debug"])


def _mounted(folder: Path, options: str) -> bool:
    """Mount a small file system of its own on `folder`, where this machine lets us."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return (
        sys.platform == "linux" and os.getuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
    )


def test_full_disk(stocked: Path, tmp_path: Path, capsys: Capture) -> None:
    disk = tmp_path / "disk"
    if not _mounted(disk, "size=1m"):
        pytest.skip("needs the right to mount a small file system")
    try:
        shutil.copytree(stocked / "library", disk / "library")
        free = shutil.disk_usage(disk).free
        (disk / "filler").write_bytes(bytes(max(0, free - 40_000)))
        more = write_paper(tmp_path / "more.pdf", ("Another page.",) * 8, pages=40)
        assert main(["add", str(more), "--library", str(disk / "library"), "--workers", "1"]) == 1
        assert "space" in one_line(capsys)
        assert documents(disk / "library", capsys) == ["paper.pdf"]
        assert main(["ask", "What was thrown into the chamber?", "--library", str(disk / "library")]) == 0
        assert "salt" in capsys.readouterr().out
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_read_only_folder(stocked: Path, tmp_path: Path, capsys: Capture) -> None:
    disk = tmp_path / "disk"
    if not _mounted(disk, "size=8m"):
        pytest.skip("needs the right to mount a small file system")
    try:
        shutil.copytree(stocked / "library", disk / "library")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert main(["ask", "What was thrown into the chamber?", "--library", str(disk / "library")]) == 0
        assert "salt" in capsys.readouterr().out
        more = write_paper(tmp_path / "more.pdf", ("Another page.",))
        assert main(["add", str(more), "--library", str(disk / "library"), "--workers", "1"]) == 1
        assert "read-only" in one_line(capsys)
        assert main(["add", str(more), "--library", str(disk / "new"), "--workers", "1"]) == 1
        assert "read-only" in one_line(capsys).lower()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# The project's own files ---------------------------------------------------------------------------------------------


def test_the_core_needs_no_torch() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert not [name for name in project["dependencies"] if name.startswith(("torch", "transformers", "gradio"))]


def test_which_vectors_become_one_is_told_to_the_index() -> None:
    from svrag.cli.documents import _index_settings
    from svrag.cli.program import parser

    options = parser().parse_args(["add", "x", "--pool-factor", "4", "--pool-method", "span"])
    made = _index_settings(options)
    assert made is not None
    assert (made.pool_factor, made.pool_method) == (4, "span")


def test_users_are_added_listed_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "served")
    assert main(["users", "add", "anna", "--library", folder]) == 0
    key = capsys.readouterr().out.strip()
    assert key.startswith("svrag_")
    assert main(["--library", folder, "users", "list"]) == 0
    listed = capsys.readouterr().out
    assert listed.startswith("anna\t")
    assert key not in listed
    assert main(["users", "add", "No Name", "--library", folder]) == 1
    assert main(["users", "remove", "anna", "--library", folder]) == 0
    assert main(["users", "remove", "anna", "--library", folder]) == 1
    assert "no user 'anna'" in capsys.readouterr().err
    assert main(["users", "list", "--library", folder]) == 0
    assert "no users yet" in one_line(capsys)
