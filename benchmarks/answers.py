"""What is said: success in scope and locality, by answerer, one edit at a time and all at once."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.answerers import Answerers, Asked
from benchmarks.data import Benchmark, Case
from benchmarks.rows import Rows
from benchmarks.success import follows_edit, speaks_of_overlay, states
from classifiers import ScopeScorer, Threshold
from memory_store import Edit, EditMemory, Encoder, SearchHit
from serac.answerers import auto_route
from serac.conversation import as_turns
from serac.decision import Decision, Route
from serac.overlay import FactOverlay
from serac.prompts import MAX_EDITS
from serac.router import Router

Progress = Callable[[int], None]
IN_SCOPE = ("exact", "paraphrase", "rephrase")
LETTERS = {"exact": "E", "paraphrase": "P", "rephrase": "P", "neighborhood": "N"}
"""The first letter of ROME's scores, by kind of case."""

BY = ("base", "counterfactual", "ike", "auto")
"""Who answers, by the names that rows have."""

ROUTES: tuple[Route, ...] = ("counterfactual", "ike")
SPEAKS = "answer speaks of the overlay"
SETTINGS = ("right edit given", "one edit in memory", "all edits in memory")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many cases of a kind are asked.

    Attributes:
        short: By the counterfactual model, whose prompts are short.
        ike: By IKE, whose prompts are long, and by the base model alone.
        ike_paraphrases: The same for CounterFact's paraphrases.
        routed: With the router deciding.
        records: Records whose objects' probabilities are taken.
        ike_records: The same under IKE.
    """

    short: int = 400
    ike: int = 60
    ike_paraphrases: int = 200
    routed: int = 300
    records: int = 60
    ike_records: int = 10


class AnswerRun:
    """Asks the cases of a benchmark, and adds the rows.

    Args:
        rows: Where rows go.
        overlay: The overlay, with every edit of the benchmark in memory and ``auto`` as its
            answerer.
        benchmark: The cases.
        encoder: The memory's encoder.
        threshold: The threshold by number of edits.
        sizes: How many cases are asked.
        seed: Draws them.
        told: Told what was asked and answered, for a look at the errors.
        by: Whose figures are measured.
    """

    def __init__(
        self,
        rows: Rows,
        overlay: FactOverlay,
        benchmark: Benchmark,
        encoder: Encoder,
        threshold: float | Threshold,
        sizes: Sizes,
        seed: int,
        told: Callable[[dict[str, Any]], None] = lambda record: None,
        by: Sequence[str] = BY,
    ) -> None:
        self.rows, self.overlay, self.benchmark = rows, overlay, benchmark
        self.encoder, self.threshold, self.sizes = encoder, threshold, sizes
        self.answerers = Answerers(overlay)
        self.told, self.by = told, by
        chance = random.Random(seed)  # noqa: S311
        self.by_kind: dict[str, list[Case]] = defaultdict(list)
        for case in benchmark.cases:
            self.by_kind[case.kind].append(case)
        for found in self.by_kind.values():
            chance.shuffle(found)

    def given(self, progress: Progress) -> None:
        """Add success with the right edit given, and how often the old object comes back."""
        for kind in self._kinds(IN_SCOPE):
            few = self.sizes.ike_paraphrases if kind == "paraphrase" else self.sizes.ike
            for route in filter(self.by.__contains__, ROUTES):
                cases = self.by_kind[kind][: few if route == "ike" else self.sizes.short]
                answers = self.answerers.answer([self._given(route, c) for c in cases], progress)
                self._success(kind, cases, answers, route, "right edit given")
                self._old_object(kind, cases, answers, route, "right edit given")
                if route == "ike":
                    self._asked_again(kind, cases)
            if "base" not in self.by:
                continue
            cases = self.by_kind[kind][:few]
            answers = self.answerers.answer([("base", c.query, ()) for c in cases], progress)
            self._old_object(kind, cases, answers, "base", "no edit")
            self._success(kind, cases, answers, "base", "no edit")

    def routed(self, progress: Progress) -> None:
        """Add success in scope and locality out of it, the router deciding."""
        if "auto" not in self.by:
            return
        for setting in SETTINGS[1:]:
            for kind in self._kinds():
                cases = self.by_kind[kind][: self.sizes.routed]
                if setting == "all edits in memory":
                    decided = self.overlay.decide_many([case.query for case in cases])
                elif kind in IN_SCOPE:
                    decided = [self._alone(case) for case in cases]
                else:
                    continue
                if kind in IN_SCOPE:
                    self._routed(kind, cases, decided, setting, progress)
                else:
                    kept = [not decision.in_scope for decision in decided]
                    self.rows.add(
                        kind,
                        "the base model's own answer",
                        kept,
                        groups=[case.record for case in cases],
                        answerer="auto",
                        memory=setting,
                    )

    def _routed(
        self,
        kind: str,
        cases: Sequence[Case],
        decided: Sequence[Decision],
        setting: str,
        progress: Progress,
    ) -> None:
        asked = [self._as_decided(c, d, "auto") for c, d in zip(cases, decided, strict=True)]
        self._success(kind, cases, self.answerers.answer(asked, progress), "auto", setting)

    def _given(self, route: Route, case: Case) -> Asked:
        return route, case.query, (self.overlay.memory.get(str(case.edit)),)

    def _alone(self, case: Case) -> Decision:
        """Return the decision with only the case's own edit in memory."""
        memory = OneEdit(self.overlay.memory.get(str(case.edit)), self.encoder)
        return alone(memory, self.overlay.scorer, self.threshold).decide(as_turns(case.query))

    def _as_decided(self, case: Case, decision: Decision, route: str) -> Asked:
        if not decision.in_scope:
            return "base", case.query, ()
        edits = decision.edits
        chosen: Any = auto_route(decision.reading, edits) if route == "auto" else route
        return chosen, decision.reading, edits[:MAX_EDITS]

    def _success(
        self, kind: str, cases: Sequence[Case], answers: Sequence[str], route: str, setting: str
    ) -> None:
        right = [
            any(follows_edit(answer, new, case.old) for new in _objects(case, setting))
            for case, answer in zip(cases, answers, strict=True)
        ]
        for case, answer, good in zip(cases, answers, right, strict=True):
            record = {"kind": kind, "query": case.query, "answer": answer, "new": case.new}
            self.told({**record, "old": case.old, "by": route, "setting": setting, "right": good})
        said = [speaks_of_overlay(answer) for answer in answers]
        for metric, found in (("answer follows the edit", right), (SPEAKS, said)):
            if metric != SPEAKS or route != "base":
                self.rows.add(
                    kind,
                    metric,
                    found,
                    groups=[case.record for case in cases],
                    answerer=route,
                    memory=setting,
                )

    def _old_object(
        self, kind: str, cases: Sequence[Case], answers: Sequence[str], route: str, setting: str
    ) -> None:
        known = [(c, a) for c, a in zip(cases, answers, strict=True) if c.old and _differ(c)]
        if known:
            self.rows.add(
                kind,
                "old object in the answer",
                [states(answer, str(case.old)) for case, answer in known],
                groups=[case.record for case, _ in known],
                answerer=route,
                memory=setting,
            )

    def _asked_again(self, kind: str, cases: Sequence[Case]) -> None:
        """Add how often IKE had to be asked a second time."""
        asked = [self._given("ike", case) in self.answerers.asked_again for case in cases]
        groups = [case.record for case in cases]
        setting = {"answerer": "ike", "memory": "right edit given"}
        self.rows.add(kind, "asked a second time", asked, groups=groups, **setting)

    def probabilities(self, progress: Progress) -> None:
        """Add ROME's scores and magnitudes: ES, EM, PS, PM, NS, NM."""
        by_ike_alone = list(self.by) == ["ike"]
        records = self._records(self.sizes.ike_records if by_ike_alone else self.sizes.records)
        decided: dict[tuple[str, str], Decision] = {}
        everything = [case for found in records for case in found]
        for case, decision in zip(
            everything, self.overlay.decide_many([c.query for c in everything]), strict=True
        ):
            decided["all edits in memory", case.query] = decision
        for found in records:
            own = self.overlay.memory.get(str(found[0].edit))
            router = alone(OneEdit(own, self.encoder), self.overlay.scorer, self.threshold)
            for case, decision in zip(
                found, router.decide_many([as_turns(c.query) for c in found]), strict=True
            ):
                decided[f"one edit in memory {own.id}", case.query] = decision
        for route in self.by:
            used = records[: self.sizes.ike_records] if route == "ike" else records
            for setting in SETTINGS[1:] if route != "base" else ("no edit",):
                self._probabilities(used, decided, route, setting, progress)

    def _probabilities(
        self,
        records: Sequence[Sequence[Case]],
        decided: dict[tuple[str, str], Decision],
        route: str,
        setting: str,
        progress: Progress,
    ) -> None:
        asked: list[tuple[Asked, str]] = []
        for found in records:
            one = f"{setting} {found[0].edit}" if setting == "one edit in memory" else setting
            for case in found:
                how: Asked = ("base", case.query, ())
                if route != "base":
                    how = self._as_decided(case, decided[one, case.query], route)
                asked += [(how, str(found[0].new)), (how, str(found[0].old))]
        told = np.exp(self.answerers.log_probabilities(asked, progress)).reshape(-1, 2)
        flat = [(case, place) for place, found in enumerate(records) for case in found]
        for kind, letter in LETTERS.items():
            at = [n for n, (case, _) in enumerate(flat) if case.kind == kind]
            if not at:
                continue
            sign = -1 if kind == "neighborhood" else 1
            margin = sign * (told[at, 0] - told[at, 1])
            groups = [flat[n][1] for n in at]
            notes = {"answerer": route, "memory": setting}
            self.rows.add(kind, f"{letter}S", list(margin > 0), groups=groups, **notes)
            self.rows.add(kind, f"{letter}M", list(margin), groups=groups, **notes)

    def _records(self, most: int) -> list[list[Case]]:
        """Return the cases of some records, the exact prompt first."""
        chosen = {case.record: [case] for case in self.by_kind["exact"][:most]}
        for kind in [kind for kind in LETTERS if kind != "exact"]:
            for case in self.by_kind[kind]:
                if case.record in chosen:
                    chosen[case.record].append(case)
        return list(chosen.values())

    def _kinds(self, wanted: Iterable[str] | None = None) -> list[str]:
        return [kind for kind in self.by_kind if wanted is None or kind in wanted]


