"""Who answers in scope: the base model under IKE, or a counterfactual model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from memory_store import Edit
from memory_store.errors import InvalidQueryError
from serac.bases import BaseModel, CompletionModel
from serac.conversation import Turn
from serac.prompts import DEMONSTRATIONS, Demonstration, completion_prompt, with_fact_note

MAX_EDITS = 4
"""Most edits put before a model at once."""

SHORT_ANSWER = 32
"""Tokens for the answer line of a completion prompt."""


class Answerer(Protocol):
    """Answers a conversation from edits."""

    def answer(self, turns: Sequence[Turn], edits: Sequence[Edit]) -> str:
        """Return the answer to the last turn under the edits."""
        ...

    def stream(self, turns: Sequence[Turn], edits: Sequence[Edit]) -> Iterator[str]:
        """Yield the same answer piece by piece."""
        ...


class PromptAnswerer:
    """Puts the edits into the prompt of a model; the model stays as it is.

    A model whose ``prompting`` is ``completion`` continues a plain prompt of facts and the
    last turn, with IKE's demonstrations if any are given, and the answer is one line; any
    other gets the whole conversation, with the facts as quoted data after it.

    Args:
        model: The model that answers.
        demonstrations: Shown before the query in a completion prompt.
    """

    def __init__(self, model: BaseModel, demonstrations: Sequence[Demonstration] = ()) -> None:
        self.model = model
        self.demonstrations = tuple(demonstrations)

    def answer(self, turns: Sequence[Turn], edits: Sequence[Edit]) -> str:
        """Return the answer to the last turn under the edits."""
        return "".join(self.stream(turns, edits))

    def stream(self, turns: Sequence[Turn], edits: Sequence[Edit]) -> Iterator[str]:
        """Yield the same answer piece by piece."""
        used = edits[:MAX_EDITS]
        if isinstance(self.model, CompletionModel) and self.model.prompting == "completion":
            return _stripped(self._completed(self.model, turns[-1].content, used))
        return _stripped(self.model.stream(with_fact_note(turns, used)))

    def _completed(
        self, model: CompletionModel, query: str, edits: Sequence[Edit]
    ) -> Iterator[str]:
        """Complete a prompt with as many demonstrations as the model has room for."""
        shown = len(self.demonstrations)
        while True:
            prompt = completion_prompt(query, edits, self.demonstrations[:shown])
            try:
                return model.complete(prompt, stop=["\n"], max_new_tokens=SHORT_ANSWER)
            except InvalidQueryError:
                if shown == 0:
                    raise
                shown //= 2


def ike(base: BaseModel) -> PromptAnswerer:
    """Return the answerer of in-context knowledge editing on the base model."""
    return PromptAnswerer(base, DEMONSTRATIONS)


def counterfactual(model: BaseModel) -> PromptAnswerer:
    """Return the counterfactual model: the given one under a plain prompt with the edit."""
    return PromptAnswerer(model)


def _stripped(pieces: Iterator[str]) -> Iterator[str]:
    """Yield what ``str.strip`` would leave: space is held back until a word follows it."""
    started = False
    space = ""
    for piece in pieces:
        text = space + piece if started else piece.lstrip()
        words = text.rstrip()
        space = text[len(words) :]
        if words:
            started = True
            yield words
