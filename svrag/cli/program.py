"""The `svrag` program: all commands under one parser; errors become one line and an exit status.

Exit status: 0 done, 1 failed (one line on stderr), 2 wrong usage, 3 some inputs were skipped (named on stderr).
The commands are in the modules beside this one, each with its options; everything heavy is imported inside the command
that needs it, so that `svrag --help` answers at once. What is printed, and how, is in svrag.console.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from svrag import __version__
from svrag.cli import asking, documents, evaluating, explaining, graph, serving, training, users
from svrag.cli.options import common
from svrag.cli.status import DONE, FAILED, USAGE
from svrag.errors import SvragError
from svrag.settings import Settings, checked, load_settings

_NOUNS = (documents, asking, explaining, graph, serving, users, training, evaluating)
"""In the order of the help."""


def entry() -> None:
    """The `svrag` program. What a terminal has no character for is shown as "?"."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed
            stream.reconfigure(errors="replace")
    raise SystemExit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    program = parser()
    options = program.parse_args(_with_part(arguments))
    if "run" not in options:
        program.print_help()
        return USAGE
    try:
        settings = _settings(options)
        status: int = options.run(options, settings)
        if sys.stdout is not None:
            sys.stdout.flush()  # here, so that a reader that has gone away, or a full disk, is noticed here
        return status
    except SvragError as error:
        if options.debug:
            raise
        print(f"svrag: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("svrag: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `svrag search ... | head`
        _drop_output()
        return DONE
    except OSError as error:
        if options.debug:
            raise
        print(f"svrag: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        if error.errno == errno.ENOSPC:
            _drop_output()
        return FAILED
    finally:
        _tell_spending()


def _drop_output() -> None:
    """What is still to be printed has nowhere to go, and Python would say so again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    program = argparse.ArgumentParser(
        prog="svrag",
        description="Ask questions of long documents and see the evidence, boxed on its page.",
        parents=[common()],
    )
    program.set_defaults(library=None, retriever=None, encoder=None, generator=None, config=None, debug=False)
    program.add_argument("--version", action="version", version=f"svrag {__version__}")
    commands = program.add_subparsers(metavar="COMMAND")
    for noun in _NOUNS:
        noun.register(commands)
    return program


def _tell_spending() -> None:
    """What paid servers were asked for; a stopped command has spent it, too."""
    from svrag.retrievers.spending import ACCOUNT

    for line in ACCOUNT.lines():
        print(f"svrag: {line}", file=sys.stderr)


def _with_part(arguments: Sequence[str]) -> list[str]:
    """`train mine`, `train score` and `train arxiv` are commands beside `train CONFIG`: two words become one name."""
    words = list(arguments)
    for at, word in enumerate(words[:-1]):
        if word == "train" and words[at + 1] in ("mine", "score", "arxiv"):
            return [*words[:at], f"train {words[at + 1]}", *words[at + 2 :]]
        if not word.startswith("-") and not (at and words[at - 1].startswith("--") and "=" not in words[at - 1]):
            break  # another command's name
    return words


def _settings(options: argparse.Namespace) -> Settings:
    """Settings from file and environment, overridden by what was said on the command line."""
    said = {
        name: getattr(options, name)
        for name in ("library", "retriever", "encoder", "generator", "k", "workers", "host", "port")
        if getattr(options, name, None) is not None
    }
    return checked(replace(load_settings(options.config), **said))
