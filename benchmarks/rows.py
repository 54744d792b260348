"""Rows of results: each figure with its n, interval, seed and command."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from classifiers.thresholds import exact_interval
from memory_store.errors import ErrataError

RESAMPLES = 1000
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        benchmark: Name of the benchmark.
        kind: Which queries or what operation it is about.
        metric: What was measured.
        value: The figure.
        low: Lower end of the 95% interval; ``None`` for a single observation.
        high: Upper end of it.
        n: Number of observations.
        seed: Seed of every random choice, the bootstrap included.
        command: The command that makes it again.
        setting: What else it depends on: threshold, edits in memory, notes.
    """

    benchmark: str
    kind: str
    metric: str
    value: float
    low: float | None
    high: float | None
    n: int
    seed: int
    command: str
    setting: dict[str, Any] = field(default_factory=dict)

    @property
    def figure(self) -> tuple[Any, ...]:
        """Return what it is a figure of: a later run's row of the same takes its place."""
        notes = [self.setting.get(name) for name in ("answerer", "memory")]
        return (self.kind, self.metric, *notes)


class Rows:
    """Collects the rows of one run and writes them as JSONL.

    Args:
        benchmark: Name of the benchmark, and of the file.
        seed: Seed of the run.
        command: The command line that was run.
        setting: What holds for every row.
    """

    def __init__(self, benchmark: str, seed: int, command: str, **setting: Any) -> None:
        self.benchmark = benchmark
        self.seed = seed
        self.command = command
        self.setting = {"machine": machine(), "code": code_version(), **setting}
        self.rows: list[Row] = []

    def add(
        self,
        kind: str,
        metric: str,
        observations: Sequence[float] | Sequence[bool],
        statistic: str = "mean",
        groups: Sequence[int] | None = None,
        **setting: Any,
    ) -> Row:
        """Add a statistic of observations with its interval; see :func:`summary`."""
        values = np.asarray(observations, dtype=float)
        value, low, high = summary(values, statistic, self.seed, groups)
        row = Row(
            self.benchmark,
            kind,
            metric,
            value,
            low,
            high,
            len(values),
            self.seed,
            self.command,
            {**self.setting, **setting},
        )
        self.rows.append(row)
        return row

    def write(self, folder: Path = RESULTS, *, beside: bool = False) -> Path:
        """Write the rows to ``folder/<benchmark>.jsonl``, in place of an earlier run's.

        Args:
            folder: Where the file lies.
            beside: Keep those rows of the earlier run that are figures of something else.
        """
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.benchmark}.jsonl"
        aside = file.with_name(f".{file.name}.part")  # a run that is broken off can be gone on with
        with FileLock(file.with_name(f".{file.name}.lock")):  # other runs may write beside it
            rows = self.rows
            if beside and file.is_file():
                new = {row.figure: row for row in rows}
                rows = [new.pop(row.figure, row) for row in read_rows(file)] + list(new.values())
            lines = [json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows]
            aside.write_text("".join(lines), encoding="utf-8")
            aside.replace(file)
        return file


def summary(
    values: np.ndarray, statistic: str, seed: int, groups: Sequence[int] | None = None
) -> tuple[float, float | None, float | None]:
    """Return a statistic of (n,) observations with its 95% interval.

    The interval is a percentile bootstrap over groups; where shares are all 0 or all 1, so
    that resampling shows no spread, it is the exact one (Clopper-Pearson) of as many observations
    as there are groups.

    Args:
        values: Observations, at least one.
        statistic: ``mean``, or ``p50``, ``p99`` and so on.
        seed: Seed of the resampling.
        groups: (n,) group of each observation, such as the record that it comes from; each
            is a group of its own when ``None``.
    """
    compute = np.mean if statistic == "mean" else _percentile(float(statistic.removeprefix("p")))
    value = float(compute(values))
    if len(values) == 1:
        return value, None, None
    if np.all(values == values[0]):
        if value in (0.0, 1.0):
            n = len(values) if groups is None else len(set(groups))
            low, high = exact_interval(int(value) * n, n)
            return value, low, high
        return value, value, value
    _, places = np.unique(np.arange(len(values)) if groups is None else groups, return_inverse=True)
    sizes = np.bincount(places)
    chosen = np.random.default_rng(seed).integers(len(sizes), size=(RESAMPLES, len(sizes)))
    if statistic == "mean":
        sums = np.bincount(places, values)
        resampled = [sums[groups].sum() / sizes[groups].sum() for groups in chosen]
    else:
        members = np.split(np.argsort(places, kind="stable"), np.cumsum(sizes)[:-1])
        resampled = [
            compute(values[np.concatenate([members[group] for group in groups])])
            for groups in chosen
        ]
    low, high = np.percentile(resampled, [2.5, 97.5])
    return value, float(low), float(high)


def _percentile(q: float) -> Any:
    return lambda values: np.percentile(values, q)


def read_rows(file: Path) -> list[Row]:
    """Read the rows of a run.

    Raises:
        ErrataError: The file is damaged, or holds something else.
    """
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
        return [Row(**json.loads(line)) for line in lines if line]
    except (OSError, ValueError, TypeError) as error:
        raise ErrataError(f"{file} holds no rows of a run ({error}); remove it") from error


def machine() -> str:
    """Describe the machine in a few words."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return f"{platform.machine()}, {torch.get_num_threads()} threads, {device}"


def code_version() -> str:
    """Return the commit that is run, with ``-dirty`` where files but results differ from it."""
    try:
        commit = _git("describe", "--always", "--exclude=*")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "..", ":!results")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}-dirty" if changed else commit


def _git(*words: str) -> str:
    """Return what git says in the folder of the benchmarks."""
    told = subprocess.run(  # noqa: S603
        ["git", *words],  # noqa: S607
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()


def table(rows: Iterable[Row]) -> str:
    """Return rows as a Markdown table."""
    lines = ["| queries | figure | value | 95% interval | n |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.kind} | {row.metric} | {number(row.value)} | {interval(row)} | {row.n:,} |"
        for row in rows
    ]
    return "\n".join(lines)


def interval(row: Row) -> str:
    """Return the interval of a row as text; empty if it has none."""
    if row.low is None or row.high is None:
        return ""
    return f"{number(row.low)} – {number(row.high)}"  # noqa: RUF001


def number(value: float) -> str:
    """Return a figure as text, of four digits."""
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
