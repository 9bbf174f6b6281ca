"""Errors as a status and one line: `{"detail"}`, and under /v1 as programs made for OpenAI's protocol read them."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from svrag.app.access import user_of
from svrag.app.api.misfits import AS_JSON, plain
from svrag.app.api.service import line_of
from svrag.app.pictures import LostFile
from svrag.app.warm import Busy
from svrag.errors import InputError, ServerError, SvragError

OPENAI = "/v1"
_OBJECT = "model_attributes_type"  # what is told of a body that was not read as JSON


class OpenAIError(BaseModel):
    """What is wrong and what to do next, one line, and of which kind it is."""

    message: str
    type: str
    param: None = None
    code: str | None


class OpenAIFailure(BaseModel):
    """An error as OpenAI's protocol has it."""

    error: OpenAIError


def told(path: str, status: int, line: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The reply to a request for `path` that fails."""
    if path == OPENAI or path.startswith(OPENAI + "/"):
        return JSONResponse(openai_failure(status, line).model_dump(), status, headers)
    return JSONResponse({"detail": line}, status, headers)


def openai_failure(status: int, line: str) -> OpenAIFailure:
    kinds = {
        401: ("authentication_error", "invalid_api_key"),
        403: ("permission_error", None),
        404: ("invalid_request_error", "not_found"),
        429: ("rate_limit_error", "rate_limit_exceeded"),
    }
    other = ("invalid_request_error" if status < 500 else "server_error", None)
    kind, code = kinds.get(status, other)
    return OpenAIFailure(error=OpenAIError(message=line, type=kind, code=code))


def status_of(error: SvragError) -> int:
    """400 is the client's fault, the others are not."""
    if isinstance(error, LostFile):
        return 410
    if isinstance(error, InputError):
        return 400
    return 502 if isinstance(error, ServerError) else 503


async def explained(request: Request, error: Exception) -> JSONResponse:
    """An error of svrag as a status and one line that names no path of this server."""
    assert isinstance(error, SvragError)
    headers = {"Retry-After": "1"} if isinstance(error, Busy) else None
    return told(request.url.path, status_of(error), line_of(error, user_of(request.scope)), headers)


async def misfit(request: Request, error: Exception) -> JSONResponse:
    """A request that does not fit its description."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    is_json = "json" in request.headers.get("content-type", "")
    line = (
        AS_JSON
        if first["type"] == _OBJECT and first["loc"] == ("body",) and not is_json
        else plain(first, first["loc"][1:])
    )
    return told(request.url.path, 422, line)


async def refused(request: Request, error: Exception) -> JSONResponse:
    """What the routes refuse, and what has no route."""
    assert isinstance(error, HTTPException)
    line, headers = error.detail, dict(error.headers or {})
    if error.status_code == 405:  # of several routes with this path, the framework names the methods of the first
        methods = {
            method
            for route in request.app.state.routes
            if route.matches(request.scope)[0] is not Match.NONE
            for method in route.methods
        }
        allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
        line, headers = f"{request.method} is not possible here; what is: {allowed}", {"Allow": allowed}
    elif error.status_code == 404 and line == "Not Found":
        line = "there is nothing here: GET /api/docs shows what there is"
    return told(request.url.path, error.status_code, line, headers)
