"""How it stands with the models of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the web app is not installed")
pytest.importorskip("sentence_transformers", reason="dense retrieval is not installed")

from dataclasses import replace

from tests.app.api.client import client_of, service_of
from tests.patience import until
from tests.retrievers.dense.checkpoints import write_encoder


def test_models_are_listed_loaded_and_what_fails_is_said(library_folder: Path, tmp_path: Path) -> None:
    encoder = write_encoder(tmp_path / "encoder")
    with service_of(encoder=str(encoder)) as made:
        service = replace(made, retriever=f"lexical,dense,{tmp_path}")
        with client_of(service, folder=library_folder) as client:
            assert [one["state"] for one in client.get("/api/models").json()] == ["unloaded", "unloaded"]
            assert client.post("/api/models/load").status_code == 202
            until(lambda: client.get("/api/models").json()[1]["state"] == "failed")
            ready, failed = client.get("/api/models").json()
        service.loader.close()
    assert (ready["role"], ready["name"], ready["state"]) == ("finds", "encoder", "ready")
    assert ready["network"]["bytes"] == 4 * ready["network"]["parameters"] > 0
    assert failed["error"].startswith(f"no model in {tmp_path.name}: ")
    assert str(tmp_path) not in str([ready, failed])
    with service_of() as service, client_of(service, folder=library_folder) as client:
        assert client.get("/api/models").json() == []
