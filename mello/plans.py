"""Plans: a multi-hop question taken apart at once, with ``#1`` where the first answer shall stand.

The form of the decompositions of Break (Wolfson et al., TACL 2020) and MuSiQue (Trivedi et al.,
TACL 2022): one subquestion a line, each of which may refer to the answers of those before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mello.loop import MAX_HOPS

SINGLE = "none"
"""What is written in place of steps for a question that has but one hop."""

FIRST_STEP = "\n1."
"""How a plan with steps begins, as :func:`write_plan` writes it."""

_NUMBER = re.compile(r"^\s*(?:\d+\s*[.):]|[-*])\s*")
_REFERENCE = re.compile(r"#\s?(\d{1,3})(?!\d)")


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a question, in the order to ask them.

    Attributes:
        steps: Subquestions; ``#n`` stands for the answer to the n-th, counted from 1. A question
            of one hop has none.
    """

    steps: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.steps)

    def references(self, place: int) -> tuple[int, ...]:
        """Return the places, from 0, of the steps whose answers a step is asked with."""
        return _references(self.steps[place])

    def filled(self, place: int, answers: Sequence[str]) -> str:
        """Return a step with the answers that it refers to in place.

        Args:
            place: Place of the step, from 0.
            answers: The answers to the steps before.
        """
        return filled(self.steps[place], answers)


def filled(step: str, answers: Sequence[str]) -> str:
    """Return a step with the answers that it refers to in place; see :meth:`Plan.filled`."""
    return _REFERENCE.sub(lambda found: answers[int(found[1]) - 1], step)


def read_plan(text: str) -> Plan | None:
    """Return the plan that a model wrote; ``None`` where it can't be followed.

    Such a one refers to a step that is not before it, says a step twice, has too many, or has a
    single step, which must not refer to anything.
    """
    lines = [_NUMBER.sub("", line).strip() for line in text.strip().splitlines()]
    steps = tuple(line for line in lines if line)
    if not steps or steps[0].casefold().rstrip(".") == SINGLE:
        return Plan()
    if len(steps) > MAX_HOPS or len({step.casefold() for step in steps}) < len(steps):
        return None
    for place, step in enumerate(steps):
        if any(not 0 <= at < place for at in _references(step)):
            return None
    return Plan(steps) if len(steps) > 1 else Plan()


def write_plan(plan: Plan) -> str:
    """Return a plan as text: a numbered step a line."""
    if not plan.steps:
        return f" {SINGLE}"
    return "".join(f"\n{number}. {step}" for number, step in enumerate(plan.steps, start=1))


def plan_prompt(question: str) -> str:
    """Return what a plan is the continuation of."""
    return f"Question: {' '.join(question.split())}\nSteps:"


def has_references(text: str) -> bool:
    """Say whether a text would itself be read as referring to an answer."""
    return _REFERENCE.search(text) is not None


def _references(step: str) -> tuple[int, ...]:
    return tuple(int(found[1]) - 1 for found in _REFERENCE.finditer(step))
