"""Multi-hop questions through the overlay: which are taken apart, and how a hop is asked."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mello import Answer, Decomposer, PlannedDecomposer, PromptedDecomposer, Trace, answer_by_hops
from memory_store import Edit
from memory_store.errors import ErrataError, InvalidQueryError
from serac.bases import BaseModel
from serac.conversation import Turn
from serac.decision import Decision, Reply
from serac.decomposer import SHIPPED, load_gate, load_plans
from serac.decomposer.model import LONGEST_QUESTION
from serac.lazily import loaded_once
from serac.short_answers import as_name
from serac.tasks import is_task
from serac.transformers_base import TransformersBase

DECOMPOSERS = ("trained", "prompted", "none")
"""Decomposers by name: the shipped one, the base model under MeLLo's prompt, and no one."""

DEFAULT_DECOMPOSER = "trained"

_GAP = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(]?[A-Z])|\n+")
_NO_END = re.compile(r"(?:^|[\s.(])(?:[A-Z]|St|Dr|Mr|Mrs|Ms|No|Jr|Sr|Mt|vs)\.$")

LONGEST_CHAIN = 200
"""Tokens that a prompted base model may write for a hop."""

log = logging.getLogger(__name__)

Passes = Callable[[str], bool]
"""Whether a question may have several hops."""


@dataclass(frozen=True, slots=True)
class MultiHop:
    """A decomposer, and what tells which questions it is asked about.

    Attributes:
        decomposer: Takes a question apart.
        passes: Says which questions may have several hops; the decomposer sees no other.
    """

    decomposer: Decomposer
    passes: Passes = lambda question: True

    def may_have_hops(self, query: str) -> bool:
        """Say whether a query may be a multi-hop question.

        A task that facts only come into on its way is none, and neither is a message that asks
        two questions, or whose question would not be one alone.
        """
        if len(query) > LONGEST_QUESTION or is_task(query):
            return False
        if sum(sentence.endswith("?") for sentence in sentences(query)) > 1:
            return False
        return self.passes(query) and self.passes(question_of(query))

    def reply(
        self,
        question: str,
        ask: Callable[[str], Reply],
        threshold: float,
        tentative: Callable[[str], str] | None = None,
        query: str | None = None,
    ) -> Reply | None:
        """Return a reply where the question has hops and an edit answers one of them.

        Args:
            question: The question, standing on its own.
            ask: Answers one hop.
            threshold: The router's; it is kept with the decision.
            tentative: See :func:`mello.answer_by_hops`.
            query: The turn as it was written, where the question is what it was rewritten to.
        """
        used: dict[str, Edit] = {}
        aside: dict[str, Edit] = {}

        def ask_hop(subquestion: str) -> Answer:
            reply = ask(subquestion)
            edits = reply.decision.edits
            used.update((edit.id, edit) for edit in edits)
            aside.update((edit.id, edit) for edit in reply.decision.set_aside)
            return Answer(as_name(reply.text), edits[0].id if edits else None, reply.decision.score)

        trace = answer_by_hops(question_of(question), self.decomposer, ask_hop, tentative=tentative)
        if len(trace.hops) < 2 or not trace.edited or trace.outcome != "finished":
            log.debug("asked as it is (%s, %d hops): %s", trace.outcome, len(trace.hops), question)
            return None
        decision = _decision(question, trace, used, aside, threshold)
        if query is not None:
            decision = replace(decision, query=query, rewritten=question)
        return Reply(trace.answer, decision)


def _decision(
    question: str,
    trace: Trace,
    used: dict[str, Edit],
    aside: dict[str, Edit],
    threshold: float,
) -> Decision:
    return Decision(
        query=question,
        route="multi_hop",
        edits=tuple(used.values()),
        candidates=(),
        threshold=threshold,
        reason=f"{len(trace.hops)} hops, edited by {', '.join(used)}",
        reading=trace.question,
        set_aside=tuple(aside.values()),
        trace=trace,
    )


def trained(body: Callable[[], TransformersBase], folder: Path = SHIPPED) -> MultiHop:
    """Return an artifact's decomposer behind its gate.

    Args:
        body: Returns the embedded model; called when a question first passes the gate.
        folder: Where the artifact lies.

    Raises:
        ArtifactError: The gate is missing or damaged. The adapter is read when it is needed.
    """
    gate = load_gate(folder)
    plans = loaded_once(lambda: load_plans(body(), folder))
    return MultiHop(PlannedDecomposer(lambda question: plans().write(question)), gate.passes)


def prompted(base: Callable[[], BaseModel], passes: Passes) -> MultiHop:
    """Return the base model as decomposer, under MeLLo's prompt.

    Args:
        base: Returns the base model.
        passes: Says which questions may have several hops.
    """

    def chat(prompt: str) -> str:
        try:
            return base().reply([Turn("user", prompt)], max_new_tokens=LONGEST_CHAIN)
        except InvalidQueryError as error:  # no room for the demonstrations: asked as it is
            log.warning("the base model can't take questions apart: %s", error)
            return ""

    return MultiHop(PromptedDecomposer(chat), passes)


def question_of(message: str) -> str:
    """Return the question of a longer message: its last sentence that asks, or its last one."""
    found = sentences(message)
    asking = [sentence for sentence in found if sentence.endswith("?")]
    return (asking or found)[-1]


def sentences(message: str) -> list[str]:
    """Return the sentences of a message; initials and abbreviations end none."""
    found: list[str] = []
    start = 0
    for gap in _GAP.finditer(message.strip()):
        before = message.strip()[start : gap.start()]
        if not _NO_END.search(before):
            found.append(before)
            start = gap.end()
    return [*found, message.strip()[start:]]


def trace_lines(trace: Trace | None) -> list[str]:
    """Return a trace for a person: a line a hop, with its answer and where that comes from."""
    if trace is None:
        return ["not asked hop by hop"]
    lines = []
    for number, hop in enumerate(trace.hops, start=1):
        line = f"{number}. {hop.question}  {hop.answer.text}  ({hop.answer.source})"
        if hop.overruled:
            line += f"; the base model says: {hop.tentative}"
        lines.append(line)
    return lines


def check_name(name: str) -> None:
    """Refuse the name of a decomposer that there is none of.

    Raises:
        ErrataError: There is none.
    """
    if name not in DECOMPOSERS:
        raise ErrataError(
            f"unknown decomposer {name!r}; use one of {', '.join(DECOMPOSERS)}, or a Path"
        )
