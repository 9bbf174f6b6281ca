from __future__ import annotations

import pytest

from svrag.errors import InputError
from svrag.generation.select import generator_named
from svrag.settings import Settings


def test_names() -> None:
    assert generator_named(Settings()).name == "quote"
    server = Settings(generator="openai", openai_base_url="http://localhost:8000/v1", openai_api_key="secret")
    assert generator_named(server).name == "openai"
    assert "secret" not in repr(generator_named(server))
    assert (
        generator_named(Settings(generator="openai:big", openai_base_url="http://localhost:8000/v1")).name == "openai"
    )
    for name in (
        "transformers:owner/model",
        "vllm:owner/model",
        "vllm:owner/model+/folder/qa",
        "sv-rag:InternVL2",
        "sv-rag:InternVL2+/folder/qa",
    ):
        assert generator_named(Settings(generator=name)).name == name


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(generator="gpt"), "quote .* openai"),
        (Settings(generator="quote:gpt"), "quote .* openai"),
        (Settings(generator="transformers"), "transformers:MODEL"),
        (Settings(generator="vllm"), r"vllm:MODEL\[\+ADAPTER\]"),
        (Settings(generator="sv-rag:"), "sv-rag:RETRIEVER"),
        (Settings(generator="openai"), "SVRAG_OPENAI_BASE_URL"),
        (Settings(generator="openai", openai_base_url="localhost:8000"), "http://"),
    ],
)
def test_what_cannot_be_set_up(settings: Settings, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        generator_named(settings)
    assert "\n" not in str(caught.value)
