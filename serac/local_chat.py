"""A local model as a LangChain chat model: stop words, token counts and honest refusals."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Sequence
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables.config import run_in_executor
from pydantic import ConfigDict, Field

from memory_store.errors import InvalidQueryError
from serac.chat_messages import turns_from_messages
from serac.transformers_base import Generation, TransformersBase

T = TypeVar("T")

SETTINGS = frozenset({"temperature", "top_p", "top_k", "do_sample", "repetition_penalty"})
"""Keyword arguments of a call that are handed to ``generate`` of transformers."""


class LocalChatModel(BaseChatModel):
    """A causal LM of transformers, run in this process, as a LangChain chat model.

    It reads and writes text. Results of tools are read as turns of the user; tools can't
    be bound. Asynchronous calls run in a thread, so the event loop stays free.

    Args:
        base: The model.
        max_tokens: Longest answer, in tokens; the base's own setting when ``None``.
        stop: Words before which an answer ends, unless a call names its own.
        temperature: Zero decodes greedily, more samples; the model's own setting when
            ``None``.
    """

    base: TransformersBase = Field(exclude=True, repr=False)
    max_tokens: int | None = Field(default=None, gt=0)
    stop: list[str] | None = None
    temperature: float | None = Field(default=None, ge=0)

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @property
    def model_name(self) -> str:
        """Name of the base model."""
        return self.base.name

    @property
    def _llm_type(self) -> str:
        return "errata-local"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model_name": self.model_name,
            "max_tokens": self.max_tokens or self.base.max_new_tokens,
            "temperature": self.temperature,
            "stop": self.stop,
            "generation": self.base.generation,
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = "transformers"
        return params

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        turns = turns_from_messages(messages)
        done = self.base.generate(turns, stop=stop or self.stop, **self._settings(kwargs))
        message = AIMessage(
            content=done.text, response_metadata=self._metadata(done), usage_metadata=_usage(done)
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Generator[ChatGenerationChunk, None, None]:
        turns = turns_from_messages(messages)
        settings = self._settings(kwargs)
        for part in self.base.stream_counted(turns, stop=stop or self.stop, **settings):
            if isinstance(part, str):
                chunk = AIMessageChunk(content=part)
            else:
                chunk = AIMessageChunk(
                    content="",
                    response_metadata=self._metadata(part),
                    usage_metadata=_usage(part),
                    chunk_position="last",
                )
            yield ChatGenerationChunk(message=chunk)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async with aclosing(in_executor(self._stream(messages, stop, **kwargs))) as chunks:
            async for chunk in chunks:
                yield chunk

    def _settings(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments for the base model, and refuse what it can't do."""
        asked = {name: value for name, value in kwargs.items() if value is not None}
        asked.pop("stream", None)  # LangChain's own switch, already obeyed
        tokens = asked.pop("max_tokens", self.max_tokens)
        unknown = sorted(asked.keys() - SETTINGS)
        if unknown:
            raise InvalidQueryError(
                f"a local chat model has no use for {', '.join(unknown)}; leave it out"
            )
        if tokens is not None and (not isinstance(tokens, int) or tokens < 1):
            raise InvalidQueryError(f"max_tokens must be a whole number above 0, not {tokens!r}")
        temperature = asked.pop("temperature", self.temperature)
        if temperature == 0:
            asked.setdefault("do_sample", False)
        elif temperature is not None:
            asked.setdefault("do_sample", True)
            asked["temperature"] = temperature
        return {**asked, "max_new_tokens": tokens}

    def _metadata(self, done: Generation) -> dict[str, Any]:
        return {"model_name": self.model_name, "finish_reason": done.finish_reason}

    def get_token_ids(self, text: str) -> list[int]:
        """Return the ids of a text's tokens, without special ones."""
        return list(self.base.tokenizer(text, add_special_tokens=False)["input_ids"])

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Return how many tokens the model reads for a conversation; tools are not read."""
        return int(self.base.chat_inputs(turns_from_messages(messages))["input_ids"].shape[1])


async def in_executor(items: Generator[T, None, None]) -> AsyncGenerator[T, None]:
    """Yield what a blocking generator yields; it runs, and is closed, in a thread."""
    end: T | None = None
    try:
        while (item := await run_in_executor(None, next, items, end)) is not None:
            yield item
    finally:
        # When the reader was cancelled, a thread may still be in the generator; the
        # generator then ends with that thread.
        with suppress(ValueError):
            await run_in_executor(None, items.close)


def _usage(done: Generation) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=done.input_tokens,
        output_tokens=done.output_tokens,
        total_tokens=done.input_tokens + done.output_tokens,
    )
