"""Many multi-hop questions at once, each through the loop that the overlay itself runs.

The loop and the decomposer are the product's own. What they ask of a model is looked up in
tables; where an entry is missing, the question is put off, what all questions miss is answered in
one batch, and they are asked again. So nothing is computed twice, and nothing one by one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from benchmarks.mquake_memory import World
from classifiers import Threshold
from mello import Answer, PlannedDecomposer, Trace, answer_by_hops
from serac.decision import Decision, Route
from serac.hop_scope import HopScope
from serac.multi_hop import question_of
from serac.short_answers import as_name

Progress = Callable[[int], None]
Texts = Sequence[str]
Write = Callable[[Texts, Progress], list[str]]
"""Answers many texts at once."""

Answered = Callable[[Sequence[tuple[Route, str]], Progress], list[str]]
"""Answers many prompts at once, each with the route that it is of."""

Decide = Callable[[Sequence[tuple[World, str]], Progress], list[Decision]]
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


def judged_by(hops: HopScope) -> dict[str, Any]:
    """Return what judges hops, as rows tell it."""
    told: dict[str, Any] = {"hop_classifier": getattr(hops.scorer, "fingerprint", None)}
    if isinstance(hops.threshold, Threshold):
        told["hops_false_fire"] = hops.threshold.false_fire
    if hops.second is not None:
        told["second_classifier"] = hops.second.fingerprint
        told["second_threshold"] = hops.second.threshold
    return told


class _Missing(Exception):  # noqa: N818 - no error: it ends one try, and the table fills up
    """What was looked up isn't there yet."""


class Table(Generic[Key, Value]):
    """Answers that were made, and the keys of those that are wanted.

    Args:
        answer_all: Makes the answers to many keys.

    Attributes:
        seconds: Time that it took.
        made: How many there are.
    """

    def __init__(self, answer_all: Callable[[list[Key], Progress], Sequence[Value]]) -> None:
        self._answer_all = answer_all
        self._known: dict[Key, Value] = {}
        self._wanted: dict[Key, None] = {}
        self.seconds = 0.0

    @property
    def made(self) -> int:
        """Number of answers."""
        return len(self._known)

    def get(self, key: Key) -> Value:
        """Return the answer; note that it is wanted, and end this try, where there is none."""
        if key not in self._known:
            self._wanted[key] = None
            raise _Missing
        return self._known[key]

    def get_all(self, keys: Sequence[Key], progress: Progress) -> list[Value]:
        """Return the answer to each key; those that there are none to are made."""
        self._wanted.update((key, None) for key in keys if key not in self._known)
        self.fill(progress)
        return [self._known[key] for key in keys]

    def fill(self, progress: Progress) -> None:
        """Make what is wanted."""
        wanted, self._wanted = list(self._wanted), {}
        if wanted:
            started = time.perf_counter()
            made = self._answer_all(wanted, progress)
            self._known.update(zip(wanted, made, strict=True))
            self.seconds += time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what is in memory while it is asked."""

    question: str
    world: World


@dataclass(frozen=True, slots=True)
class Said:
    """How a question was answered.

    Attributes:
        asked: The question.
        plan: Its plan as it was written; empty where it was not taken apart.
        trace: The hops.
        whole: The answer to the question as it is, where no loop answered it.
    """

    asked: Asked
    plan: str
    trace: Trace
    whole: Answer | None

    @property
    def answer(self) -> str:
        """The final answer."""
        return self.trace.answer if self.whole is None else self.whole.text

    @property
    def edited(self) -> bool:
        """Say whether an edit answered any hop, or the question as it is."""
        if self.whole is None:
            return self.trace.edited
        return self.whole.edit_id is not None


class MultiHopRun:
    """Asks many multi-hop questions.

    A question that is taken for one of a single hop is asked as it is, and so is one at which the
    loop ends without an answer.

    Args:
        plans: Writes the plans of questions.
        decide: Decides about questions in their worlds.
        prompt: The prompt that a decision in scope is answered by.
        edited: Continues such prompts, each named by its decision's route.
        bases: Who answers a question of one hop where no edit does, by name.
        gate: Says whether a question is taken apart; every question is when ``None``.
    """

    def __init__(
        self,
        plans: Write,
        decide: Decide,
        prompt: Callable[[Decision], str],
        edited: Answered,
        bases: Mapping[str, Write],
        gate: Callable[[str], bool] | None = None,
    ) -> None:
        self.plans: Table[str, str] = Table(plans)
        self.decisions: Table[tuple[World, str], Decision] = Table(decide)
        self.edited: Table[tuple[Route, str], str] = Table(edited)
        self.bases = {name: Table[str, str](base) for name, base in bases.items()}
        self.prompt, self.gate = prompt, gate
        self._decomposer = PlannedDecomposer(self.plans.get)

    def ask(self, asked: Sequence[Asked], base: str, progress: Progress) -> list[Said]:
        """Return how each question is answered over a base."""
        said: dict[Asked, Said] = {}
        left = list(dict.fromkeys(asked))
        while left:
            put_off = []
            for one in left:
                try:
                    said[one] = self._ask(one, base)
                except _Missing:
                    put_off.append(one)
            for table in (self.plans, self.decisions, self.edited, self.bases[base]):
                table.fill(progress)
            left = put_off
        return [said[one] for one in asked]

    def seconds(self) -> dict[str, tuple[float, int]]:
        """Return for each stage how long it took, and how many answers it made."""
        tables: dict[str, Table[Any, Any]] = {
            "plans": self.plans,
            "decisions": self.decisions,
            "edited hops": self.edited,
            **{f"{name} base": table for name, table in self.bases.items()},
        }
        return {name: (table.seconds, table.made) for name, table in tables.items()}

    def _ask(self, asked: Asked, base: str) -> Said:
        def ask(subquestion: str) -> Answer:
            return self._hop(subquestion, asked, base)

        plan, question = "", question_of(asked.question)
        trace = Trace(question, (), "", "single_hop")
        if self.gate is None or self.gate(asked.question):
            trace = answer_by_hops(question, self._decomposer, ask)
            plan = self.plans.get(question)
        whole = None if trace.outcome == "finished" else ask(asked.question)
        return Said(asked, plan, trace, whole)

    def _hop(self, subquestion: str, asked: Asked, base: str) -> Answer:
        decision = self.decisions.get((asked.world, subquestion))
        if decision.refused:
            whole = self.decisions.get((asked.world, question_of(asked.question)))
            if trusted := decision.refused & whole.likely:
                world = replace(asked.world, trusted=trusted)
                decision = self.decisions.get((world, subquestion))
        if not decision.in_scope:
            return Answer(self.bases[base].get(subquestion), None, decision.score)
        answer = self.edited.get((decision.route, self.prompt(decision)))
        return Answer(as_name(answer), decision.edits[0].id, decision.score)
