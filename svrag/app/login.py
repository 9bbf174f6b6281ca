"""The page that asks for name and password: no script, nothing loaded, one form. Failures are slow and few."""

from __future__ import annotations

import asyncio
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from svrag.app.access import COOKIE, SESSION_SECONDS, Access
from svrag.app.limits import Rate

LOGIN, LOGOUT = "/login", "/logout"
_TRIES = 10  # a minute, from one address
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

    async def page(self, request: Request) -> Response:
        """The form, or what comes of it."""
        if request.method == "GET":
            return HTMLResponse(_PAGE.format(error="", name=""))
        if request.method != "POST":
            return Response(status_code=405, headers={"Allow": "GET, POST"})
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > 10_000:
            return _failed("", "That is no name and password.", 413)
        if self._tries.wait(request.client.host if request.client else ""):
            return _failed("", "Too many tries: wait a minute.", 429)
        form = await request.form(max_files=0, max_fields=4)
        name, password = (str(form.get(field, "")) for field in ("name", "password"))
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


def _failed(name: str, line: str, status: int) -> Response:
    return HTMLResponse(_PAGE.format(error=f'<p role="alert">{escape(line)}</p>', name=escape(name)), status)
