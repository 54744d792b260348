"""The records of a multi-hop question: hops, outcomes, the trace, and the two seams.

After Zhong et al., "MQuAKE: Assessing Knowledge Editing in Language Models via Multi-Hop
Questions" (EMNLP 2023), whose MeLLo asks one subquestion at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Outcome = Literal[
    "finished",
    "too_many_hops",
    "repeated_subquestion",
    "empty_subquestion",
    "empty_answer",
    "out_of_time",
]


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
class Hop:
    """One subquestion with its answer."""

    question: str
    answer: Answer


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


class Decomposer(Protocol):
    """Takes a question apart, one subquestion at a time."""

    def next(self, question: str, hops: Sequence[Hop]) -> str | Finish:
        """Return the next subquestion given the hops so far, or that none is left."""
        ...


Ask = Callable[[str], Answer]
"""Answers one single-hop question; given from outside."""
