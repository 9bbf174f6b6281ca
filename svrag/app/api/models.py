"""The models that the server needs: how it stands with each, and loading them before the first question."""

from __future__ import annotations

from fastapi import APIRouter

from svrag.app.api.schemas import ModelOut, NetworkOut
from svrag.app.api.service import ERRORS, Asking, Served, Service
from svrag.app.models import answering, finding

router = APIRouter(prefix="/api/models", responses=ERRORS, tags=["models"])


@router.get("")
async def list_models(service: Served, user: Asking) -> list[ModelOut]:
    """What the server finds and answers with, as far as it is a model, and whether it is loaded. Loads nothing."""
    return _shown(service)


@router.post("/load", status_code=202)
async def load_models(service: Served, user: Asking) -> list[ModelOut]:
    """Load in the background what is not loaded yet; the list says how far it is."""
    service.loader.start(service.retriever, service.encoder, service.generator)
    return _shown(service)


def _shown(service: Service) -> list[ModelOut]:
    shown = []
    for model in (*finding(service.retriever, service.encoder), *answering(service.generator.name)):
        load = model.load()
        shown.append(
            ModelOut(
                role=model.role,
                name=model.name,
                state=load.state if model.key else "remote",
                done=load.done,
                total=load.total,
                seconds=load.seconds,
                network=NetworkOut.model_validate(load.network) if load.network else None,
                error=load.error,
            )
        )
    return shown
