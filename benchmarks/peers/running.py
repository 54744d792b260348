"""Runs one editor with so many edits: apply, ask, undo, and the rows of what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.peers.cases import EXACT, NEIGHBORHOOD, PARAPHRASE, PeerCase, PeerCases
from benchmarks.peers.costs import MIB, Cost, Original, measured
from benchmarks.peers.editor import EditedModel, Editor
from benchmarks.peers.evaluation import (
    GENERAL,
    NLL,
    Found,
    PeerSizes,
    Progress,
    Put,
    answers,
    observe,
    observe_general,
    put,
)
from benchmarks.peers.routed import RoutedModel
from benchmarks.rows import RESAMPLES, Row, Rows

COST = "cost"
SECONDS, MEMORY, KEPT = "seconds an edit", "MiB more in use at the peak", "MiB kept"
UNDO, RESTORED, QUERY = "seconds to undo", "undone bit for bit", "seconds a query"
PERPLEXITY = "perplexity"
TIMED = 16
"""Queries that are answered together when their time is taken."""


class PeerRun:
    """Measures editors on the cases of one set.

    Args:
        cases: The cases.
        unedited: The model as it is, which is asked before an editor comes.
        original: Its copy, to see whether undoing leaves it as it was.
        questions: Everyday questions.
        sizes: How much is asked.
        device: Where the model runs.
    """

    def __init__(
        self,
        cases: PeerCases,
        unedited: EditedModel,
        original: Original,
        questions: Sequence[str],
        sizes: PeerSizes,
        device: str,
    ) -> None:
        self.cases, self.unedited, self.original = cases, unedited, original
        self.questions = list(questions)[: sizes.questions]
        self.sizes, self.device = sizes, device

    def measure(self, editor: Editor, size: int, rows: Rows, progress: Progress) -> None:
        """Measure an editor with the first ``size`` edits of the set, and add the rows.

        One edit is applied alone, again for each of the cases that are asked; more are applied
        together, and a sample of their cases is asked.
        """
        part = _Part(self, editor)
        if size == 1:
            dropped = part.one_at_a_time(self.cases.edited(self.sizes.cases), progress)
        else:
            dropped = part.together(size, progress)
        notes = {**part_notes(editor, size), "out_of_scope_dropped": dropped}
        add_rows(rows, part.found, part.costs, notes)


def edits_text(size: int) -> str:
    """Return the number of edits in words."""
    return "1 edit at a time" if size == 1 else f"{size:,} edits"


def part_notes(editor: Editor, size: int) -> dict[str, Any]:
    """Return what the rows of an editor with so many edits are told by."""
    named = {"answerer": editor.name, "editor": editor.name}
    return {**named, "edits": size, "memory": edits_text(size)}


class _Part:
    """One editor, and what is seen of it."""

    def __init__(self, run: PeerRun, editor: Editor) -> None:
        self.run, self.editor = run, editor
        self.found = Found()
        self.costs: dict[str, list[float]] = {}
        self.prepared = 0.0

    def one_at_a_time(self, cases: Sequence[PeerCase], progress: Progress) -> int:
        """Apply the edit of each case alone, and take it back; return how many were dropped."""
        sizes = self.run.sizes
        near: dict[int, tuple[str, ...]] = {}
        dropped = 0
        for case in cases:
            prompts, fewer = self.run.cases.out_of_scope([case], [case])
            near, dropped = near | prompts, dropped + fewer
        as_ever = self._as_ever(near)
        self._prepare(cases)
        waiting: list[Put] = []
        for place, case in enumerate(cases):
            first = place < sizes.alone
            with self._edited([case]) as model:
                puts = put(model, [case], near, [case] if first else [])
                if first:
                    observe_general(self.found, model, self.run.questions, as_ever, sizes)
                if isinstance(model, RoutedModel):
                    waiting += puts  # whatever comes later, these prompts stay what they are
                else:
                    observe(self.found, puts, as_ever, sizes, progress)
        observe(self.found, waiting, as_ever, sizes, progress)
        self._share_prepared()
        return dropped

    def _share_prepared(self) -> None:
        """Count what was done for all edits at once; if that was most, single times say nothing."""
        each = self.costs[SECONDS]
        shared = self.prepared / len(each)
        alone = [shared + own for own in each]
        self.costs[SECONDS] = [float(np.mean(alone))] if self.prepared > sum(each) else alone

    def _prepare(self, cases: Sequence[PeerCase]) -> None:
        """Let an editor that can make the changes of several edits at once do so."""
        prepare = getattr(self.editor, "prepare", None)
        if prepare is not None:
            with measured(self.run.device) as cost:
                prepare([case.edit for case in cases])
            self.prepared = cost.seconds

    def together(self, size: int, progress: Progress) -> int:
        """Apply so many edits, ask a sample of their cases; return how many were dropped."""
        sizes = self.run.sizes
        edited = self.run.cases.edited(size)
        asked = self.run.cases.sample(size, sizes.cases)
        near, dropped = self.run.cases.out_of_scope(asked, edited)
        as_ever = self._as_ever(near)
        with self._edited(edited) as model:
            timed = [query for case in asked for query in case.asked[EXACT]][:TIMED]
            with measured(self.run.device) as cost:
                model.generate(timed, sizes.tokens)
            self._cost(QUERY, cost.seconds / len(timed))
            puts = put(model, asked, near, asked[: sizes.texts])
            observe(self.found, puts, as_ever, sizes, progress)
            observe_general(self.found, model, self.run.questions, as_ever, sizes)
        return dropped

    def _as_ever(self, near: dict[int, tuple[str, ...]]) -> dict[str, str]:
        """Return what the unedited model says; asked now, since editing may change it."""
        queries = [query for prompts in near.values() for query in prompts]
        queries += self.run.questions
        return answers(self.run.unedited, list(dict.fromkeys(queries)), self.run.sizes.tokens)

    def _edited(self, cases: Sequence[PeerCase]) -> _Applied:
        return _Applied(self, cases)

    def _cost(self, name: str, value: float) -> None:
        self.costs.setdefault(name, []).append(value)

    def applied(self, cost: Cost, edits: int) -> None:
        """Note what applying took, and what has to be kept for it."""
        self._cost(SECONDS, cost.seconds / edits)
        self._cost(MEMORY, cost.mib)
        kept = getattr(self.editor, "bytes_kept", None)
        self._cost(KEPT, (kept() if kept else self.run.original.changed_bytes()) / MIB)

    def undone(self, cost: Cost) -> None:
        """Note what taking back took, and whether all is as it was."""
        self._cost(UNDO, cost.seconds)
        self._cost(RESTORED, float(self.run.original.is_back()))


class _Applied:
    """Applies the edits of cases for a block, and takes them back after it."""

    def __init__(self, part: _Part, cases: Sequence[PeerCase]) -> None:
        self.part, self.edits = part, [case.edit for case in cases]

    def __enter__(self) -> EditedModel:
        try:
            with measured(self.part.run.device) as cost:
                model = self.part.editor.apply(self.edits)
        except BaseException:
            self.part.editor.undo()  # the next editor works on the same model
            raise
        self.part.applied(cost, len(self.edits))
        return model

    def __exit__(self, *_: object) -> None:
        with measured(self.part.run.device) as cost:
            self.part.editor.undo()
        self.part.undone(cost)


def add_rows(
    rows: Rows, found: Found, costs: dict[str, list[float]], notes: dict[str, Any]
) -> None:
    """Add the rows of what was seen: S and the perplexity beside what was observed."""
    for (kind, metric), seen in found.seen.items():
        values, groups = [value for value, _ in seen], [record for _, record in seen]
        row = rows.add(kind, metric, values, groups=groups, **notes)
        if (kind, metric) == (GENERAL, NLL):
            ends = [None if end is None else float(np.exp(end)) for end in (row.low, row.high)]
            exp = (float(np.exp(row.value)), ends[0], ends[1])
            rows.rows.append(_derived(rows, GENERAL, PERPLEXITY, exp, row.n, notes))
    scores = [
        found.seen.get((kind, metric))
        for kind, metric in ((EXACT, "ES"), (PARAPHRASE, "PS"), (NEIGHBORHOOD, "NS"))
    ]
    if all(scores):
        known = [one for one in scores if one]
        n = len({record for _, record in known[0]})
        rows.rows.append(_derived(rows, "all", "S", overall(known, rows.seed), n, notes))
    for metric, values in costs.items():
        if metric != RESTORED and len(set(values)) == 1:  # no share, so no interval of one
            figure = (values[0], None, None)
            rows.rows.append(_derived(rows, COST, metric, figure, len(values), notes))
        else:
            rows.add(COST, metric, values, **notes)


def _derived(
    rows: Rows,
    kind: str,
    metric: str,
    figure: tuple[float, float | None, float | None],
    n: int,
    notes: dict[str, Any],
) -> Row:
    setting = {**rows.setting, **notes}
    return Row(rows.benchmark, kind, metric, *figure, n, rows.seed, rows.command, setting)


def overall(
    scores: Sequence[Sequence[tuple[float, int]]], seed: int
) -> tuple[float, float | None, float | None]:
    """Return ROME's S, the harmonic mean of ES, PS and NS, with its 95% interval.

    The interval is a percentile bootstrap over records; there is none where it shows no spread.

    Args:
        scores: Of each score the observations, with the numbers of their records.
        seed: Seed of the resampling.
    """
    numbers = sorted({record for score in scores for _, record in score})
    at = {record: place for place, record in enumerate(numbers)}
    sums = np.zeros((len(scores), len(numbers)))
    counts = np.zeros_like(sums)
    for row, score in enumerate(scores):
        for value, record in score:
            sums[row, at[record]] += value
            counts[row, at[record]] += 1
    value = _harmonic(sums.sum(1), counts.sum(1))
    if len(numbers) == 1:
        return value, None, None
    chosen = np.random.default_rng(seed).integers(len(numbers), size=(RESAMPLES, len(numbers)))
    drawn = [_harmonic(sums[:, places].sum(1), counts[:, places].sum(1)) for places in chosen]
    low, high = np.percentile(drawn, [2.5, 97.5])
    if low == high:  # no spread was seen, which says little
        return value, None, None
    return value, float(low), float(high)


def _harmonic(sums: Any, counts: Any) -> float:
    means = sums / np.maximum(counts, 1)
    return 0.0 if (means == 0).any() else float(len(means) / (1 / means).sum())
