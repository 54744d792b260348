"""Where the scope classifier fires with all edits in memory at once, beside other rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks import data as loaders
from benchmarks.baselines import COSINE, nearest, rules
from benchmarks.data import Benchmark, Case
from benchmarks.remembering import RememberingEncoder, RememberingScorer
from benchmarks.routing import Routed, route_all
from benchmarks.rows import Rows, read_rows
from benchmarks.scope_page import FACTS, LISTED, ROC
from benchmarks.scored import OperatingPoint, Scored, add_point_rows, by_kind, from_routed, roc
from classifiers import ARTIFACTS, SHIPPED, ScopeScorer, TrainedScorer, load_scope_classifier
from classifiers.similarity import KIND as SIMILARITY
from memory_store import EditDraft, EditMemory, Encoder, SentenceTransformerEncoder
from memory_store.errors import ErrataError
from serac.cli.options import progress_bar
from serac.overlay import FactOverlay

SETS: dict[str, Callable[[Path, int], Benchmark]] = {
    "counterfact": lambda folder, seed: loaders.counterfact(folder),
    "zsre": lambda folder, seed: loaders.zsre(folder),
    "knowedit_zsre": lambda folder, seed: loaders.knowedit_zsre(folder),
    "wiki_counterfact": loaders.wiki_counterfact,
    "wiki_recent": loaders.wiki_recent,
    "mquake": lambda folder, seed: loaders.mquake(folder),
}
"""Makers of each set from the data folder and the seed that the classifier was trained with."""


@dataclass
class ScopeRun:
    """One run over the sets; what they share is made once.

    Attributes:
        data: The data folder.
        out: Folder of the rows. Results with texts of the data go to ``private`` beside it.
        seed: Decides every sample.
        folder: Where the scope classifier lies; the shipped one when ``None``.
        kinds: Kinds of case to ask; all where empty.
    """

    data: Path
    out: Path
    seed: int
    folder: Path | None = None
    kinds: tuple[str, ...] = ()

    @cached_property
    def encoder(self) -> Encoder:
        """The embedded encoder; every vector is made once."""
        return RememberingEncoder(SentenceTransformerEncoder.embedded(cache_size=0))

    @cached_property
    def trained(self) -> TrainedScorer:
        """The scope classifier."""
        return load_scope_classifier(self.encoder, self.folder or SHIPPED)

    @cached_property
    def scorer(self) -> ScopeScorer:
        """The scope classifier; every pair is judged once."""
        return RememberingScorer(self.trained)

    @cached_property
    def similarity(self) -> TrainedScorer | None:
        """The first classifier, as a baseline; ``None`` where it is the one that is measured."""
        if self.trained.facts["kind"] == SIMILARITY:
            return None
        return load_scope_classifier(self.encoder, ARTIFACTS / SIMILARITY)

    @cached_property
    def rules(self) -> tuple[OperatingPoint, ...]:
        """The rules of others."""
        return rules(self.data, self.encoder, int(self.trained.facts["seed"]))

    def points(self, edits: int) -> list[OperatingPoint]:
        """Return the classifier at each of its stated rates, with a number of edits in memory."""
        return [
            OperatingPoint(
                self.trained.facts["kind"],
                threshold.at(edits),
                f"{threshold.false_fire:.1%} stated",
                threshold.false_fire == self.trained.default_false_fire,
                {"stated": threshold.false_fire},
            )
            for threshold in self.trained.thresholds
        ]

    def benchmark(self, name: str) -> Benchmark:
        """Return a set with the kinds that are asked for.

        Raises:
            ErrataError: It has none of them.
        """
        found = SETS[name](self.data, int(self.trained.facts["seed"]))
        if not self.kinds:
            return found
        cases = tuple(case for case in found.cases if case.kind in self.kinds)
        if not cases:
            known = ", ".join(dict.fromkeys(case.kind for case in found.cases))
            raise ErrataError(f"{name} has no such kind of case; it has {known}")
        return replace(found, cases=cases)

    def rows(self, name: str, **setting: Any) -> Rows:
        """Return rows to be filled for a part of the run, with the command that makes them."""
        words = [f"python -m benchmarks scope --data DATA --seed {self.seed} --only {name}"]
        words += [f"--kind {kind}" for kind in self.kinds]
        words += ["--scope FOLDER"] if self.folder else []
        fingerprint = self.trained.fingerprint
        return Rows(
            f"scope_{name}", self.seed, " ".join(words), scope_classifier=fingerprint, **setting
        )

    def overlay(
        self, memory: EditMemory, trained: TrainedScorer | None = None, scorer: Any = None
    ) -> FactOverlay:
        """Return an overlay over a memory: the router asks as it does for a user."""
        trained = trained or self.trained
        scorer = scorer or (self.scorer if trained is self.trained else trained)
        return FactOverlay(
            memory, scorer, trained.threshold_for(), recall_floor=trained.recall_floor
        )

    def measure(self, name: str) -> Path:
        """Ask the cases of a set, and write rows, ROC points and the single results."""
        benchmark = self.benchmark(name)
        rows = self.rows(name, edits_in_memory=len(benchmark.edits), **benchmark.notes)
        points = self.points(len(benchmark.edits))
        default = next(point for point in points if point.default)
        curves: dict[str, Sequence[Scored]] = {}
        with filled_memory(benchmark.edits, self.encoder) as memory:
            with progress_bar(f"{name}: {default.method}", len(benchmark.cases)) as advance:
                routed = route_all(self.overlay(memory), benchmark.cases, advance)
            curves[default.method] = from_routed(routed)
            for point in points:
                add_point_rows(rows, curves[default.method], point)
            _add_listed_rows(rows, routed, default.method)
            if self.similarity is not None:
                with progress_bar(f"{name}: {SIMILARITY}", len(benchmark.cases)) as advance:
                    overlay = self.overlay(memory, self.similarity)
                    curves[SIMILARITY] = from_routed(route_all(overlay, benchmark.cases, advance))
                rate = self.similarity.default_false_fire
                threshold = self.similarity.threshold_for().at(len(memory))
                point = OperatingPoint(SIMILARITY, threshold, setting={"stated": rate})
                add_point_rows(rows, curves[SIMILARITY], point)
            with progress_bar(f"{name}: nearest edit", len(benchmark.cases)) as advance:
                curves[COSINE] = nearest(memory, benchmark.cases, advance)
            for point in self.rules:
                add_point_rows(rows, curves[COSINE], point)
        self._write_facts()
        if not self.kinds:
            _write_cases(self.out.parent / "private", benchmark, routed, default.threshold)
            _write_roc(self.out, name, {method: roc(found) for method, found in curves.items()})
        return self.write(rows)

    def write(self, rows: Rows) -> Path:
        """Write rows; where only some kinds were asked, an earlier run's others are kept."""
        file = self.out / f"{rows.benchmark}.jsonl"
        if self.kinds and file.is_file():
            classifier = self.trained.fingerprint
            rows.rows += [
                row
                for row in read_rows(file)
                if row.kind not in self.kinds and row.setting["scope_classifier"] == classifier
            ]
        return rows.write(self.out)

    def _write_facts(self) -> None:
        """Write what the page shows of the classifier itself."""
        facts = self.trained.facts
        shown = {
            "scope_classifier": self.trained.fingerprint,
            "default_false_fire": self.trained.default_false_fire,
            "seed": facts["seed"],
            "expected_calibration_error": facts.get("expected_calibration_error"),
            "reliability": facts.get("reliability", []),
        }
        self.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(shown, indent=1)
        (self.out / FACTS).write_text(text + "\n", encoding="utf-8")


