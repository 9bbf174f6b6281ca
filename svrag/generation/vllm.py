"""Chat models of vLLM, where it is installed beside svrag: its engine is started from this process and ends with it.

Several answers are written at once. The checkpoint's own chat template makes the prompt, by vLLM, which also counts it;
words that look like the model's own signs are broken up first. Where vLLM lives elsewhere, it is a server
(vllm_server.py).
"""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
import importlib.util
import itertools
import os
import queue
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from svrag.errors import InputError, ServerError
from svrag.generation.generator import PICTURES
from svrag.generation.model import ChatRequest, Limits, Message, Picture, Refused, Reply, Text
from svrag.generation.prepared import Prepared
from svrag.generation.signs import broken_up, own_signs, picture_of
from svrag.generation.thoughts import Visible, without_thoughts
from svrag.generation.vllm_server import Adapter
from svrag.retrievers.loads import noted
from svrag.retrievers.multivector.hub import locate

_OFTEN = 0.1  # seconds between questions to `should_stop` while nothing is written
_ENDING = 5.0  # seconds
_QUIET = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # answers go to the other
    "VLLM_NO_USAGE_STATS": "1",
}
_T = TypeVar("_T")


class VllmChat(Prepared["_Prompt"]):
    """A `ChatModel` of an engine that is started when it is first asked and kept for the next `VllmChat`.

    Args:
        name: MODEL, or MODEL+ADAPTER where LoRA weights over it answer; names on the Hugging Face Hub, or folders.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._model, self._adapter = parts_of(name)

    def limits(self) -> Limits:
        """Raises:
        InputError: the model cannot be loaded.
        """
        engine, _ = self._engine()
        return Limits(engine.context, engine.pictures, structured=True)

    def count(self, request: ChatRequest) -> int | None:
        """None for more pictures than it takes.

        Raises:
            InputError: the model cannot be loaded.
        """
        engine, _ = self._engine()
        return None if request.pictures > engine.pictures else self._prompt(engine, request).length

    def chat(
        self,
        request: ChatRequest,
        *,
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Reply:
        """As `ChatModel.chat`; `should_stop` is also asked while nothing is written. When it says so, or `on_token`
        fails, the engine stops this answer's work.
        """
        engine, adapter = self._engine()
        if (pictures := request.pictures) > engine.pictures:
            raise Refused("pictures", f"{self.name} takes {engine.pictures} pictures, not {pictures}", engine.pictures)
        prompt = self._prompt(engine, request)
        if prompt.length + request.max_tokens > engine.context:
            whole = f"{prompt.length} tokens and {request.max_tokens} of a reply"
            raise Refused("length", f"{self.name} takes {engine.context} tokens, not {whole}", engine.context)
        visible, written, finish = Visible(), "", ""
        pieces: queue.SimpleQueue[_Piece] = queue.SimpleQueue()
        writing = engine.write(prompt, request, adapter, pieces.put)
        try:
            while not writing.done() or not pieces.empty():
                if should_stop is not None and should_stop():
                    return Reply(without_thoughts(written), stopped=True)
                with suppress(queue.Empty):
                    piece = pieces.get(timeout=_OFTEN)
                    written, finish = written + piece.text, piece.finish
                    shown = visible.feed(piece.text) if piece.text else ""
                    if shown and on_token is not None:
                        on_token(shown)
            _result(writing, self.name, request)
        finally:
            writing.cancel()
        return Reply(without_thoughts(written), finish)

    def _engine(self) -> tuple[_Engine, Adapter | None]:
        adapter = None
        if self._adapter:
            adapter = Adapter("answers", locate(self._adapter).folder)
        return _engine_of(self._model, adapter.room() if adapter else 0), adapter

    def _prompt(self, engine: _Engine, request: ChatRequest) -> _Prompt:
        return self._of(request, lambda: _result(engine.prompt(request.messages), self.name, request))


def parts_of(name: str) -> tuple[str, str]:
    """A folder's own name may have the sign, too."""
    model, plus, adapter = name.rpartition("+")
    return (model, adapter) if plus and adapter and not Path(name).is_dir() else (name, "")