class OneEdit:
    """A memory of one edit, as the router needs it."""

    def __init__(self, edit: Edit, encoder: Encoder) -> None:
        self.edit, self.encoder = edit, encoder

    def __len__(self) -> int:
        return 1

    def search_many(self, queries: Sequence[str], k: int = 8) -> list[list[SearchHit]]:
        """Return the edit for each query."""
        vectors = self.encoder.encode([self.edit.text, *queries])
        return [[SearchHit(self.edit, float(v @ vectors[0]))] for v in vectors[1:]]


def alone(memory: OneEdit, scorer: ScopeScorer, threshold: float | Threshold) -> Router:
    """Return a router over one edit."""
    floor = getattr(scorer, "recall_floor", -np.inf)
    return Router(memory, scorer, threshold, route=auto_route, recall_floor=float(floor))


def memory_with(edits: Sequence[dict[str, Any]], path: Path, encoder: Encoder) -> EditMemory:
    """Return a memory of the edits of a benchmark."""
    import json

    file = path.with_suffix(".jsonl")
    file.write_text("".join(json.dumps(edit) + "\n" for edit in edits), encoding="utf-8")
    memory = EditMemory.open(path, encoder)
    memory.import_jsonl(file)
    return memory


def _objects(case: Case, setting: str) -> list[str]:
    """Return the objects that are right: with every edit in memory also those of other edits."""
    if case.new is None:
        return []
    return [case.new, *case.also] if setting == "all edits in memory" else [case.new]


def _differ(case: Case) -> bool:
    """Say whether the old object isn't part of the new one, so that finding it says something."""
    return not states(str(case.new), str(case.old))
