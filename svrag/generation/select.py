"""Which generator a name stands for."""

from __future__ import annotations

from svrag.errors import InputError
from svrag.generation.answer import Generator
from svrag.settings import Settings


def generator_named(settings: Settings) -> Generator:
    """The generator that `settings.generator` names, set up from the same settings.

    Raises:
        InputError: an unknown name, or a server without an address.
    """
    if settings.generator == "quote":
        from svrag.generation.quote import QuoteGenerator

        return QuoteGenerator()
    if settings.generator == "openai":
        from svrag.generation.openai import OpenAIGenerator

        if not settings.openai_base_url:
            raise InputError("no model server: set SVRAG_OPENAI_BASE_URL, for example to http://localhost:8000/v1")
        return OpenAIGenerator(
            base_url=settings.openai_base_url,
            model=settings.openai_model or "",
            api_key=settings.openai_api_key or "",
        )
    raise InputError(f"unknown generator {settings.generator!r}: use quote (no model) or openai (a model server)")
