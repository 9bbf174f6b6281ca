"""Which generator a name stands for: `quote`, or a kind of model and, after a colon, which one."""

from __future__ import annotations

from functools import partial

from svrag.errors import InputError
from svrag.generation.answer import Generator
from svrag.settings import Settings

NAMES = (
    "quote (no model), openai[:MODEL] (a model server), transformers:MODEL or vllm:MODEL[+ADAPTER] (in this process) "
    "or sv-rag:RETRIEVER[+ADAPTER] (the retriever's own backbone)"
)


def generator_named(settings: Settings) -> Generator:
    """The generator that `settings.generator` names, set up from the same settings.

    Raises:
        InputError: an unknown name, a model that is not named, or a server without an address.
    """
    kind, _, model = settings.generator.partition(":")
    if kind == "quote" and not model:
        from svrag.generation.quote import QuoteGenerator

        return QuoteGenerator()
    if kind == "openai":
        return _openai(settings, model or settings.openai_model or "")
    if kind == "transformers" and model:
        from svrag.generation.generator import ModelGenerator
        from svrag.generation.transformers import TransformersChat

        return ModelGenerator(partial(TransformersChat, model), settings.generator)
    if kind == "vllm" and model:
        from svrag.generation.generator import ModelGenerator
        from svrag.generation.vllm import VllmChat

        return ModelGenerator(partial(VllmChat, model), settings.generator)
    if kind == "sv-rag" and model:
        from svrag.generation.generator import ModelGenerator
        from svrag.generation.sv_rag import SvRagChat, parts_of

        return ModelGenerator(partial(SvRagChat, *parts_of(model)), settings.generator)
    raise InputError(f"unknown generator {settings.generator!r}: use {NAMES}")


def _openai(settings: Settings, model: str) -> Generator:
    from svrag.generation.chat import ServerChat
    from svrag.generation.generator import ModelGenerator
    from svrag.retrievers.servers import checked_address, checked_key

    if not settings.openai_base_url:
        raise InputError("no model server: set SVRAG_OPENAI_BASE_URL, for example to http://localhost:8000/v1")
    key = settings.openai_api_key or ""
    checked_address(settings.openai_base_url), checked_key(key)  # now, not at the first question
    return ModelGenerator(partial(ServerChat, settings.openai_base_url, model, key), "openai")
