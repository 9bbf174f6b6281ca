"""users: the accounts of a served library."""

from __future__ import annotations

import argparse
import sys

from svrag.cli.options import Commands, command, common
from svrag.cli.status import DONE
from svrag.settings import Settings


def register(commands: Commands) -> None:
    """`svrag users add`, `list` and `remove`."""
    summary = "who may use a served library: each has a key and documents of their own"
    users = commands.add_parser("users", parents=[common()], help=summary, description=summary)
    whom = users.add_subparsers(metavar="ACTION", required=True)
    add = command(whom, "add", _add, "make an account, or a new key for one; the key is shown once")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--password", action="store_true", help="ask for one, to log in at the page with")
    command(whom, "list", _list, "names and when they were added")
    remove = command(whom, "remove", _remove, "close an account; its documents stay")
    remove.add_argument("name", metavar="NAME")


def _add(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.app.users import Users

    password = None
    if options.password:
        import getpass

        password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    key = Users(settings.library_folder()).add(options.name, password)
    print(key)
    print(
        f"svrag: this is the key of {options.name}, shown only now; a server that runs takes it at once",
        file=sys.stderr,
    )
    return DONE


def _list(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.app.users import Users

    accounts = Users(settings.library_folder()).all()
    if not accounts:
        print("svrag: no users yet: svrag users add NAME makes one", file=sys.stderr)
    for account in accounts:
        print(f"{account.name}\t{account.created}{'' if account.password else chr(9) + 'key only'}")
    return DONE


def _remove(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.app.users import Users

    users = Users(settings.library_folder())
    users.remove(options.name)
    print(f"svrag: {options.name} is out; the documents stay in {users.library(options.name)}")
    return DONE
