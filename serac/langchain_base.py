"""Any LangChain chat model as a base model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from memory_store.errors import MissingExtraError, ModelError
from serac.conversation import Turn

PREFIX = "langchain:"


class LangChainBase:
    """Any LangChain chat model, asked with messages."""

    def __init__(self, model: BaseChatModel) -> None:
        self.model = model
        self.name = model._llm_type

    def reply(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
    ) -> str:
        """Return the model's answer to the last turn."""
        return str(self.model.invoke(_messages(turns), **_settings(stop, max_new_tokens)).text)

    def stream(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
    ) -> Iterator[str]:
        """Yield the same answer piece by piece."""
        for chunk in self.model.stream(_messages(turns), **_settings(stop, max_new_tokens)):
            if chunk.text:
                yield str(chunk.text)


def _messages(turns: Iterable[Turn]) -> list[BaseMessage]:
    kinds = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    return [kinds[turn.role](content=turn.content) for turn in turns]


def _settings(stop: Sequence[str] | None, max_new_tokens: int | None) -> dict[str, Any]:
    """Name only what was asked for: a plain question reaches the model as it is."""
    settings: dict[str, Any] = {}
    if stop:
        settings["stop"] = list(stop)
    if max_new_tokens:
        settings["max_tokens"] = max_new_tokens
    return settings


def load_langchain_base(spec: str) -> LangChainBase:
    """Return the chat model named by ``langchain:PROVIDER:MODEL``.

    Raises:
        MissingExtraError: ``langchain`` or the provider's package is not installed.
        ModelError: The name is malformed, or the provider refuses it.
    """
    provider, _, model = spec.removeprefix(PREFIX).partition(":")
    if not provider or not model:
        raise ModelError(f"{spec!r} is not of the form langchain:PROVIDER:MODEL")
    package = f"langchain-{provider.replace('_', '-')}"
    try:
        from langchain.chat_models import init_chat_model

        return LangChainBase(init_chat_model(model, model_provider=provider))
    except ImportError as error:
        raise MissingExtraError(
            f"{spec!r} needs its provider; run: pip install langchain {package}"
        ) from error
    except Exception as error:  # each provider raises its own kinds
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"can't set up {spec!r}: {first_line}") from error
