"""The loop over subquestions. Every way out of it is a named outcome."""

from __future__ import annotations

import time
from collections.abc import Callable

from mello.hops import Answer, Ask, Decomposer, Finish, Hop, Outcome, Trace

MAX_HOPS = 6
"""Four hops, the most that the field's questions have, and two more."""


def answer_by_hops(
    question: str,
    decomposer: Decomposer,
    ask: Ask,
    *,
    max_hops: int = MAX_HOPS,
    seconds: float = 120.0,
    clock: Callable[[], float] = time.monotonic,
) -> Trace:
    """Take a question apart and ask each subquestion on its own.

    Args:
        question: The multi-hop question.
        decomposer: Gives the next subquestion.
        ask: Answers a subquestion: memory first, base model otherwise.
        max_hops: Most subquestions asked.
        seconds: Time after which no further subquestion is asked.
        clock: Gives the time in seconds.

    Returns:
        The trace. Its answer is that of ``Finish``, or the last hop's where ``Finish``
        names none; it is empty for every outcome but ``finished``.
    """
    hops: list[Hop] = []
    asked: set[str] = set()
    deadline = clock() + seconds
    while True:
        step = decomposer.next(question, tuple(hops))
        if isinstance(step, Finish):
            return Trace(question, tuple(hops), _final(step, hops), "finished")
        outcome = _reason_to_stop(step, asked, len(hops) >= max_hops, clock() > deadline)
        if outcome is not None:
            return Trace(question, tuple(hops), "", outcome)
        asked.add(_folded(step))
        answer = ask(step)
        hops.append(Hop(step, answer))
        if not answer.text.strip():
            return Trace(question, tuple(hops), "", "empty_answer")


def _reason_to_stop(step: str, asked: set[str], full: bool, late: bool) -> Outcome | None:
    if not _folded(step):
        return "empty_subquestion"
    if _folded(step) in asked:
        return "repeated_subquestion"
    if full:
        return "too_many_hops"
    if late:
        return "out_of_time"
    return None


def _final(finish: Finish, hops: list[Hop]) -> str:
    if finish.answer is not None:
        return finish.answer
    last: Answer | None = hops[-1].answer if hops else None
    return last.text if last else ""


def _folded(question: str) -> str:
    return " ".join(question.casefold().split()).rstrip("?. ")
