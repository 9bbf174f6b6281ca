"""The page that asks for name and password: no script, nothing loaded, one form. Failures are slow and few."""

from __future__ import annotations

import asyncio
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from svrag.app.access import COOKIE, SESSION_SECONDS, Access
from svrag.app.limits import Rate

LOGIN, LOGOUT = "/login", "/logout"
_TRIES = 10  # a minute, for one name from one address: whoever forgot a password locks nobody else out
_TRIES_OF_ADDRESS = 60  # for all names: whoever tries one password with many gets no further
_TOO_MANY = "Too many tries: wait a minute."
_FORM = "application/x-www-form-urlencoded"
_LARGEST = 10_000  # bytes of the form
_LONGEST_NAME = 100
_FIELDS = 4
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>svrag: log in</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0; }}
form {{ display: grid; gap: 10px; width: min(320px, 86vw); }} h1 {{ font-size: 22px; margin: 0 0 8px; }}
input, button {{ font: inherit; padding: 9px 12px; border-radius: 8px; border: 1px solid #8888; }}
button {{ background: #2563eb; color: white; border: 0; cursor: pointer; margin-top: 6px; }}
p {{ color: #d92d20; margin: 0; }}</style>
<form method="post" action="/login"><h1>svrag</h1>{error}
<label for="name">Name</label><input id="name" name="name" autocomplete="username" required autofocus value="{name}">
<label for="password">Password or key</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in</button></form></html>"""


class Login:
    """Logging in and out."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._tries = Rate(_TRIES)
        self._addresses = Rate(_TRIES_OF_ADDRESS)

    async def page(self, request: Request) -> Response:
        """The form, or what comes of it."""
        if request.method in ("GET", "HEAD"):
            return HTMLResponse(_PAGE.format(error="", name=""))
        if request.method != "POST":
            return Response(status_code=405, headers={"Allow": "GET, HEAD, POST"})
        address = request.client.host if request.client else ""
        if self._addresses.wait(address):
            return _failed("", _TOO_MANY, 429)
        fields = await _fields(request)
        if fields is None:
            return _failed("", "That is no name and password: fill in this form.", 400)
        name, password = fields
        if not name or not password:
            return _failed(name, "Fill in both name and password.", 400)
        if self._tries.wait(f"{address} {name[:_LONGEST_NAME]}"):
            return _failed(name, _TOO_MANY, 429)
        session = await asyncio.to_thread(self._access.login, name, password)
        if session is None:
            return _failed(name, "Name and password do not fit.", 401)
        response = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, session, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=secure)
        return response

    def out(self, request: Request) -> Response:
        """End the session."""
        self._access.logout(request.cookies.get(COOKIE, ""))
        response = RedirectResponse(LOGIN, 303)
        response.delete_cookie(COOKIE)
        return response


async def _fields(request: Request) -> tuple[str, str] | None:
    """Name and password as the page sends them, "" where they are left out; None when it is something else."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in ("", _FORM):
        return None
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST:
            return None
    try:
        form = parse_qs(body.decode("utf-8"), max_num_fields=_FIELDS)
    except ValueError:
        return None
    return form.get("name", [""])[0], form.get("password", [""])[0]


def _failed(name: str, line: str, status: int) -> Response:
    return HTMLResponse(_PAGE.format(error=f'<p role="alert">{escape(line)}</p>', name=escape(name)), status)
