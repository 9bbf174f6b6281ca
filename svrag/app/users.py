"""The accounts of a served folder: names, hashed passwords and keys, in one file. Knows nothing of requests.

Each user has a library of their own in users/NAME. A key is 256 random bits, so one pass of SHA-256 hides it; a password
is what people can remember, so it is stretched by scrypt (RFC 7914; N = 2^14, r = 8, p = 1: 16 MiB and some 50 ms).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from svrag.errors import InputError, LibraryError
from svrag.library.files import USERS
from svrag.library.store import Library

_FILE = "accounts.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_KEY_PREFIX = "svrag_"
_LEAST_PASSWORD = 8
_SCRYPT = {"n": 1 << 14, "r": 8, "p": 1}


@dataclass(frozen=True, slots=True)
class User:
    """Who asks: a name ("" where there are no accounts) and the folder of the library that is theirs."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Account:
    """What is kept of a user: digests in hexadecimal; without a password, `salt` and `password` are ""."""

    name: str
    created: str
    key: str
    salt: str = ""
    password: str = ""


class Users:
    """The accounts of `folder`. Safe in several threads; what another process changes is seen at the next question."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / USERS / _FILE
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._accounts: dict[str, Account] = {}

    def __bool__(self) -> bool:
        return bool(self._read())

    def all(self) -> list[Account]:
        """By name."""
        return sorted(self._read().values(), key=lambda account: account.name)

    def add(self, name: str, password: str | None = None) -> str:
        """Make an account with a library, or give the one there is a new key (and password); the key, told only now.

        Raises:
            InputError: a name or password that cannot be used.
            LibraryError: the folder cannot be written to.
        """
        if not _NAME.fullmatch(name):
            raise InputError(f"user {name!r}: use up to 32 small letters, digits, - and _, a letter or digit first")
        if password is not None and len(password) < _LEAST_PASSWORD:
            raise InputError(f"the password is too short: use {_LEAST_PASSWORD} characters or more")
        key = _KEY_PREFIX + secrets.token_urlsafe(32)
        salt = secrets.token_hex(16) if password is not None else ""
        stretched = _stretched(password, salt) if password is not None else ""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        account = Account(name, created, _digest(key), salt, stretched)
        Library.open(self.library(name)).close()
        with self._lock:
            self._write({**self._read(), name: account})
        return key

    def remove(self, name: str) -> None:
        """Close an account; its library stays.

        Raises:
            InputError: there is none of that name.
        """
        with self._lock:
            accounts = dict(self._read())
            if name not in accounts:
                raise InputError(f"no user {name!r}: `svrag users list` shows who there is")
            del accounts[name]
            self._write(accounts)

    def library(self, name: str) -> Path:
        """The folder of a user's library."""
        return self.folder / USERS / name

    def named(self, name: str) -> User | None:
        return User(name, self.library(name)) if name in self._read() else None

    def by_key(self, key: str) -> User | None:
        """Whose key it is."""
        digest = _digest(key)
        for account in self._read().values():
            if hmac.compare_digest(account.key, digest):
                return User(account.name, self.library(account.name))
        return None

    def by_password(self, name: str, password: str) -> User | None:
        """The user, if that is their password or key. Takes as long for a name that does not exist."""
        account = self._read().get(name)
        stretched = _stretched(password, account.salt if account else "")
        right = account is not None and account.password != "" and hmac.compare_digest(account.password, stretched)
        if account is not None and (right or hmac.compare_digest(account.key, _digest(password))):
            return User(name, self.library(name))
        return None

    def _read(self) -> dict[str, Account]:
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen != self._seen:
                entries = json.loads(self._path.read_text(encoding="utf-8"))
                self._accounts = {entry["name"]: Account(**entry) for entry in entries}
                self._seen = seen
        except FileNotFoundError:
            self._accounts, self._seen = {}, None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise LibraryError(f"cannot read the users in {self._path}: {error}") from None
        return self._accounts

    def _write(self, accounts: dict[str, Account]) -> None:
        """Whole or not at all, readable by the owner alone."""
        text = json.dumps([asdict(account) for account in accounts.values()], indent=1)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=".accounts-", dir=self._path.parent)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text + "\n")
                os.replace(temporary, self._path)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            raise LibraryError(f"cannot write the users to {self._path}: {error.strerror}") from None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _stretched(password: str, salt: str) -> str:
    text = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(text, salt=bytes.fromhex(salt), dklen=32, **_SCRYPT).hex()
