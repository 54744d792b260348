"""A decomposer that takes the whole question apart at once, and then fills in answer by answer."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from mello.hops import Finish, Hop, folded_question
from mello.plans import Plan, has_references, read_plan

REMEMBERED = 256
"""Plans that are kept, so that a question is taken apart once and not at each hop."""

WritePlan = Callable[[str], str]
"""From a question to its plan as text, as :func:`mello.plans.read_plan` reads it."""


class PlannedDecomposer:
    """Follows a plan; fits :class:`mello.Decomposer`. Thread-safe.

    An answer can't lead it astray: what is asked next depends on the question alone, and answers
    are only put in. A question of one hop, or one whose plan can't be followed, is finished at
    once.

    Args:
        write: Writes the plan of a question.
    """

    def __init__(self, write: WritePlan) -> None:
        self._write = write
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._lock = threading.Lock()

    def next(self, question: str, hops: Sequence[Hop]) -> str | Finish:
        """Return the next step with the answers so far put in, or that none is left.

        A step that has become the same as one before it has its answer already.
        """
        plan = self.plan(question)
        answers: list[str] = []
        known: dict[str, str] = {}
        rest = iter(hops)
        for place in range(len(plan)):
            step = plan.filled(place, answers)
            if folded_question(step) not in known:  # two films may have the same director
                hop = next(rest, None)
                if hop is None:
                    return step
                known[folded_question(step)] = hop.answer.text
            answers.append(known[folded_question(step)])
        return Finish(answers[-1]) if answers else Finish()

    def plan(self, question: str) -> Plan:
        """Return the plan of a question; one without steps where there is none to follow."""
        if has_references(question):  # its own "#1" would be taken for an answer's place
            return Plan()
        with self._lock:
            if question in self._plans:
                self._plans.move_to_end(question)
                return self._plans[question]
        plan = read_plan(self._write(question)) or Plan()
        with self._lock:
            self._plans[question] = plan
            while len(self._plans) > REMEMBERED:
                self._plans.popitem(last=False)
        return plan
