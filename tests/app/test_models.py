from __future__ import annotations

from pathlib import Path

import pytest

from svrag.app.models import Loader, Needed, answering, finding, without_paths
from svrag.app.states import models_html, said, under_way_html
from svrag.errors import InputError
from svrag.generation.quote import QuoteGenerator
from svrag.retrievers.loads import Load, Network, load_of, loading, noted
from tests.app.test_markup import Reader
from tests.patience import until

HERE = Needed("finds", "owner/model", "owner/model")


def test_the_models_that_settings_name(tmp_path: Path) -> None:
    assert finding("lexical", "any") == []
    dense, splade, own = finding(f"lexical,dense,splade:owner/terms,{tmp_path}", "owner/encoder")
    assert [(one.name, one.key) for one in (dense, splade)] == [
        ("owner/encoder", "owner/encoder"),
        ("splade:owner/terms", "splade:owner/terms"),
    ]
    assert (own.name, own.key) == (tmp_path.name, str(tmp_path))
    with pytest.raises(InputError, match="unknown retriever"):
        finding("what is this", "any")
    names = ("quote", "openai:seer", "transformers:a/b", "vllm:a/b+c/d", "vllm-server:a/b", "sv-rag:a/b+c/d")
    keys = [[one.key for one in answering(name)] for name in names]
    assert keys == [[], [""], ["transformers:a/b"], ["vllm:a/b"], [""], ["a/b"]]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("no model in /srv/models/mine: it has no config.json", "no model in mine: it has no config.json"),
        ("transformers:/srv/mine", "transformers:mine"),
        ("vllm:http://host:8000/owner/model", "vllm:http://host:8000/owner/model"),
        ("owner/model or ./mine, and </b> or /", "owner/model or ./mine, and </b> or /"),
    ],
)
def test_no_path_of_the_server_is_told(line: str, shown: str) -> None:
    assert without_paths(line) == shown


def test_each_state_is_said() -> None:
    network = Network("cuda:0", "bfloat16", 3_100_000_000, 6_200_000_000)
    states = {
        Load(): "not loaded yet",
        Load("downloading", 12_000_000, 90_000_000, 3.2): "downloading: 12 MB of 90 MB · 3 s",
        Load("loading", seconds=5.0): "loading · 5 s",
        Load("loading", 120, 290, 5.0): "loading weights: 120 of 290 · 5 s",
        Load(
            "ready", seconds=9.26, network=network
        ): "cuda:0 in bfloat16 · 3.1 billion parameters, 6.2 GB · took 9.3 s",
        Load("ready", seconds=0.2): "ready · took 0.2 s",
        Load("failed", error="no such model: name another one"): "no such model: name another one",
    }
    for load, words in states.items():
        assert words in said(HERE, load)
    assert "on a server" in said(Needed("answers", "openai", ""), Load())


def test_a_failure_is_text_and_can_be_tried_again() -> None:
    hostile = Needed("finds", "<b>bold</b>", "made/hostile")
    with pytest.raises(InputError), loading("made/hostile"):
        raise InputError("<script>window.attacked = 1</script> is in /srv/secret/config.json")
    shown = Reader(models_html([hostile]))
    assert "<b>bold</b>" in shown.words
    assert "<script>window.attacked = 1</script> is in config.json" in shown.words
    assert shown.actions("load") == [""]
    assert "Try again" in shown.words
    assert under_way_html([hostile]) == models_html([]) == ""


def test_a_bar_while_it_is_loaded() -> None:
    def read(name: str) -> object:
        seen.append(Reader(models_html([HERE])))
        seen.append(Reader(under_way_html([HERE])))
        return QuoteGenerator()

    seen: list[Reader] = []
    noted(read)("owner/model")
    for shown in seen:
        assert "progress" in {tag for tag, _ in shown.tags}
        assert shown.actions("load") == []


def test_models_are_loaded_ahead_and_what_fails_is_told(tmp_path: Path) -> None:
    loader = Loader()
    loader.start(f"lexical,dense,{tmp_path}", str(tmp_path / "nothing"), QuoteGenerator())
    for name in (tmp_path / "nothing", tmp_path):
        until(lambda name=name: load_of(str(name)).state == "failed")
    loader.close()