@contextmanager
def filled_memory(
    edits: Sequence[dict[str, Any]], encoder: Encoder, *, bar: bool = True
) -> Iterator[EditMemory]:
    """Yield a memory, kept nowhere, that holds all edits at once."""
    with EditMemory.open(":memory:", encoder) as memory:
        shown = progress_bar("importing", len(edits)) if bar else nullcontext()
        with shown as advance:
            memory.add_many([EditDraft(**edit) for edit in edits], progress=advance)
        if len(memory) != len(edits):
            raise ErrataError(f"of {len(edits)} edits only {len(memory)} are in memory")
        yield memory


def _add_listed_rows(rows: Rows, routed: Sequence[Routed], method: str) -> None:
    """Add how often a right edit is among those that were judged."""
    judged = {id(one.case): _judged(one) for one in routed}
    for kind, found in by_kind(from_routed(routed)).items():
        if found[0].case.right:
            listed = [bool(judged[id(one.case)] & one.case.right) for one in found]
            groups = [one.case.record for one in found]
            rows.add(kind, LISTED, listed, groups=groups, method=method)


def _judged(routed: Routed) -> set[str]:
    return {candidate.edit.id for candidate in routed.decision.candidates}


def _write_roc(out: Path, name: str, curves: dict[str, dict[str, Any]]) -> None:
    """Put the points of a set, {kind: {method: points}}, beside those of the others."""
    file = out / ROC
    out.mkdir(parents=True, exist_ok=True)
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    known[name] = {
        kind: {method: found[kind] for method, found in curves.items()}
        for kind in next(iter(curves.values()))
    }
    lines = [f" {json.dumps(key)}: {json.dumps(known[key])}" for key in SETS if key in known]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _write_cases(
    folder: Path, benchmark: Benchmark, routed: Sequence[Routed], threshold: float
) -> None:
    """Write each case with the likeliest edit, to be read by eye; it holds texts of the data."""
    texts = {edit["id"]: edit["text"] for edit in benchmark.edits}
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"scope_{benchmark.name}.jsonl").open("w", encoding="utf-8") as file:
        for one in routed:
            record = _case_record(one.case, one, texts, threshold)
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _case_record(
    case: Case, routed: Routed, texts: dict[str, str], threshold: float
) -> dict[str, Any]:
    top = next(iter(routed.decision.candidates), None)
    fires = top is not None and top.probability >= threshold
    right = (fires and top is not None and top.edit.id in case.right) if case.right else not fires
    return {
        "kind": case.kind,
        "query": case.query,
        "own_edit": texts[case.edit] if case.edit is not None else None,
        "top_edit": top.edit.text if top else None,
        "probability": round(top.probability, 6) if top else None,
        "fires": fires,
        "right": right,
        "listed": bool(_judged(routed) & case.right) if case.right else None,
    }
