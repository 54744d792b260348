"""What the overlay decided about a query, and on what evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from mello import Trace
from memory_store import Edit

Route = Literal["base", "counterfactual", "ike", "multi_hop"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An edit that was judged.

    Attributes:
        edit: The edit.
        similarity: Cosine similarity of its text to the view that found it.
        probability: Probability that the query is in the edit's scope; where the turn was rewritten
            in several ways, the mean over them (see :mod:`serac.router`), and of a later turn that
            by both classifiers (see :mod:`serac.turn_scope`).
        view: The part of the query, as it was read, that was judged with it.
        second: The same probability by a second classifier, where that has to agree and was asked.
    """

    edit: Edit
    similarity: float
    probability: float
    view: str
    second: float | None = None

    @property
    def score(self) -> float:
        """Return the probability, the lower one of two."""
        return self.probability if self.second is None else min(self.second, self.probability)


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a query goes, and why.

    Attributes:
        query: The last user turn.
        route: ``base``, ``counterfactual``, ``ike`` or ``multi_hop``.
        edits: The edits in whose scope the query is, the most probable first.
        candidates: All edits that were judged: those in scope first, each part by score, the
            highest first.
        threshold: Probability from which on an edit is in scope; where the turn was rewritten, or
            judged in its conversation, at least that for such turns (see :mod:`serac.router`).
        reason: One line for a person.
        reading: The last user turn as it was understood: made to stand on its own where an edit
            is in scope only with the turns before.
        set_aside: Edits in scope that a newer one contradicts; they are not used.
        trace: The hops of a multi-hop question.
        rewritten: The last user turn as it was made to stand on its own: in the way that the first
            edit answers, or where none does in the likeliest; ``None`` where it wasn't.
    """

    query: str
    route: Route
    edits: tuple[Edit, ...]
    candidates: tuple[Candidate, ...]
    threshold: float
    reason: str
    reading: str = ""
    set_aside: tuple[Edit, ...] = ()
    trace: Trace | None = None
    rewritten: str | None = None

    @property
    def score(self) -> float | None:
        """Return the first candidate's score, or ``None`` where no edit was judged."""
        return self.candidates[0].score if self.candidates else None

    @property
    def likely(self) -> frozenset[str]:
        """Return the ids of the edits that the first classifier puts in scope."""
        found = (one for one in self.candidates if one.probability >= self.threshold)
        return frozenset(one.edit.id for one in found)

    @property
    def refused(self) -> frozenset[str]:
        """Return the ids of those that the second one refuses, where no edit answers."""
        return frozenset() if self.in_scope else self.likely

    @property
    def runner_up(self) -> Candidate | None:
        """Return the edit that came second, or ``None`` where fewer were judged."""
        return self.candidates[1] if len(self.candidates) > 1 else None

    @property
    def in_scope(self) -> bool:
        """Say whether an edit answers."""
        return bool(self.edits)

    def as_dict(self) -> dict[str, Any]:
        """Return what a record or a response's metadata should hold, as plain JSON values."""
        hops = {"hops": self.trace.hops_as_dicts()} if self.trace else {}
        return {
            **hops,
            "route": self.route,
            "edit_ids": [edit.id for edit in self.edits],
            "set_aside": [edit.id for edit in self.set_aside],
            "reading": self.reading,
            "rewritten": self.rewritten,
            "score": self.score,
            "threshold": self.threshold,
            "runner_up": self.runner_up and self.runner_up.edit.id,
            "runner_up_score": self.runner_up and self.runner_up.score,
            "reason": self.reason,
            "candidates": [
                {
                    "edit_id": candidate.edit.id,
                    "similarity": candidate.similarity,
                    "probability": candidate.probability,
                    **({} if candidate.second is None else {"second": candidate.second}),
                }
                for candidate in self.candidates
            ],
        }


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with the decision that led to it."""

    text: str
    decision: Decision

    @property
    def trace(self) -> Trace | None:
        """The hops of a multi-hop question."""
        return self.decision.trace


@dataclass(frozen=True, slots=True)
class StreamedReply:
    """A decision, and the answer as it is written; read ``chunks`` once."""

    decision: Decision
    chunks: Iterator[str]

    @property
    def trace(self) -> Trace | None:
        """The hops of a multi-hop question."""
        return self.decision.trace
