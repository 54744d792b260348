"""``python -m benchmarks answers``."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import data as loaders
from benchmarks.answers import BY, AnswerRun, Sizes, memory_with
from benchmarks.answers_opinions import add_opinions
from benchmarks.answers_own import add_follow_ups, add_statements
from benchmarks.answers_speed import add_later_turns, add_speed
from benchmarks.answers_text import add_texts
from benchmarks.data import Benchmark
from benchmarks.recorded_queries import recorded_rewriter
from benchmarks.remembering import RememberingEncoder
from benchmarks.rows import RESULTS, Rows
from benchmarks.told import keep
from classifiers import load_scope_classifier
from classifiers.lora_training import check_out
from memory_store import EditMemory, SentenceTransformerEncoder
from memory_store.errors import ErrataError
from serac.adapter_files import read_adapter_config
from serac.cli.options import err, progress_bar
from serac.conversation import Turn
from serac.counterfactual import SHIPPED
from serac.counterfactual.model import read_config
from serac.overlay import FactOverlay
from serac.query_rewriting import SHIPPED as REWRITER
from serac.query_rewriting.model import ADAPTER
from serac.turn_scope import load_turn_scope

PARTS = ("counterfact", "zsre", "own", "follow_ups", "prompted", "convsent", "texts", "speed")
LONGEST = 48
"""Tokens that are read of a longer answer to a case of our own."""

SMALL = Sizes(short=2, ike=1, ike_paraphrases=1, routed=2, records=1, ike_records=1)

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the benchmark data.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the rows.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Decides every sample.")]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", help=f"Parts to run, all otherwise: {', '.join(PARTS)}."),
]
CounterfactualOption = Annotated[
    Path,
    typer.Option("--counterfactual-model", help="Folder of the counterfactual model."),
]
ByOption = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        help=f"Whose figures to measure: {', '.join(BY)}; all otherwise. Other rows are kept.",
    ),
]
SmallOption = Annotated[bool, typer.Option("--small", help="A few cases of each kind.")]


def answers(
    data: DataOption,
    out: OutOption = RESULTS,
    seed: SeedOption = 0,
    only: OnlyOption = None,
    counterfactual_model: CounterfactualOption = SHIPPED,
    by: ByOption = None,
    small: SmallOption = False,
) -> None:
    """What is said, by base, counterfactual, IKE and auto, on the sets and on our own cases.

    Each part is written as soon as it is done; single answers go to a private folder, to be read.
    """
    parts = only or list(PARTS)
    for names, known in ((parts, PARTS), (by or (), BY)):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ErrataError(f"there is no {unknown[0]}; use {', '.join(known)}")
    if small and out.resolve() == RESULTS.resolve():
        raise ErrataError("a small run is no result; name another folder with --out")
    check_out(out)
    run = _Run(data, out.resolve(), seed, counterfactual_model, by, small)
    for name in parts:
        started = time.perf_counter()
        file = run.measure(name)
        err.print(f"{name}: {time.perf_counter() - started:,.0f} s, rows in {file}")


class _Run:
    """Measures the parts, over one encoder."""

    def __init__(
        self, data: Path, out: Path, seed: int, model: Path, by: list[str] | None, small: bool
    ) -> None:
        self.data, self.out, self.seed, self.model, self.small = data, out, seed, model, small
        self.by, self.some = by or BY, by is not None
        self.encoder = RememberingEncoder(SentenceTransformerEncoder.embedded())
        self.trained = load_scope_classifier(self.encoder)
        self.turn_scope = load_turn_scope()

    def measure(self, name: str) -> Path:
        """Run a part and write its rows."""
        told: list[dict[str, Any]] = []
        sets = dict.fromkeys(("counterfact", "texts", "speed"), loaders.counterfact)
        sets["zsre"] = loaders.zsre
        benchmark = sets[name](self.data) if name in sets else None
        rows = self._rows(name, benchmark)
        edits = benchmark.edits if benchmark else ()
        with (
            tempfile.TemporaryDirectory() as folder,
            memory_with(edits, Path(folder) / "facts.db", self.encoder) as memory,
            progress_bar(name, None) as progress,
        ):
            overlay = self._overlay(memory, prompted=name == "prompted")
            self._measure(name, rows, overlay, benchmark, told.append, progress)
        if told:
            kept = "_".join([f"answers_{name}", *(self.by if self.some else ())])
            keep(told, self.out, kept)
        return rows.write(self.out, beside=self.some)

    def _measure(
        self,
        name: str,
        rows: Rows,
        overlay: FactOverlay,
        benchmark: Benchmark | None,
        told: Callable[[dict[str, Any]], None],
        progress: Callable[[int], None],
    ) -> None:
        if name == "convsent":
            size = 2 if self.small else 60
            add_opinions(rows, overlay, self.data, size, self.seed, told, progress, self.by)
        elif benchmark is None:
            most = 1 if self.small else None
            overlay.base.max_new_tokens = LONGEST  # type: ignore[attr-defined]
            if name == "own":
                add_statements(rows, overlay, told, progress, most, self.by)
            elif "auto" in self.by:
                add_follow_ups(rows, overlay, told, progress, most)
        elif name == "texts":
            add_texts(rows, overlay, self.data, 1 if self.small else 20, self.seed, progress)
        else:
            sizes = SMALL if self.small else Sizes()
            threshold = self.trained.threshold_for()
            run = AnswerRun(
                rows, overlay, benchmark, self.encoder, threshold, sizes, self.seed, told, self.by
            )
            if name == "speed":
                cases = run.by_kind["exact"][: 2 if self.small else 15]
                add_speed(rows, overlay, cases, progress, self.by)
                if not self.some:
                    overlay.decide([Turn("user", "Hi"), Turn("assistant", "Hi"), Turn("user", "?")])
                    add_later_turns(rows, overlay, 1 if self.small else 30, progress)
                return
            run.given(progress)
            run.routed(progress)
            run.probabilities(progress)

    def _rows(self, name: str, benchmark: Benchmark | None) -> Rows:
        words = f"python -m benchmarks answers --data DATA --seed {self.seed} --only {name}"
        words += " --counterfactual-model FOLDER" if self.model != SHIPPED else ""
        words += "".join(f" --by {name}" for name in self.by) if self.some else ""
        words += " --small" if self.small else ""
        return Rows(
            f"answers_{name}",
            self.seed,
            words,
            scope_classifier=self.trained.fingerprint,
            query_rewriter=self._rewriter_of(name),
            turn_classifier=None if name == "prompted" else self.turn_scope.fingerprint,
            counterfactual_model=read_config(self.model)["model_sha256"][:12],
            **({"edits_in_memory": len(benchmark.edits)} if benchmark else {}),
        )

    @staticmethod
    def _rewriter_of(name: str) -> str:
        if name == "prompted":
            return "a large chat model, recorded"
        return str(read_adapter_config(REWRITER, ADAPTER)["model_sha256"][:12])

    def _overlay(self, memory: EditMemory, *, prompted: bool) -> FactOverlay:
        """Return an overlay as ``open`` makes it, without the multi-hop route."""
        return FactOverlay(
            memory,
            self.trained,
            self.trained.threshold_for(),
            counterfactual_model=self.model,
            recall_floor=self.trained.recall_floor,
            rewriter=recorded_rewriter("test") if prompted else "trained",
            turn_scope=None if prompted else self.turn_scope,
        )
