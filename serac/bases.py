"""The base model seam, and how a base model is found by what a caller names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from memory_store.errors import ModelError
from serac.conversation import Turn
from serac.embedded import load_embedded_base
from serac.transformers_base import Prompting, TransformersBase


class BaseModel(Protocol):
    """The base model f_θ: answers a conversation."""

    def reply(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
    ) -> str:
        """Return the model's answer to the last turn."""
        ...

    def stream(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
    ) -> Iterator[str]:
        """Yield the same answer piece by piece."""
        ...


@runtime_checkable
class CompletionModel(Protocol):
    """A base model that can also continue plain text, as IKE's prompts want it.

    Attributes:
        prompting: ``completion`` where facts shall be put in a plain prompt, ``chat`` where
            they shall stand after the conversation.
    """

    prompting: Prompting

    @property
    def knows_turns(self) -> bool:
        """Say whether the model was made for conversations."""
        ...

    def complete(
        self,
        prompt: str,
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
        least: int = 1,
        begins: Sequence[str] = (),
    ) -> Iterator[str]:
        """Return the continuation of a prompt, to be read piece by piece.

        Args:
            prompt: What is continued.
            stop: Words before which it ends.
            max_new_tokens: Longest continuation.
            least: Tokens that there must be room for.
            begins: Words of which it begins with one, the likeliest, where there are any.

        Raises:
            InvalidQueryError: The prompt is too long; said at once, not while reading.
        """
        ...


def at_most(longest: int, asked: int | None) -> int:
    """Return the longest answer in tokens: an answerer's own, or a shorter one asked for."""
    return longest if asked is None else min(longest, asked)


def load_base(spec: Any = None, *, device: str | None = None) -> BaseModel:
    """Return a base model from what a caller named.

    Args:
        spec: ``None`` or ``"embedded"`` for the embedded model; a folder or hub name;
            ``"langchain:PROVIDER:MODEL"``; a LangChain chat model; or a base model.
        device: Where a local model runs; chosen by itself when ``None``.

    Raises:
        ModelError: The model can't be had.
    """
    if spec is None or spec == "embedded":
        return load_embedded_base(device)
    if isinstance(spec, (str, Path)):
        text = str(spec)
        if text.startswith("langchain:"):
            from serac.langchain_base import load_langchain_base

            return load_langchain_base(text)
        return TransformersBase.load(text, device=device)
    if hasattr(spec, "reply") and hasattr(spec, "stream"):
        return spec
    from langchain_core.language_models import BaseChatModel

    from serac.langchain_base import LangChainBase

    if isinstance(spec, BaseChatModel):
        return LangChainBase(spec)
    raise ModelError(
        f"{type(spec).__name__} is not a base model; give a name, a folder, a TransformersBase "
        "or a LangChain chat model"
    )
