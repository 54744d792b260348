"""Any LangChain chat model as a base model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig

from memory_store.errors import ErrataError, MissingExtraError, ModelError
from serac.conversation import Turn

PREFIX = "langchain:"


class LangChainBase:
    """Any LangChain chat model, asked with messages.

    Whatever it raises when it is called comes as a one-line `ModelError`.

    Args:
        model: The chat model.
        config: What each call is configured with; its own callbacks keep those of a chain around
            it from hearing of the call.
    """

    def __init__(self, model: BaseChatModel, config: RunnableConfig | None = None) -> None:
        self.model = model
        self.name = model._llm_type
        self._config = config

    def reply(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
    ) -> str:
        """Return the model's answer to the last turn."""
        with _failures_named(self.name):
            answer = self.model.invoke(
                _messages(turns), self._config, **_settings(stop, max_new_tokens)
            )
        return str(answer.text)

    def stream(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
    ) -> Iterator[str]:
        """Yield the same answer piece by piece."""
        with _failures_named(self.name):
            for chunk in self.model.stream(
                _messages(turns), self._config, **_settings(stop, max_new_tokens)
            ):
                if chunk.text:
                    yield str(chunk.text)


@contextmanager
def _failures_named(name: str) -> Iterator[None]:
    """Turn what a provider raises, each its own kinds, into our error."""
    try:
        yield
    except ErrataError:  # a chat model may be ours
        raise
    except Exception as error:
        raise ModelError(f"the chat model {name!r} failed: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


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
        raise ModelError(f"can't set up {spec!r}: {_first_line(error)}") from error
