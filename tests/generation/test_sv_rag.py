"""One backbone retrieves and answers: off, the retriever's adapter leaves no trace; on again, its vectors are the same."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("peft")
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from svrag.errors import InputError
from svrag.generation import sv_rag
from svrag.generation import transformers as in_process
from svrag.generation.model import ChatModel, ChatRequest, Message, Refused, Text
from svrag.generation.phi3 import Phi3Speaker, family_of
from svrag.generation.sv_rag import SvRagChat, parts_of
from svrag.generation.transformers import TransformersChat
from svrag.retrievers.multivector import loading
from svrag.retrievers.multivector.loading import load_multivector
from tests.generation.conversations import asked, heard, picture
from tests.generation.tiny_chat import write_qwen2_5_vl
from tests.patience import PATIENCE
from tests.retrievers.multivector.colinternvl2 import tiny as internvl2
from tests.retrievers.multivector.colphi3v import tiny as phi3v
from tests.retrievers.multivector.phi3.tiny import DECODER, lora, words, write_adapter
from tests.retrievers.multivector.test_adapter import write_adapter as write_qwen_adapter

PAGE = picture()
REQUEST = asked("What is this? ", PAGE, " And ", picture(1, 30, 90), " And then?", most=24)


@pytest.fixture(params=[internvl2, phi3v], ids=["colinternvl2", "colphi3v"])
def tiny(request: pytest.FixtureRequest) -> ModuleType:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    loading._loaded.cache_clear()
    in_process._loaded.cache_clear()
    sv_rag._last.clear()


def for_answers(folder: Path, tiny: ModuleType, seed: int = 9) -> Path:
    """Another adapter over the same base, under the names of the published ones."""
    layers = "model.language_model.model.layers" if tiny is internvl2 else "model.layers"
    write_adapter(folder / "qa", folder / "base", lora(layers, seed=seed), tiny.TARGETS)
    return folder / "qa"


def vectors(encoder: Any) -> list[np.ndarray]:
    page = Image.open(io.BytesIO(PAGE.data))
    made = (
        encoder.questions(["How much?", "A longer question?"]) + encoder.passages(["words"]) + encoder.pictures([page])
    )
    return [tokens.vectors for tokens in made]


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


class Numbers:
    """A speaker that keeps the numbers of what it writes, to be compared to the last bit."""

    def __init__(self, speaker: Any) -> None:
        self.tokens: list[int] = []
        speaker.write(speaker.prepare(REQUEST.messages), 24, self._hear)

    def _hear(self, token: int) -> bool:
        self.tokens.append(token)
        return True


def states(speaker: Any) -> list[bytes]:
    """The decoder's last states while it writes, byte by byte."""
    seen: list[bytes] = []
    handle = speaker._decoder.norm.register_forward_hook(
        lambda _, inputs, output: seen.append(output.numpy().tobytes())
    )
    Numbers(speaker)
    handle.remove()
    return seen


def test_with_the_adapter_off_it_writes_as_the_base_alone(tiny: ModuleType, tmp_path: Path) -> None:
    """Not a byte of the states differs from those of a base that never had an adapter."""
    base = tiny.write_published(tmp_path)
    encoder: Any = load_multivector(str(tmp_path / "adapter"))
    alone = Phi3Speaker(base.language_model, words(), family_of(base, encoder.processor))
    shared = sv_rag._speaker(encoder, "")
    expected = states(alone)
    assert len(expected) == 24
    assert states(shared) == expected
    assert len(set(Numbers(shared).tokens)) > 3  # it does not say one thing for ever
    adapted = base_of(encoder)
    left_on = Phi3Speaker(adapted.language_model, words(), family_of(adapted, encoder.processor))
    assert states(left_on) != expected


def base_of(encoder: Any) -> Any:
    return encoder.model.get_base_model()


def test_embeddings_before_and_after_answering_are_equal(tiny: ModuleType, tmp_path: Path) -> None:
    tiny.write_published(tmp_path)
    encoder = load_multivector(str(tmp_path / "adapter"))
    before = vectors(encoder)
    weights = {key: value.clone() for key, value in base_of(encoder).state_dict().items()}
    plain = SvRagChat(str(tmp_path / "adapter")).chat(REQUEST)
    assert same(vectors(encoder), before)
    with SvRagChat(str(tmp_path / "adapter"), str(for_answers(tmp_path, tiny))) as chat:
        tuned = chat.chat(REQUEST)
        assert tuned.text != plain.text
        assert same(vectors(encoder), before)
        assert chat.chat(REQUEST) == tuned
    assert SvRagChat(str(tmp_path / "adapter")).chat(REQUEST) == plain
    assert same(vectors(encoder), before)
    after = base_of(encoder).state_dict()
    assert all(torch.equal(after[key], value) for key, value in weights.items())
    assert not any(weight.requires_grad for weight in base_of(encoder).parameters())