@dataclass(frozen=True, slots=True)
class _Prompt:
    """What the model reads, as the engine takes it, and how many tokens that is, pictures included."""

    engine_input: Any
    length: int


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    finish: str


class _Engine:
    """`vllm.AsyncLLM` and the thread in which it is asked. Safe to use by several threads at once.

    Args:
        model: as it was asked for.
        folder: where its files are.
        rank: of the largest LoRA weights there is room for; 0 for none.

    Attributes:
        context: tokens of a request and its reply.
        pictures: of a request.

    Raises:
        InputError: vLLM cannot load the model.
    """

    def __init__(self, model: str, folder: Path, rank: int) -> None:
        self.model = model
        self.rank = rank
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vllm", daemon=True)
        self._thread.start()
        self._llm: Any = None
        self._numbers = itertools.count(1)
        self._adapters: dict[Path, Any] = {}
        try:
            # In the loop's own thread: the engine's processes end when the thread that started them does.
            self._llm = self._run(_started(model, folder, rank)).result()
            renderer = self._llm.renderer
            self._own = own_signs(renderer.get_tokenizer())
        except BaseException:
            self.close()
            raise
        self.context = int(self._llm.model_config.max_model_len)
        sees = self._llm.model_config.is_multimodal_model
        self.pictures = int(renderer.get_mm_processor().info.allowed_mm_limits.get("image", 0)) if sees else 0

    @property
    def is_alive(self) -> bool:
        return not self._llm.errored

    def close(self) -> None:
        """Ends the engine's processes; what is being written breaks off."""
        self._run(_broken_off()).result()  # first, or it is taken for an engine that has died
        if self._llm is not None:
            self._llm.shutdown()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def prompt(self, messages: Sequence[Message]) -> Future[_Prompt]:
        """The conversation as the model reads it, of whatever length."""
        return self._run(self._rendered(messages))

    def write(
        self, prompt: _Prompt, request: ChatRequest, adapter: Adapter | None, tell: Callable[[_Piece], None]
    ) -> Future[None]:
        """Greedily; `tell` gets each piece in the engine's thread. Cancelled, the engine stops its work on it."""
        return self._run(self._written(prompt, request, adapter, tell))

    def _run(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _rendered(self, messages: Sequence[Message]) -> _Prompt:
        from vllm.exceptions import VLLMValidationError
        from vllm.renderers.params import ChatParams

        said = [
            {"role": message.role, "content": [self._part(part) for part in message.parts]} for message in messages
        ]
        renderer = self._llm.renderer
        # Too long a request is counted, too: how much it is too long, decides what of the evidence is left out.
        unlimited = dataclasses.replace(renderer.default_chat_tok_params, max_total_tokens=None)
        options = ChatParams(chat_template_kwargs={"add_generation_prompt": True})
        try:
            _, (made,) = await renderer.render_chat_async([said], options, unlimited)
        except VLLMValidationError:
            if said[0]["role"] != "system" or len(said) < 2:
                raise
            # Some templates know no system message: its words come before the first of the user.
            first, second, *others = said
            content = [*first["content"], {"type": "text", "text": "\n\n"}, *second["content"]]
            joined = [{"role": second["role"], "content": content}, *others]
            _, (made,) = await renderer.render_chat_async([joined], options, unlimited)
        return _Prompt(made, len(made["prompt_token_ids"]))

    def _part(self, part: Text | Picture) -> dict[str, Any]:
        if isinstance(part, Picture):
            return {"type": "image_pil", "image_pil": picture_of(part)}
        return {"type": "text", "text": broken_up(part.text, self._own)}

    async def _written(
        self, prompt: _Prompt, request: ChatRequest, adapter: Adapter | None, tell: Callable[[_Piece], None]
    ) -> None:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        settings = SamplingParams(
            temperature=0.0,
            repetition_penalty=self._llm.model_config.get_diff_sampling_param().get("repetition_penalty", 1.0),
            max_tokens=request.max_tokens,
            output_kind=RequestOutputKind.DELTA,
            structured_outputs=None if request.schema is None else StructuredOutputsParams(json=dict(request.schema)),
        )
        number = str(next(self._numbers))
        lora = self._lora(adapter) if adapter else None
        async for output in self._llm.generate(prompt.engine_input, settings, number, lora_request=lora):
            (one,) = output.outputs
            tell(_Piece(one.text, one.finish_reason or ""))

    def _lora(self, adapter: Adapter) -> Any:
        from vllm.lora.request import LoRARequest

        folder = adapter.folder.absolute()
        if folder not in self._adapters:
            number = len(self._adapters) + 1
            self._adapters[folder] = LoRARequest(f"{adapter.name}{number}", number, str(folder))
        return self._adapters[folder]


async def _broken_off() -> None:
    """Cancels all other work of this loop, and waits a little for it to end."""
    work = asyncio.all_tasks() - {asyncio.current_task()}
    for task in work:
        task.cancel()
    if work:
        await asyncio.wait(work, timeout=_ENDING)


async def _started(model: str, folder: Path, rank: int) -> Any:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    from vllm import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    arguments = AsyncEngineArgs(
        model=str(folder),
        max_model_len=-1,  # as many as the memory holds and the model knows
        limit_mm_per_prompt={"image": PICTURES},
        mm_processor_cache_gb=0,  # it would remember what was counted as if the engine had seen it
        gpu_memory_utilization=_share_of_memory(),
        enable_lora=rank > 0,
        max_lora_rank=rank or 16,
    )
    try:
        return AsyncLLM.from_engine_args(arguments)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(f"vLLM cannot load {model}: {reason[:300]}") from None


def _share_of_memory() -> float:
    """The part of all memory that vLLM may take: of what is left by the retriever and by others, most."""
    import psutil
    import torch

    if torch.cuda.is_available():
        free, whole = torch.cuda.mem_get_info()
        return 0.9 * free / whole
    memory = psutil.virtual_memory()
    return 0.5 * float(memory.available) / float(memory.total)


_starting = threading.Lock()
_running: list[_Engine] = []  # one, or none yet


def _engine_of(model: str, rank: int) -> _Engine:
    """The running engine if it holds `model` and has room for LoRA weights of `rank`; else one is started in its place.

    Raises:
        InputError: vLLM or the model is not there, or vLLM cannot load it.
    """
    if importlib.util.find_spec("vllm") is None:
        raise InputError(
            f'vllm:{model} needs vLLM in this environment: pip install "vllm>=0.32,<0.33", or start it elsewhere: '
            "svrag serve --with-vllm, or --generator openai"
        )
    with _starting:
        for engine in _running:
            if engine.model == model and engine.rank >= rank and engine.is_alive:
                return engine

        def start(name: str) -> _Engine:
            folder = locate(name).folder
            _end()  # two would not fit into the memory
            return _Engine(name, folder, rank)

        _running.append(noted(start, kind="vllm:")(model))
        return _running[0]


@atexit.register
def _end() -> None:
    while _running:
        _running.pop().close()


def _result(work: Future[_T], name: str, request: ChatRequest) -> _T:
    """What came of `work`, or why nothing did.

    Raises:
        InputError: there is no chat template.
        Refused: the schema is none that vLLM follows.
        ServerError: vLLM has died, or refuses.
    """
    from vllm.exceptions import VLLMClientError
    from vllm.renderers.chat_utils import ChatTemplateResolutionError
    from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

    try:
        return work.result()
    except ChatTemplateResolutionError:
        raise InputError(
            f"{name} has no chat template: name a model that was trained to chat (-Instruct, -it)"
        ) from None
    except (EngineDeadError, CancelledError):
        raise ServerError(f"vLLM ended while {name} answered: ask again, and it is started again") from None
    except (VLLMClientError, EngineGenerateError, ValueError) as error:
        reason = next(iter(str(error.__cause__ or error).strip().splitlines()), type(error).__name__)
        if request.schema is not None and not isinstance(error, EngineGenerateError):
            raise Refused("schema", reason[:300]) from None
        raise ServerError(f"{name} did not answer: {reason[:300]}") from None
