"""Plots of the rows, as matplotlib figures that can be read in grey."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.rows import Row
from benchmarks.scored import DOUBTFUL
from memory_store.errors import ErrataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES: tuple[dict[str, Any], ...] = (
    {"color": "black", "linestyle": "-"},
    {"color": "0.35", "linestyle": "--"},
    {"color": "0.55", "linestyle": ":"},
    {"color": "0.1", "linestyle": "-."},
)
MARKERS = ("o", "s", "^", "D")
LOWEST = 1e-4
"""Least share on a logarithmic axis; a share of 0 is drawn there."""

Points = Sequence[Sequence[float]]


def roc_figure(sets: Mapping[str, Mapping[str, Mapping[str, Points]]]) -> Figure:
    """Return ROC curves, a plot for each set and kind of out-of-scope query.

    Args:
        sets: {set: {kind: {method: points}}}; a point is (false-fire share, right-fire share).
    """
    panels = [
        (name, kind, found)
        for name, kinds in sets.items()
        for kind, found in kinds.items()
        if kind not in DOUBTFUL
    ]
    figure, axes = grid(len(panels))
    for axis, (name, kind, methods) in zip(axes, panels, strict=True):
        for style, (method, points) in zip(STYLES, methods.items(), strict=False):
            shares = [max(LOWEST, point[0]) for point in points]
            right = [point[1] for point in points]
            axis.plot(shares, right, label=method, drawstyle="steps-post", **style)
        axis.set(xscale="log", xlim=(LOWEST, 1), ylim=(0, 1), title=f"{name}: {kind}")
        axis.set(xlabel="share of out-of-scope queries that fire")
        axis.set(ylabel="fires on the right edit")
        axis.minorticks_off()  # they are most of the file
    _legend(axes, "lower right")
    return figure


def reliability_figure(facts: Mapping[str, Any]) -> Figure:
    """Return the reliability curve of a classifier on dev, from ``scope_facts.json``."""
    figure, (axis,) = grid(1)
    axis.plot([0, 1], [0, 1], label="perfect", **STYLES[2])
    parts = facts["reliability"]
    stated, seen = [part["stated"] for part in parts], [part["in_scope"] for part in parts]
    axis.plot(stated, seen, marker="o", label="dev pairs", **STYLES[0])
    for part in parts:
        place = (part["stated"], part["in_scope"])
        axis.annotate(f"{part['n']:,}", place, (4, -9), textcoords="offset points", fontsize=6)
    error = facts["expected_calibration_error"]
    axis.set(title=f"expected calibration error {error:.4f}", xlim=(0, 1), ylim=(0, 1))
    axis.set(xlabel="stated probability", ylabel="share in scope")
    _legend([axis], "upper left")
    return figure


def curve_figure(rows: Iterable[Row]) -> Figure:
    """Return, for each kind of case, how often the methods fire by the number of edits."""
    shown = [row for row in rows if is_on_curve(row)]
    kinds = list(dict.fromkeys(row.kind for row in shown))
    methods = list(dict.fromkeys(row.setting["method"] for row in shown))
    figure, axes = grid(len(kinds))
    for axis, kind in zip(axes, kinds, strict=True):
        for method, style, marker in zip(methods, STYLES, MARKERS, strict=False):
            own = [row for row in shown if (row.kind, row.setting["method"]) == (kind, method)]
            edits = [row.setting["edits_in_memory"] for row in own]
            low = [row.value - _end(row.low, row) for row in own]
            high = [_end(row.high, row) - row.value for row in own]
            values = [row.value for row in own]
            axis.errorbar(edits, values, (low, high), label=method, marker=marker, **style)
        metric = next(row.metric for row in shown if row.kind == kind).split(",")[0]
        axis.set(xscale="log", ylim=(-0.02, 1.02), title=kind)
        axis.set(xlabel="edits in memory", ylabel=metric)
        axis.minorticks_off()
    _legend(axes, "best")
    return figure


def is_on_curve(row: Row) -> bool:
    """Say whether a row is a share at a method's default that a curve shows."""
    shown = bool(row.setting.get("default")) and row.kind not in DOUBTFUL
    return shown and not row.metric.startswith("fires on a wrong")


def save(figure: Figure, file: Path) -> None:
    """Write a figure as SVG, the same bytes for the same figure."""
    pyplot = _matplotlib()
    file.parent.mkdir(parents=True, exist_ok=True)
    with pyplot.rc_context({"svg.hashsalt": "errata", "svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None})


def _end(end: float | None, row: Row) -> float:
    return row.value if end is None else end


def grid(count: int) -> tuple[Figure, list[Any]]:
    """Return a figure and so many axes in it, two in a line."""
    _matplotlib()
    from matplotlib.figure import Figure

    columns = min(2, count)
    lines = -(-count // columns) if count else 0
    figure = Figure(figsize=(4.4 * max(1, columns), 3.3 * max(1, lines)), layout="constrained")
    return figure, [figure.add_subplot(lines, columns, place + 1) for place in range(count)]


def _legend(axes: Sequence[Any], place: str) -> None:
    """Put a legend into the first plot; it holds for all."""
    for axis in axes[:1]:
        axis.legend(loc=place, fontsize="small")


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise ErrataError('plots need matplotlib; run: pip install "errata[bench]"') from None
    return matplotlib
