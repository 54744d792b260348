"""The records of a multi-hop question: hops, outcomes, the trace, and the two seams.

After Zhong et al., "MQuAKE: Assessing Knowledge Editing in Language Models via Multi-Hop
Questions" (EMNLP 2023), whose MeLLo asks one subquestion at a time.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Outcome = Literal[
    "finished",
    "single_hop",
    "too_many_hops",
    "repeated_subquestion",
    "empty_subquestion",
    "empty_answer",
    "out_of_time",
]
"""How the loop over subquestions ends; :func:`mello.loop.answer_by_hops` says when each does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to one question, and where it comes from.

    Attributes:
        text: The answer.
        edit_id: The edit that answered, or ``None`` for the base model.
        score: Highest probability that an edit is in scope, if any was judged.
    """

    text: str
    edit_id: str | None = None
    score: float | None = None

    @property
    def source(self) -> str:
        """Return ``edit #id`` or ``base``."""
        return "base" if self.edit_id is None else f"edit #{self.edit_id}"


@dataclass(frozen=True, slots=True)
class Subquestion:
    """A subquestion, and what the decomposer's own model takes for its answer.

    Attributes:
        text: The subquestion.
        tentative: The answer before the memory is asked; ``None`` where none was given.
    """

    text: str
    tentative: str | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """One subquestion with its answer.

    Attributes:
        question: The subquestion.
        answer: Its answer: the memory's, or else the base model's.
        tentative: What was taken for the answer before the memory was asked, if anything was.
    """

    question: str
    answer: Answer
    tentative: str | None = None

    @property
    def overruled(self) -> bool:
        """Say whether an edit answered, and contradicts the tentative answer."""
        if self.answer.edit_id is None or self.tentative is None:
            return False
        said, held = folded_answer(self.answer.text), folded_answer(self.tentative)
        same = f" {said} " in f" {held} " or f" {held} " in f" {said} "
        return bool(said) and bool(held) and not same


@dataclass(frozen=True, slots=True)
class Finish:
    """Says that no subquestion is left; ``answer`` is ``None`` where the last hop's holds."""

    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """How a multi-hop question was answered.

    Attributes:
        question: The question as asked.
        hops: The subquestions in order, with their answers.
        answer: The final answer; empty where the loop ended without one.
        outcome: How the loop ended.
    """

    question: str
    hops: tuple[Hop, ...]
    answer: str
    outcome: Outcome

    @property
    def edited(self) -> bool:
        """Say whether an edit answered any hop."""
        return any(hop.answer.edit_id is not None for hop in self.hops)

    def hops_as_dicts(self) -> list[dict[str, Any]]:
        """Return the hops as plain JSON values.

        Of each ``question``, ``answer``, ``source`` (``edit #id`` or ``base``), ``edit_id`` and
        ``score``; and ``tentative`` and ``overruled`` where there was a tentative answer.
        """
        return [
            {
                "question": hop.question,
                "answer": hop.answer.text,
                "source": hop.answer.source,
                "edit_id": hop.answer.edit_id,
                "score": hop.answer.score,
                **(
                    {}
                    if hop.tentative is None
                    else {"tentative": hop.tentative, "overruled": hop.overruled}
                ),
            }
            for hop in self.hops
        ]


class Decomposer(Protocol):
    """Takes a question apart, one subquestion at a time."""

    def next(self, question: str, hops: Sequence[Hop]) -> str | Subquestion | Finish:
        """Return the next subquestion given the hops so far, or that none is left."""
        ...


Ask = Callable[[str], Answer]
"""Answers one single-hop question; given from outside."""


def folded_answer(text: str) -> str:
    """Return an answer as it is compared with others: its words, without case and punctuation."""
    letters = unicodedata.normalize("NFC", text).casefold()
    return " ".join("".join(one if one.isalnum() else " " for one in letters).split())


def folded_question(question: str) -> str:
    """Return a subquestion as it is compared with others: without case and closing marks."""
    return " ".join(question.casefold().split()).rstrip("?. ")
