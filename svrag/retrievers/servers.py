"""What all clients of model servers need: addresses and keys that can be used, and how long a busy server asks to wait."""

from __future__ import annotations

import functools
import re
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from svrag.errors import InputError

BUSY = (429, 500, 502, 503, 504)
"""Statuses after which to try again."""

_HOST = re.compile(rb"[\w-]{1,63}(\.[\w-]{1,63})*\.?|[\da-fA-F.]*:[\da-fA-F:.]+")  # a name or an address
_LOCAL = ("localhost", "127.0.0.1", "::1")


def checked_address(base_url: str) -> httpx.URL:
    """The address of a server, without a slash at its end.

    Raises:
        InputError: not http(s), or without a host.
    """
    with suppress(httpx.InvalidURL):
        url = httpx.URL(base_url.strip().rstrip("/"))
        if url.scheme in ("http", "https") and _HOST.fullmatch(url.raw_host) and (url.port or 0) < 65536:
            return url
    raise InputError("the server's address must begin with http:// or https://, like http://localhost:8000/v1")


def checked_key(api_key: str) -> str:
    """The key without white space around it.

    Raises:
        InputError: it holds characters that cannot be sent; the key itself is not in the message.
    """
    key = api_key.strip()
    if not key.isascii() or not key.isprintable():
        raise InputError("the API key holds characters that no key has: copy it again")
    return key


def shown(url: httpx.URL) -> str:
    """The address for messages: no user, no password."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}{url.path.rstrip('/')}"


def client(url: httpx.URL, key: str, *, timeout: float) -> httpx.Client:
    """A client that sends the key as a bearer token; `timeout` in seconds."""
    return httpx.Client(
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=httpx.Timeout(timeout, connect=10.0),
        verify=_certificates(),
        trust_env=url.host not in _LOCAL,  # a proxy cannot reach this machine
    )


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Read once: a client that reads them itself takes 30 ms to make, for servers without encryption, too."""
    return httpx.create_ssl_context()


def retry_after(value: str) -> float:
    """Seconds a Retry-After header asks for, in either of its forms; 0 when there is none."""
    with suppress(ValueError):
        return max(0.0, float(value))
    with suppress(ValueError, TypeError):  # TypeError: a date without its zone
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    return 0.0
