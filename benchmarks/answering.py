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
        end_to_end, given, old_back, base_knows, same = [], [], [], [], []
        for case in cases:
            answer = overlay.ask(case.query).text
            progress(1)
            if not case.right:
                same.append(answer == overlay.base.reply(as_turns(case.query)))
                continue
            if case.new is None:
                continue
            edit = overlay.memory.get(min(case.right))
            told = overlay.answerer.answer(as_turns(case.query), [edit])
            end_to_end.append(follows_edit(answer, case.new, case.old))
            given.append(follows_edit(told, _object(edit.text, case), case.old))
            if case.old is not None:
                old_back.append(states(told, case.old))
                base_knows.append(states(overlay.base.reply(as_turns(case.query)), case.old))
        if same:
            rows.add(kind, "same answer as the base model", same)
        if end_to_end:
            rows.add(kind, "answer follows the edit, end to end", end_to_end)
            rows.add(kind, "answer follows the edit, right edit given", given)
        if old_back:
            rows.add(kind, "old object in the answer, right edit given", old_back)
            rows.add(kind, "base model alone gives the old object", base_knows)


def _object(text: str, case: Case) -> str:
    """Return the object of the edit that was given: of several right ones it may be another's."""
    if case.new is not None and text.endswith(case.new):
        return case.new
    return text.removeprefix(case.query).strip() or str(case.new)
