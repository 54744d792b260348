"""The loop over subquestions. Every way out of it is a named outcome."""

from __future__ import annotations

import time
from collections.abc import Callable

from mello.hops import (
    Answer,
    Ask,
    Decomposer,
    Finish,
    Hop,
    Outcome,
    Subquestion,
    Trace,
    folded_question,
)

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
    tentative: Callable[[str], str] | None = None,
) -> Trace:
    """Take a question apart and ask each subquestion on its own.

    Args:
        question: The multi-hop question.
        decomposer: Gives the next subquestion.
        ask: Answers a subquestion: memory first, base model otherwise.
        max_hops: Most subquestions asked.
        seconds: Time after which no further subquestion is asked.
        clock: Gives the time in seconds.
        tentative: Gives what the base model would say to a subquestion that an edit answers, for
            the trace, where the decomposer doesn't tell; not asked when ``None``.

    Returns:
        The trace. Its answer is that of ``Finish``, or the last hop's where ``Finish`` names none;
        it is empty for every outcome but ``finished``. The outcomes:

        - ``finished``: the decomposer said so after a hop, or named the answer.
        - ``single_hop``: it said so at once; the question is to be asked as it is.
        - ``too_many_hops``: it wanted more than ``max_hops``.
        - ``repeated_subquestion``: it asked again what had been asked.
        - ``empty_subquestion``, ``empty_answer``: it, or ``ask``, said nothing.
        - ``out_of_time``: ``seconds`` had passed when it wanted to go on.
    """
    hops: list[Hop] = []
    asked: set[str] = set()
    deadline = clock() + seconds
    while True:
        step = decomposer.next(question, tuple(hops))
        if isinstance(step, Finish):
            if not hops and not (step.answer or "").strip():
                return Trace(question, (), "", "single_hop")
            return Trace(question, tuple(hops), _final(step, hops), "finished")
        text, own = (step.text, step.tentative) if isinstance(step, Subquestion) else (step, None)
        outcome = _reason_to_stop(text, asked, len(hops) >= max_hops, clock() > deadline)
        if outcome is not None:
            return Trace(question, tuple(hops), "", outcome)
        asked.add(folded_question(text))
        answer = ask(text)
        if own is None and tentative is not None and answer.edit_id is not None:
            own = tentative(text)
        hops.append(Hop(text, answer, own))
        if not answer.text.strip():
            return Trace(question, tuple(hops), "", "empty_answer")


def _reason_to_stop(step: str, asked: set[str], full: bool, late: bool) -> Outcome | None:
    if not folded_question(step):
        return "empty_subquestion"
    if folded_question(step) in asked:
        return "repeated_subquestion"
    if full:
        return "too_many_hops"
    if late:
        return "out_of_time"
    return None


def _final(finish: Finish, hops: list[Hop]) -> str:
    named = (finish.answer or "").strip()
    if named:
        return named
    last: Answer | None = hops[-1].answer if hops else None
    return last.text if last else ""
