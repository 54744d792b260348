"""What each base answers to the unedited hops, asked in the data's wording and the decomposer's."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.mquake_data import GoldHop, MultiHopCase, is_answer
from benchmarks.multi_hop import MultiHopRun, Progress
from benchmarks.rows import Rows
from benchmarks.teaching import taught_facts
from mello.plans import read_plan

RIGHT = "answered right"
AS_TAUGHT = "unedited hops, the data's wording"
AS_ASKED = "unedited hops, the decomposer's wording"


def measure_hops(
    rows: Rows,
    run: MultiHopRun,
    cases: Sequence[MultiHopCase],
    base: str,
    progress: Progress,
) -> None:
    """Add how many unedited hops of the cases a base answers, in either wording."""
    asked = {
        AS_TAUGHT: {(fact.question, fact): None for fact in taught_facts(cases)},
        AS_ASKED: _as_asked(run, cases, progress),
    }
    for kind, found in asked.items():
        if not found:
            continue
        said = run.bases[base].get_all([question for question, _ in found], progress)
        right = [is_answer(text, hop.answers) for text, (_, hop) in zip(said, found, strict=True)]
        places = {hop.question: place for place, (_, hop) in enumerate(found)}
        groups = [places[hop.question] for _, hop in found]
        rows.add(kind, RIGHT, right, groups=groups, base=base)


def _as_asked(
    run: MultiHopRun, cases: Sequence[MultiHopCase], progress: Progress
) -> dict[tuple[str, GoldHop], None]:
    """Return the unedited hops as plans with as many steps as gold ask for them.

    The gold answers stand in the steps, so that it is the wording alone that differs.
    """
    questions = [question for case in cases for question in case.questions]
    written = dict(zip(questions, run.plans.get_all(questions, progress), strict=True))
    found: dict[tuple[str, GoldHop], None] = {}
    for case in cases:
        for question in case.questions:
            plan = read_plan(written[question])
            if plan is None or len(plan) != case.hops:
                continue
            for chain in (case.old, case.new):
                answers = [hop.answers[0] for hop in chain.hops]
                for place, hop in enumerate(chain.hops):
                    if not hop.edited:
                        found[plan.filled(place, answers), hop] = None
    return found
