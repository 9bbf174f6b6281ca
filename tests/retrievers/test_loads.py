from __future__ import annotations

import gc
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.retrievers import loads
from svrag.retrievers.loads import Load, load_of, loading, noted


class Model:
    """Something that can be loaded."""


def test_a_model_is_ready_as_long_as_somebody_has_it() -> None:
    states = [load_of("made/kept")]

    def read(name: str) -> Model:
        for _ in loads.counted(["a", "b"]):
            states.append(load_of(name))
        states.append(load_of(name))
        return Model()

    model = noted(read)("made/kept")
    told = [(one.state, one.done, one.total) for one in states]
    assert told == [("unloaded", 0, 0), ("loading", 0, 0), ("loading", 1, 2), ("loading", 2, 2)]
    assert load_of("made/kept").state == "ready"
    with loading("made/kept"):
        list(loads.counted(["a"]))
    assert load_of("made/kept").state == "ready", "looking at its files again is no loading"
    del model
    gc.collect()
    assert load_of("made/kept") == Load()


def test_what_goes_wrong_is_kept_until_it_is_tried_again() -> None:
    def read(name: str) -> Model:
        raise errors.pop()

    errors = [ValueError("/a/path and a secret"), InputError("no model there: name another one")]
    for line in ("no model there: name another one", "svrag has a defect here: the log of the server says which"):
        with pytest.raises((InputError, ValueError)):
            noted(read, "other:")("made/broken")
        assert load_of("other:made/broken") == Load("failed", error=line)
    assert load_of("made/broken") == Load(), "the same name of another kind is another model"


def test_a_base_model_is_part_of_what_stands_on_it() -> None:
    def read(name: str) -> Model:
        with loading("made/base"):
            list(loads.counted(["weight"]))
            seen.append((load_of(name).state, load_of("made/base").state))
        return Model()

    seen: list[tuple[str, str]] = []
    noted(read)("made/adapter")
    assert seen == [("loading", "unloaded")]
    with pytest.raises(KeyboardInterrupt), loading("made/ended"):
        raise KeyboardInterrupt
    assert load_of("made/ended") == Load()


def test_the_weights_that_transformers_reads_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers", reason="dense retrieval is not installed")
    from svrag.search.encoding import load, loaded_as
    from tests.retrievers.dense.checkpoints import change_weights, write_encoder

    folder, broken = (write_encoder(tmp_path / name) for name in ("encoder", "broken"))
    change_weights(broken, without="embeddings.word_embeddings.weight")
    told: list[Load] = []
    counted = loads.counted

    def watched(weights: Collection[str]) -> Iterator[str]:
        for one in counted(weights):
            told.append(load_of(str(folder)))
            yield one

    monkeypatch.setattr(loads, "counted", watched)
    load(["lexical", "dense"], encoder=str(folder))
    assert {one.state for one in told} == {"loading"}
    assert told[10].done == 10
    assert told[10].total > 30
    network = load_of(loaded_as(str(folder), encoder="")).network
    assert network is not None
    assert (network.dtype, network.bytes) == ("float32", 4 * network.parameters)
    with pytest.raises(InputError, match="missing embeddings"):
        load([str(broken)], encoder="")
    assert "missing embeddings" in load_of(str(broken)).error
    with pytest.raises(InputError, match="no encoder in"):
        load(["dense"], encoder=str(tmp_path / "nothing"))
    assert "there is no such folder" in load_of(str(tmp_path / "nothing")).error


def test_what_comes_from_the_hub_is_counted_in_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    huggingface_hub = pytest.importorskip("huggingface_hub", reason="models are not installed")
    from svrag.retrievers.multivector import hub

    told = []

    def snapshot_download(name: str, *, tqdm_class: type, **_: object) -> str:
        """With the bars that huggingface_hub makes; the totals of those in bytes grow."""
        network = tqdm_class(total=0, unit="B", name="huggingface_hub.snapshot_download.transfer", disable=True)
        written = tqdm_class(total=0, unit="B", name="huggingface_hub.snapshot_download", disable=True)
        with tqdm_class(desc="Fetching 2 files", total=2, disable=True) as files:
            for size in (3000, 4000):
                written.total += size
                written.update(size)
                network.update(size // 9)
                files.update(1)
                told.append(load_of(name))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(hub, "_check_on_hub", lambda *_: True)
    assert hub.locate("svrag-tests/told").folder == tmp_path
    coming = [(one.state, one.done, one.total) for one in told]
    assert coming == [("downloading", 3000, 3000), ("downloading", 7000, 7000)]
    assert load_of("svrag-tests/told") == Load(), "it is here, and not loaded"