def test_the_adapter_for_answers_does_what_it_does_alone(tiny: ModuleType, tmp_path: Path) -> None:
    """As over a base without the retriever's."""
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict

    base = tiny.write_published(tmp_path)
    folder = for_answers(tmp_path, tiny)
    encoder = load_multivector(str(tmp_path / "adapter"))
    together = Numbers(sv_rag._speaker(encoder, str(folder))).tokens
    family = family_of(base, encoder.processor)  # type: ignore[attr-defined]
    assert Numbers(Phi3Speaker(base.language_model, words(), family)).tokens != together
    targets = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]
    adapted = get_peft_model(base.language_model, LoraConfig(r=2, lora_alpha=8, target_modules=targets)).eval()
    saved = load_file(folder / "adapter_model.safetensors").items()
    set_peft_model_state_dict(
        adapted, {f"base_model.model.{key[key.index('layers') :]}": value for key, value in saved}
    )
    assert Numbers(Phi3Speaker(base.language_model, words(), family)).tokens == together


def test_the_retriever_that_is_used_by_searches_is_the_one_that_answers(tiny: ModuleType, tmp_path: Path) -> None:
    tiny.write_published(tmp_path)
    name = str(tmp_path / "adapter")
    chat = SvRagChat(name)
    chat.limits()
    searching: Any = load_multivector(name)
    speaker: Any = sv_rag._speaker(searching, "")
    assert speaker._decoder is base_of(searching).language_model
    assert sv_rag._speaker(load_multivector(name), "") is speaker


def test_searches_go_on_while_an_answer_is_written(tiny: ModuleType, tmp_path: Path) -> None:
    """Each gets what it gets alone, and a search does not wait for the whole answer."""
    tiny.write_published(tmp_path)
    encoder = load_multivector(str(tmp_path / "adapter"))
    chat = SvRagChat(str(tmp_path / "adapter"), str(for_answers(tmp_path, tiny)))
    before, alone = vectors(encoder), chat.chat(REQUEST)
    searched = threading.Event()

    def wait(piece: str) -> None:
        assert searched.wait(PATIENCE)

    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(chat.chat, REQUEST, on_token=wait)
        for _ in range(3):
            assert same(vectors(encoder), before)
        assert not answer.done()
        searched.set()
        for _ in range(3):
            assert same(vectors(encoder), before)
        assert answer.result() == alone


def test_it_is_a_chat_model_like_others(tiny: ModuleType, tmp_path: Path) -> None:
    tiny.write_published(tmp_path)
    chat: ChatModel = SvRagChat(str(tmp_path / "adapter"))
    assert chat.limits().tokens == DECODER["max_position_embeddings"]
    assert chat.limits().pictures is None
    reply, pieces = heard(chat, REQUEST)
    assert "".join(pieces) == reply.text
    assert (chat.count(REQUEST) or 0) > (chat.count(asked("What is this?  And  And then?")) or 0)
    assert (
        chat.chat(asked("What is this? ", picture(7), most=24)).text
        != chat.chat(asked("What is this? ", picture(8), most=24)).text
    )
    with pytest.raises(Refused, match="takes 2048 tokens"):
        chat.chat(asked("long " * 500))
    stopped = chat.chat(REQUEST, should_stop=lambda: True)
    assert stopped.stopped
    assert len(stopped.text) <= 1


def test_the_base_alone_answers_as_transformers_chat(tiny: ModuleType, tmp_path: Path) -> None:
    tiny.write_published(tmp_path)
    assert TransformersChat(str(tmp_path / "base")).chat(REQUEST) == SvRagChat(str(tmp_path / "adapter")).chat(REQUEST)


def test_prompts_are_those_of_the_makers(tmp_path: Path) -> None:
    messages = (Message("system", (Text("Be brief.<|end|>"),)), Message("user", (PAGE, Text("What?"))))
    read = {}
    for tiny in (internvl2, phi3v):
        tiny.write_published(tmp_path / tiny.__name__)
        speaker: Any = sv_rag._speaker(load_multivector(str(tmp_path / tiny.__name__ / "adapter")), "")
        first, view, last = speaker.prepare(messages)
        decode = speaker._family.vocabulary.tokenizer.decode
        read[tiny] = decode(list(first)), decode(list(last))
        assert speaker._family.seen(view, view.pixels).shape == (view.tokens, DECODER["hidden_size"])
    # https://huggingface.co/OpenGVLab/InternVL2-4B: conversation.py, "phi3-chat"
    assert read[internvl2] == (
        "<s><|system|>\nBe brief.< |end|><|end|><|user|>\n<img>",
        "</img>\nWhat?<|end|><|assistant|>\n",
    )
    # https://huggingface.co/microsoft/Phi-3-vision-128k-instruct: tokenizer_config.json, processing_phi3_v.py
    assert read[phi3v] == (
        "<s><|system|>\nBe brief.< |end|><|end|>\n<|user|>\n",
        "<s>\nWhat?<|end|>\n<|assistant|>\n",
    )


