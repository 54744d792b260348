"""Rows of results: each figure with its n, interval, seed and command."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        benchmark: Name of the benchmark.
        kind: Which queries or what operation it is about.
        metric: What was measured.
        value: The figure.
        low: Lower end of the 95% bootstrap interval.
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
    low: float
    high: float
    n: int
    seed: int
    command: str
    setting: dict[str, Any] = field(default_factory=dict)


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
        self.setting = {"machine": machine(), **setting}
        self.rows: list[Row] = []

    def add(
        self,
        kind: str,
        metric: str,
        observations: Sequence[float] | Sequence[bool],
        statistic: str = "mean",
        **setting: Any,
    ) -> Row:
        """Add the mean, the median (``p50``) or another percentile of observations."""
        values = np.asarray(observations, dtype=float)
        value, low, high = summary(values, statistic, self.seed)
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

    def write(self, folder: Path = RESULTS) -> Path:
        """Write the rows to ``folder/<benchmark>.jsonl``, in place of an earlier run's."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.benchmark}.jsonl"
        lines = [json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in self.rows]
        file.write_text("".join(lines), encoding="utf-8")
        return file


def summary(values: np.ndarray, statistic: str, seed: int) -> tuple[float, float, float]:
    """Return a statistic of (n,) values with its 95% percentile-bootstrap interval.

    Args:
        values: Observations.
        statistic: ``mean``, or ``p50``, ``p99`` and so on.
        seed: Seed of the resampling.
    """
    if len(values) == 0:
        return float("nan"), float("nan"), float("nan")
    compute = np.mean if statistic == "mean" else _percentile(float(statistic.removeprefix("p")))
    value = float(compute(values))
    if len(values) == 1 or np.all(values == values[0]):
        return value, value, value
    interval = bootstrap(
        (values,),
        compute,
        n_resamples=2000,
        batch=100,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return value, float(interval.low), float(interval.high)


def _percentile(q: float) -> Any:
    return lambda values, axis=None: np.percentile(values, q, axis=axis)


def read_rows(file: Path) -> list[Row]:
    """Read the rows of a run."""
    return [Row(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def machine() -> str:
    """Describe the machine in a few words."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return f"{platform.machine()}, {torch.get_num_threads()} threads, {device}"


def table(rows: Iterable[Row]) -> str:
    """Return rows as a Markdown table."""
    lines = ["| queries | figure | value | 95% interval | n |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.kind} | {row.metric} | {_number(row.value)} | "
        f"{_number(row.low)} – {_number(row.high)} | {row.n:,} |"  # noqa: RUF001
        for row in rows
    ]
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
