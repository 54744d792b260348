"""What is answered: free generation on a sample of the cases."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence

from benchmarks.data import Case
from benchmarks.rows import Rows
from benchmarks.success import follows_edit, states
from serac.conversation import as_turns
from serac.overlay import FactOverlay


def sample_by_kind(cases: Sequence[Case], each: int, seed: int) -> dict[str, list[Case]]:
    """Return at most ``each`` cases of every kind, drawn by the seed."""
    by_kind: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_kind[case.kind].append(case)
    chance = random.Random(seed)  # noqa: S311
    return {kind: chance.sample(found, min(each, len(found))) for kind, found in by_kind.items()}


def add_answer_rows(
    rows: Rows,
    overlay: FactOverlay,
    sample: dict[str, list[Case]],
    progress: Callable[[int], None],
) -> None:
    """Add success in scope, end to end and with the right edit given, and locality out of scope."""
    for kind, cases in sample.items():
        if cases[0].right:
            _add_in_scope(rows, overlay, kind, cases, progress)
        else:
            same = []
            for case in cases:
                answer = overlay.ask(case.query).text
                same.append(answer == overlay.base.reply(as_turns(case.query)))
                progress(1)
            groups = [case.record for case in cases]
            rows.add(kind, "same answer as the base model", same, groups=groups)


def _add_in_scope(
    rows: Rows,
    overlay: FactOverlay,
    kind: str,
    cases: Sequence[Case],
    progress: Callable[[int], None],
) -> None:
    end_to_end, given, old_back, base_knows = [], [], [], []
    for case in cases:
        turns = as_turns(case.query)
        answer = overlay.ask(turns).text
        told = overlay.answerer.answer(turns, [overlay.memory.get(str(case.edit))])
        objects = [case.new, *case.also] if case.new is not None else []
        end_to_end.append(any(follows_edit(answer, new, case.old) for new in objects))
        given.append(follows_edit(told, str(case.new), case.old))
        if case.old is not None:
            old_back.append(states(told, case.old))
            base_knows.append(states(overlay.base.reply(turns), case.old))
        progress(1)
    groups = [case.record for case in cases]
    rows.add(kind, "answer follows the edit, end to end", end_to_end, groups=groups)
    rows.add(kind, "answer follows the edit, right edit given", given, groups=groups)
    if old_back:
        rows.add(kind, "old object in the answer, right edit given", old_back)
        rows.add(kind, "base model alone gives the old object", base_knows)
