"""What can go wrong for a user, as one clear line each.

The command line and the app print `str(error)` of these and nothing else; any other exception is a defect of svrag.
A message says what is wrong and what to do next.
"""

from __future__ import annotations


class SvragError(Exception):
    """Something the user can act on. Exit status 1."""


class InputError(SvragError):
    """An input file or question that cannot be used: wrong path, broken or encrypted file, no words."""


class LibraryError(SvragError):
    """The library folder cannot be read or written: newer schema, no space left, no permission, not a library."""


class ServerError(SvragError):
    """A model server that is away, refuses, or answers with something else than it should."""