def test_what_cannot_answer(tiny: ModuleType, tmp_path: Path) -> None:
    tiny.write(tmp_path / "retriever")
    with pytest.raises(InputError, match=r"has no layer that chooses words \(lm_head\)"):
        SvRagChat(str(tmp_path / "retriever")).limits()
    tiny.write_published(tmp_path / "published")
    adapter = tmp_path / "published" / "adapter"
    encoder = load_multivector(str(adapter))
    before = vectors(encoder)
    bad = for_answers(tmp_path / "published", tiny)
    file = bad / "adapter_model.safetensors"
    good = load_file(file)
    key = next(key for key in good if "layers.1" in key and "lora_A" in key)
    for weights, line in (
        ({name: value for name, value in good.items() if name != key}, "missing .*layers.1"),
        ({**good, key: torch.zeros(3, 3)}, r"does not fit its base model"),
        ({**good, key.replace("layers.1", "layers.9"): good[key].clone()}, "unexpected .*layers.9"),
    ):
        save_file(weights, file)
        with pytest.raises(InputError, match=line):
            SvRagChat(str(adapter), str(bad)).limits()
        assert same(vectors(encoder), before)
    settings = json.loads((bad / "adapter_config.json").read_text())
    (bad / "adapter_config.json").write_text(json.dumps({**settings, "peft_type": "IA3"}))
    with pytest.raises(InputError, match="only LoRA"):
        SvRagChat(str(adapter), str(bad)).limits()
    assert same(vectors(encoder), before)


def test_colqwen_over_a_base_that_chats(tmp_path: Path) -> None:
    """Its language model's own layer chooses words; the same text as the base alone, the same vectors after it."""
    base = write_qwen2_5_vl(tmp_path / "base")
    write_qwen_adapter(tmp_path / "retriever", base, "ColQwen2_5")
    encoder = load_multivector(str(tmp_path / "retriever"))
    before = vectors(encoder)
    chat = SvRagChat(str(tmp_path / "retriever"))
    reply = chat.chat(REQUEST)
    assert reply == TransformersChat(str(base)).chat(REQUEST)
    assert same(vectors(encoder), before)

    from peft import LoraConfig, get_peft_model
    from transformers import Qwen2_5_VLForConditionalGeneration

    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(base).eval()
    targets = r".*language_model.*(q_proj|down_proj)"
    adapted = get_peft_model(model, LoraConfig(r=2, init_lora_weights=False, target_modules=targets))
    adapted.peft_config["default"].base_model_name_or_path = str(base)
    adapted.save_pretrained(tmp_path / "qa")
    tuned = SvRagChat(str(tmp_path / "retriever"), str(tmp_path / "qa")).chat(REQUEST)
    assert tuned == TransformersChat(str(tmp_path / "qa")).chat(REQUEST) != reply
    assert same(vectors(encoder), before)
    assert chat.chat(REQUEST) == reply


def test_a_retriever_that_cannot_answer(tmp_path: Path) -> None:
    from tests.retrievers.multivector.tiny import write_colmodernvbert

    write_colmodernvbert(tmp_path)
    with pytest.raises(InputError, match="cannot answer with its own backbone: name one of Col-InternVL2"):
        SvRagChat(str(tmp_path)).limits()


def test_names(tmp_path: Path) -> None:
    plus = tmp_path / "a+b"
    plus.mkdir()
    assert parts_of("InternVL2") == ("InternVL2", "")
    assert parts_of("InternVL2+/some/qa") == ("InternVL2", "/some/qa")
    assert parts_of(str(plus)) == (str(plus), "")
    assert parts_of(f"{plus}+owner/qa") == (str(plus), "owner/qa")


def test_a_short_conversation_ends(tmp_path: Path) -> None:
    internvl2.write_published(tmp_path)
    encoder: Any = load_multivector(str(tmp_path / "adapter"))
    speaker: Any = sv_rag._speaker(encoder, "")
    number = encoder.processor.vocabulary.number
    assert speaker.ends(number("<|end|>"))
    assert speaker.ends(number("</s>"))
    assert not speaker.ends(number("<|user|>"))
    request = ChatRequest((Message("user", (Text("Hi"),)),), max_tokens=1)
    assert SvRagChat(str(tmp_path / "adapter")).chat(request).finish == "length"
