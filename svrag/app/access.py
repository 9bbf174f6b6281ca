"""Who a request comes from: a key, a login at the page, or, on this machine without accounts, its only user.

`user_of(scope)` is the one question that the page and the interface ask; `Access` answers it for the server.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from svrag.app.users import User, Users
from svrag.errors import InputError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "svrag_session"
SESSION_SECONDS = 12 * 3600
_SCOPE_KEY = "svrag.user"
_MOST_SESSIONS = 10_000


@dataclass(frozen=True, slots=True)
class _Session:
    name: str
    ends: float


class Access:
    """Decides for the server of `folder`. Safe in several threads; a restart ends all sessions."""

    def __init__(self, folder: Path) -> None:
        self.users = Users(folder)
        self._folder = folder
        # Whoever is served without accounts is not locked out, nor let into a user's library, by the first account.
        self.by_account = bool(self.users)
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    def user(self, *, key: str = "", session: str = "") -> User | None:
        """Whom a key or the cookie of a session belongs to; the only user where there are no accounts."""
        if not self.by_account:
            return User("", self._folder)
        if key:
            return self.users.by_key(key)
        kept = self._sessions.get(_digest(session)) if session else None
        if kept is None or kept.ends < time.monotonic():
            return None
        return self.users.named(kept.name)

    def login(self, name: str, password: str) -> str | None:
        """A new session's secret for the cookie, or None when name and password do not fit."""
        user = self.users.by_password(name, password) if self.by_account else None
        if user is None:
            return None
        secret = secrets.token_urlsafe(32)
        now = time.monotonic()
        with self._lock:
            kept = {digest: session for digest, session in self._sessions.items() if session.ends > now}
            for digest in list(kept)[: max(0, len(kept) + 1 - _MOST_SESSIONS)]:
                del kept[digest]  # the oldest
            self._sessions = {**kept, _digest(secret): _Session(user.name, now + SESSION_SECONDS)}
        return secret

    def logout(self, session: str) -> None:
        with self._lock:
            self._sessions.pop(_digest(session), None)


def check_may_listen(host: str, access: Access, *, insecure: bool) -> None:
    """Whether a server may listen on `host`.

    Raises:
        InputError: others could reach it, and nobody would be asked who they are.
    """
    if host in LOOPBACK or access.by_account or insecure:
        return
    raise InputError(
        f"--host {host} lets others read and change the library: make accounts first (`svrag users add NAME`), "
        "or allow it to everybody with --insecure"
    )


def keep_user(scope: MutableMapping[str, Any], user: User) -> None:
    """Note on a request who it comes from."""
    scope[_SCOPE_KEY] = user


def user_of(scope: Mapping[str, Any]) -> User:
    """Who the request with this ASGI scope comes from (`request.scope`; in Gradio, `request.request.scope`).

    A request without one never gets as far as the page or the interface: KeyError is a defect.
    """
    user = scope[_SCOPE_KEY]
    assert isinstance(user, User)
    return user


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
