"""serve: the web app and the HTTP interface, with a vLLM server beside it where one is asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from svrag.cli.options import Commands, command
from svrag.cli.status import DONE
from svrag.errors import InputError
from svrag.settings import Settings

if TYPE_CHECKING:
    from svrag.generation.answer import Generator


def register(commands: Commands) -> None:
    """`svrag serve`."""
    serve = command(commands, "serve", _serve, "the web app")
    serve.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port (default: 7860)")
    serve.add_argument("--open", action="store_true", help="open the browser")
    serve.add_argument(
        "--insecure", action="store_true", help="let whoever reaches --host in, where there are no accounts"
    )
    vllm = serve.add_argument_group("a vLLM server beside it, started and stopped with it")
    vllm.add_argument(
        "--with-vllm", metavar="MODEL", help="answers come from this model: a name on the Hub or a folder"
    )
    vllm.add_argument("--vllm-length", metavar="N", type=int, default=0, help="tokens of a request and its reply")
    vllm.add_argument(
        "--vllm-lora", metavar="NAME=DIR", action="append", default=[], help="LoRA weights; the first ones answer"
    )
    vllm.add_argument("--vllm-args", metavar="TEXT", default="", help="more arguments of vllm serve, in one text")


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.app.serve import serve

    answering = _answering(options, settings)
    serve(settings, answering, insecure=options.insecure, open_browser=options.open)
    return DONE


@contextmanager
def _answering(options: argparse.Namespace, settings: Settings) -> Iterator[Generator]:
    """Who answers what is served: as the settings say, or a vLLM server that runs as long."""
    if not options.with_vllm:
        from svrag.generation.select import generator_named

        if options.vllm_lora or options.vllm_length or options.vllm_args:
            raise InputError("--vllm-lora, --vllm-length and --vllm-args go with --with-vllm MODEL")
        yield generator_named(settings)
        return
    import signal

    from svrag.generation.vllm_server import Adapter, VllmServer

    for number in (signal.SIGTERM, signal.SIGHUP):  # an exception from now on: vLLM must end, too
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with VllmServer(
        options.with_vllm,
        length=options.vllm_length,
        adapters=[Adapter.of(text) for text in options.vllm_lora],
        more=options.vllm_args,
        tell=lambda line: print(f"svrag: {line}", file=sys.stderr, flush=True),
    ) as vllm:
        yield vllm.generator()
