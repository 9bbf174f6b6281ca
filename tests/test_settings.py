from __future__ import annotations

from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.settings import Settings, load_settings


def test_environment_wins_over_file_and_file_over_defaults(tmp_path: Path) -> None:
    config = tmp_path / "svrag.toml"
    config.write_text('k = 7\nretriever = "dense"\n')
    settings = load_settings(config, {"SVRAG_K": "9"})
    assert (settings.k, settings.retriever, settings.generator) == (9, "dense", "quote")


def test_svrag_toml_of_the_current_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "svrag.toml").write_text('library = "papers"\n')
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}).library_folder() == Path("papers")


def test_no_file_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}) == Settings()


def test_our_names_win_over_the_common_ones() -> None:
    environment = {
        "OPENAI_BASE_URL": "http://a/v1",
        "SVRAG_OPENAI_BASE_URL": "http://b/v1",
        "OPENAI_API_KEY": "secret",
    }
    settings = load_settings(None, environment)
    assert (settings.openai_base_url, settings.openai_api_key) == ("http://b/v1", "secret")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 3\n", "unknown setting 'colour'"),
        ('k = "five"\n', "k must be a whole number"),
        ("k = 0\n", "k must be between 1 and 1000"),
        ("k = true\n", "k must be a whole number"),
        ("workers = -1\n", "workers must be 0"),
        ("port = 99999\n", "port must be between"),
        ("document_pages = -1\n", r"document_pages must be 0 \(no limit\) or more"),
        ("k = \n", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, text: str, words: str) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text(text)
    with pytest.raises(InputError, match=words) as error:
        load_settings(config, {})
    assert "\n" not in str(error.value)


def test_a_missing_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_settings(tmp_path / "nowhere.toml", {})


def test_a_wrong_number_in_the_environment_names_the_variable() -> None:
    with pytest.raises(InputError, match="SVRAG_PORT must be a whole number, not 'many'"):
        load_settings(None, {"SVRAG_PORT": "many"})
