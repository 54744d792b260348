"""Multi-hop questions over edited knowledge: M-Acc and H-Acc on MQuAKE's test cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.mquake_data import (
    Chain,
    EditedQuestions,
    MultiHopCase,
    groups_of,
    is_answer,
    unedited_cases,
)
from benchmarks.mquake_memory import World, Worlds
from benchmarks.multi_hop import Asked, MultiHopRun, Progress, Said
from benchmarks.rows import Rows

M_ACC = "M-Acc"
MEAN = "M-Acc, mean over wordings"
H_ACC = "H-Acc"
AS_MANY = "as many hops as gold"
AS_IT_IS = "asked as it is"
NO_EDIT = "no hop edited"

FIGURES = (M_ACC, MEAN, H_ACC, AS_MANY, AS_IT_IS)

SETTINGS = {
    "all": "all, masked edits hidden",
    "unedited": "all, own and masked edits hidden",
    "own": "the case's own",
    "100": "about 100, masked edits hidden",
    "1000": "about 1,000, masked edits hidden",
    "unmasked": "all, nothing hidden",
}
"""The parts, and what is in memory in each."""

SIZES = {"100": 100, "1000": 1000}


@dataclass(frozen=True, slots=True)
class Put:
    """A case as it is asked.

    Attributes:
        case: The case.
        world: What is in memory.
        gold: The chain that is right in it.
    """

    case: MultiHopCase
    world: World
    gold: Chain


@dataclass(frozen=True, slots=True)
class Judged:
    """A wording of a case that was answered.

    Attributes:
        right: Whether the answer is the gold one or an alias.
        hops_right: Whether there are as many hops as gold, each with its answer.
        as_many: Whether there are as many hops as gold.
        said: How it was answered.
    """

    right: bool
    hops_right: bool
    as_many: bool
    said: Said


class Cases:
    """The cases that are asked; those with edits are the first of the split's order.

    Args:
        test: All cases of the test split.
        others: Cases of the other splits, whose edits fill up a group.
        edited: Which edits answer which questions.
        most: How many are asked, edited and unedited.
    """

    def __init__(
        self,
        test: Sequence[MultiHopCase],
        others: Sequence[MultiHopCase],
        edited: EditedQuestions,
        most: int | None,
    ) -> None:
        self.asked = list(test[:most])
        self.others = [*test[len(self.asked) :], *others]
        kept, self.left_out = unedited_cases(test, edited)
        self.unedited = kept[:most]

    def put(self, part: str, worlds: Worlds) -> list[Put]:
        """Return the cases of a part with what is in memory while each is asked."""
        if part == "unedited":
            return [
                Put(case, worlds.world(None, case.edits | case.masked), case.old)
                for case in self.unedited
            ]
        if part in SIZES:
            return [
                Put(case, worlds.world(held, case.masked - case.edits), case.new)
                for members, held in groups_of(self.asked, self.others, SIZES[part])
                for case in members
            ]
        made: dict[str, Callable[[MultiHopCase], World]] = {
            "all": lambda case: worlds.world(None, case.masked - case.edits),
            "own": lambda case: worlds.world(case.edits),
            "unmasked": lambda case: worlds.world(None),
        }
        return [Put(case, made[part](case), case.new) for case in self.asked]


def measure(
    rows: Rows,
    run: MultiHopRun,
    put: Sequence[Put],
    part: str,
    base: str,
    progress: Progress,
    told: Callable[[dict[str, Any]], None],
) -> None:
    """Ask the cases of a part over a base, and add the rows."""
    asked = [Asked(question, one.world) for one in put for question in one.case.questions]
    said = iter(run.ask(asked, base, progress))
    judged = [[judge(next(said), one.gold) for _ in one.case.questions] for one in put]
    for one, wordings in zip(put, judged, strict=True):
        for wording in wordings:
            told({"setting": part, "base": base, **as_record(one, wording)})
    unedited = part == "unedited"
    kind = "unedited" if unedited else "edited"
    notes = {"base": base, "memory": SETTINGS[part], "answerer": "ours"}
    for name, places in _subsets(put, with_edits=not unedited).items():
        some = [judged[place] for place in places]
        add(rows, f"{kind}: {name}", some, [*FIGURES, *([NO_EDIT] if unedited else [])], **notes)


def add(
    rows: Rows, kind: str, judged: Sequence[Sequence[Judged]], only: Sequence[str], **notes: Any
) -> None:
    """Add those figures that are named, of some cases with their wordings."""
    flat = [(place, wording) for place, case in enumerate(judged) for wording in case]
    by_case = {
        M_ACC: [any(one.right for one in case) for case in judged],
        H_ACC: [any(one.hops_right for one in case) for case in judged],
    }
    by_wording = {
        MEAN: [one.right for _, one in flat],
        AS_MANY: [one.as_many for _, one in flat],
        AS_IT_IS: [one.said.whole is not None for _, one in flat],
        NO_EDIT: [not one.said.edited for _, one in flat],
    }
    groups = [place for place, _ in flat]
    for name in only:
        if name in by_case:
            rows.add(kind, name, by_case[name], **notes)
        else:
            rows.add(kind, name, by_wording[name], groups=groups, **notes)


def judge(said: Said, gold: Chain) -> Judged:
    """Return what is right of an answered wording.

    Every hop has to be right in its place: a chain that is a hop short or long never counts. A
    question that was asked as it is has no hops.
    """
    hops = said.trace.hops if said.whole is None else ()
    as_many = len(hops) == len(gold.hops)
    return Judged(
        right=is_answer(said.answer, gold.answers),
        hops_right=as_many
        and all(
            is_answer(hop.answer.text, right.answers)
            for hop, right in zip(hops, gold.hops, strict=True)
        ),
        as_many=as_many,
        said=said,
    )


def as_record(put: Put, judged: Judged) -> dict[str, Any]:
    """Return an answered wording to be read by eye."""
    said = judged.said
    gold = put.gold.hops
    return {
        "case": put.case.id,
        "question": said.asked.question,
        "plan": said.plan,
        "hops": [
            {
                "question": hop.question,
                "answer": hop.answer.text,
                "source": hop.answer.source,
                "score": hop.answer.score,
                "gold": gold[place].answers[0] if place < len(gold) else None,
            }
            for place, hop in enumerate(said.trace.hops)
        ],
        "gold_chain": [
            {"question": hop.question, "answer": hop.answers[0], "edited": hop.edited}
            for hop in gold
        ],
        "outcome": said.trace.outcome,
        "as_it_is": said.whole is not None,
        "answer": said.answer,
        "gold": put.gold.answers[0],
        "right": judged.right,
        "hops_right": judged.hops_right,
        "edited": said.edited,
        "hidden": sorted(put.world.hidden),
    }


def _subsets(put: Sequence[Put], with_edits: bool) -> dict[str, list[int]]:
    """Return the places of all cases, of those of each number of hops, and of edits."""
    found: dict[str, list[int]] = {"all": list(range(len(put)))}
    for hops in sorted({one.case.hops for one in put}):
        found[f"{hops} hops"] = [n for n, one in enumerate(put) if one.case.hops == hops]
    if with_edits:
        for edits in sorted({len(one.case.edits) for one in put}):
            name = f"{edits} edit{'s' if edits > 1 else ''}"
            found[name] = [n for n, one in enumerate(put) if len(one.case.edits) == edits]
    return found
