"""Who answers in scope: the base model under IKE, or a counterfactual model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from memory_store import Edit, Encoder
from memory_store.errors import InvalidQueryError
from serac.asked_part import asked_part
from serac.bases import BaseModel, CompletionModel, at_most
from serac.conversation import Turn
from serac.decision import Route
from serac.demonstrations import SCOPED, Demonstration, DemonstrationStore, IkeSettings
from serac.grounding import Grounding
from serac.prompts import MAX_EDITS, completion_prompt, with_fact_note
from serac.tasks import is_task
from serac.text_stream import stripped

SHORT_ANSWER = 32
"""Tokens for the answer line of a completion prompt."""

STOPS = ("\n", "New Fact:", "Prompt:")
"""Where the answer line of a completion prompt ends: a model may go on with the prompt's form."""


class Answerer(Protocol):
    """Answers a conversation from edits."""

    def answer(
        self,
        turns: Sequence[Turn],
        edits: Sequence[Edit],
        reading: str | None = None,
        max_new_tokens: int | None = None,
    ) -> str:
        """Return the answer to the last turn under the edits.

        Args:
            turns: The conversation.
            edits: The edits in scope, the most probable first.
            reading: The last turn made to stand on its own; as it was written when ``None``.
            max_new_tokens: Longest answer, where it shall be shorter than the answerer's own.
        """
        ...

    def stream(
        self,
        turns: Sequence[Turn],
        edits: Sequence[Edit],
        reading: str | None = None,
        max_new_tokens: int | None = None,
    ) -> Iterator[str]:
        """Yield the same answer piece by piece."""
        ...


class PromptAnswerer:
    """Puts the edits into the prompt of a model; the model stays as it is.

    A model whose ``prompting`` is ``completion`` continues a plain prompt of facts and the
    query, with demonstrations if there are any, and the answer is one line. Any other gets the
    whole conversation, with the facts as quoted data after it; so does every model that knows
    turns where a piece of work is asked for, since a line is no poem. Of a longer query a plain
    prompt has the part that asks for the edit, where there is an encoder to find it by. Where the
    answer to a short query has no word of what the edits say beyond it, the model is asked again,
    to begin with such a word, the likeliest; until an answer has one, no piece of it is given.

    Args:
        model: The model that answers.
        demonstrations: Where demonstrations for a completion prompt are found, if any are shown.
        settings: How many, and of which kinds.
    """

    def __init__(
        self,
        model: BaseModel,
        demonstrations: DemonstrationStore | None = None,
        settings: IkeSettings = SCOPED,
    ) -> None:
        self.model = model
        self.demonstrations = demonstrations
        self.settings = settings

    def answer(
        self,
        turns: Sequence[Turn],
        edits: Sequence[Edit],
        reading: str | None = None,
        max_new_tokens: int | None = None,
    ) -> str:
        """Return the answer to the last turn under the edits."""
        return "".join(self.stream(turns, edits, reading, max_new_tokens))

    def stream(
        self,
        turns: Sequence[Turn],
        edits: Sequence[Edit],
        reading: str | None = None,
        max_new_tokens: int | None = None,
    ) -> Iterator[str]:
        """Yield the same answer piece by piece."""
        used = edits[:MAX_EDITS]
        query = reading or turns[-1].content

        def in_chat() -> Iterator[str]:
            noted = with_fact_note(turns, used)
            return stripped(self.model.stream(noted, max_new_tokens=max_new_tokens))

        if isinstance(self.model, CompletionModel) and self.completes(query):
            pieces = stripped(self._completed(self.model, query, used, max_new_tokens))
            return _or_else(pieces, in_chat) if self.model.knows_turns else pieces
        return in_chat()

    def completes(self, query: str) -> bool:
        """Say whether a query is put in a plain prompt, and not after the conversation."""
        model = self.model
        if not isinstance(model, CompletionModel) or model.prompting != "completion":
            return False
        return not (model.knows_turns and is_task(query))

    def prompt(self, query: str, edits: Sequence[Edit]) -> str:
        """Return the completion prompt with all demonstrations."""
        return completion_prompt(self._asked(query, edits), edits, self._shown(query, edits))

    def grounding(self, query: str, edits: Sequence[Edit]) -> Grounding:
        """Return what a completed answer must have something of; nothing where it is a task's."""
        return _grounding(self._asked(query, edits), edits)

    def _asked(self, query: str, edits: Sequence[Edit]) -> str:
        if self.demonstrations is None or is_task(query):
            return query
        return asked_part(query, edits, self.demonstrations.encoder)

    def _shown(self, query: str, edits: Sequence[Edit]) -> tuple[Demonstration, ...]:
        if self.demonstrations is None:
            return ()
        return self.demonstrations.nearest(query, edits, self.settings)

    def _completed(
        self,
        model: CompletionModel,
        query: str,
        edits: Sequence[Edit],
        max_new_tokens: int | None,
    ) -> Iterator[str]:
        """Complete a prompt with as many demonstrations as the model has room for."""
        asked, shown = self._asked(query, edits), self._shown(query, edits)
        most = at_most(SHORT_ANSWER, max_new_tokens)
        while True:
            prompt = completion_prompt(asked, edits, shown)
            least = most if shown else 1  # demonstrations take no room from the answer
            try:
                pieces = model.complete(prompt, stop=STOPS, max_new_tokens=most, least=least)
                break
            except InvalidQueryError:
                if not shown:
                    raise
                shown = shown[: len(shown) // 2]
        grounding = _grounding(asked, edits)

        def grounded() -> Iterator[str]:
            words = grounding.words
            return model.complete(prompt, stop=STOPS, max_new_tokens=most, begins=words)

        return grounding.checked(pieces, grounded) if grounding.words else pieces


def _grounding(asked: str, edits: Sequence[Edit]) -> Grounding:
    return Grounding.of(asked, () if is_task(asked) else edits)


def _or_else(pieces: Iterator[str], others: Callable[[], Iterator[str]]) -> Iterator[str]:
    """Yield the pieces, or the others where there is none: the model ended its line at once."""
    first = next(pieces, None)
    if first is None:
        yield from others()
    else:
        yield first
        yield from pieces


def ike(
    base: BaseModel, encoder: Encoder | None = None, settings: IkeSettings = SCOPED
) -> PromptAnswerer:
    """Return the answerer of in-context knowledge editing on the base model.

    Args:
        base: The base model.
        encoder: Finds the demonstrations; none are shown when ``None``.
        settings: How many, and of which kinds.
    """
    return PromptAnswerer(base, DemonstrationStore(encoder) if encoder else None, settings)


def auto_route(reading: str, edits: Sequence[Edit]) -> Route:
    """Return who answers by default: the counterfactual model a short query about one edit.

    A task that a fact only comes into on its way, and a query about several edits, are the base
    model's under IKE.

    Args:
        reading: The query, standing on its own.
        edits: The edits in scope.
    """
    return "counterfactual" if len(edits) == 1 and not is_task(reading) else "ike"
