"""The interface as one application: its routes, its errors, health, metrics, and its own description."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Route

from svrag import __version__
from svrag.app.api import chat, documents, models, questions
from svrag.app.api.errors import explained, misfit, refused
from svrag.app.api.heads import Heads
from svrag.app.api.mcp import McpEndpoint
from svrag.app.api.metrics import CONTENT_TYPE
from svrag.app.api.reference import page
from svrag.app.api.schemas import Health
from svrag.app.api.service import ERRORS, Served, Service
from svrag.errors import SvragError

_ROUTERS = (documents.router, questions.router, chat.router, models.router)
_ABOUT = (
    "Ask a library of documents and see the evidence. Where the server has accounts, send a key with every request: "
    "`Authorization: Bearer KEY`. Errors are JSON with one line in `detail`; under /v1 they are those of OpenAI's protocol."
)


def application(service: Service) -> FastAPI:
    """An ASGI application that serves /api, /v1 and /mcp; who asks must be noted on the scope (`access.keep_user`)."""
    app = FastAPI(title="svrag", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.service = service
    app.add_exception_handler(SvragError, explained)
    app.add_exception_handler(RequestValidationError, misfit)
    app.add_exception_handler(HTTPException, refused)
    app.add_middleware(Heads)
    for router in _ROUTERS:
        app.include_router(router)

    @app.get("/api/health", tags=["server"])
    async def health() -> Health:
        """Whether the server runs; asked without a key."""
        return Health(status="ok", version=__version__)

    @app.get(
        "/api/metrics",
        tags=["server"],
        response_class=Response,
        responses={**ERRORS, 200: {"content": {CONTENT_TYPE: {"schema": {"type": "string"}}}, "description": "Text"}},
    )
    async def metrics(service: Served) -> Response:
        """Counts and times for Prometheus."""
        return Response(service.metrics.text(jobs_running=service.jobs.running()), media_type=CONTENT_TYPE)

    described = _described(app)

    @app.get("/api/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(described)

    shown = page(described)

    @app.get("/api/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(shown)

    app.router.routes.append(Route("/mcp", McpEndpoint(service), methods=["POST"]))
    app.state.routes = [one for router in (app, *_ROUTERS) for one in router.routes if isinstance(one, Route)]
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title="svrag", version=__version__, description=_ABOUT, routes=app.routes)
    made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    made["security"] = [{"key": []}]
    made["paths"]["/api/health"]["get"]["security"] = []
    return made
