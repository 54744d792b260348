"""Plots of the comparison, as matplotlib figures that can be read in grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.peers.evaluation import FOLLOWS, SAME
from benchmarks.peers.running import COST, SECONDS
from benchmarks.peers.unedited import Unedited
from benchmarks.plots import STYLES, grid
from benchmarks.rows import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
SUCCESS = (("exact", FOLLOWS), ("paraphrase", FOLLOWS))
LOCALITY = (("neighborhood", SAME), ("everyday", SAME))
COSTS = ((COST, SECONDS),)
TITLES = {"counterfact": "CounterFact", "zsre": "zsRE"}
STATES = {
    "hidden": "hidden",
    "mlp": "mlp",
    "attention": "attention",
    "mlp_severed": "hidden, mlp severed",
    "attention_severed": "hidden, attention severed",
}
"""What causal tracing restores, by the names that its file may have, with how it is called."""

UNEDITED = Unedited.name
Wanted = Sequence[tuple[str, str]]


def by_edits_figure(
    sets: Mapping[str, Sequence[Row]], wanted: Wanted, *, shares: bool = True
) -> Figure:
    """Return figures of all editors by the number of edits, a plot for each set and figure.

    Args:
        sets: The rows of each set.
        wanted: Kinds and metrics that are shown.
        shares: Whether they are shares; otherwise their axis is logarithmic.
    """
    panels = _panels(sets, wanted)
    figure, axes = grid(len(panels))
    named = (row.setting["editor"] for rows in sets.values() for row in rows)
    editors = list(dict.fromkeys(named))
    shown: dict[str, Any] = {}
    for axis, (title, metric, found) in zip(axes, panels, strict=True):
        for place, editor in enumerate(editors):
            own = sorted(
                (row for row in found if row.setting["editor"] == editor),
                key=lambda row: int(row.setting["edits"]),
            )
            # Nothing takes no time, which a logarithmic axis has no place for.
            if own and (shares or editor != UNEDITED):
                shown[editor] = _line(axis, own, editor, place, around=shares)
        axis.set(title=title, xlabel="edits applied", ylabel=metric)
        axis.set(xscale="log")
        axis.set(**({"ylim": (-0.03, 1.03)} if shares else {"yscale": "log"}))
        axis.minorticks_off()
    if shown:
        figure.legend(
            list(shown.values()), list(shown), loc="outside lower center", ncols=4, fontsize="small"
        )
    return figure


def _panels(sets: Mapping[str, Sequence[Row]], wanted: Wanted) -> list[tuple[str, str, list[Row]]]:
    """Return title, metric and rows of each plot; costs of each device have one of their own."""
    panels = []
    for name, rows in sets.items():
        for kind, metric in wanted:
            found = [row for row in rows if (row.kind, row.metric) == (kind, metric)]
            title = TITLES.get(name, name)
            if kind != COST:
                panels.append((f"{title}: {kind}", metric, found))
                continue
            for device in dict.fromkeys(row.setting["device"] for row in found):
                own = [row for row in found if row.setting["device"] == device]
                panels.append((f"{title}, {device}", metric, own))
    return [panel for panel in panels if panel[2]]


def _line(axis: Any, rows: Sequence[Row], editor: str, place: int, *, around: bool) -> Any:
    edits = [row.setting["edits"] for row in rows]
    values = [row.value for row in rows]
    ends = None
    if around:
        low = [row.value - (row.value if row.low is None else row.low) for row in rows]
        high = [(row.value if row.high is None else row.high) - row.value for row in rows]
        ends = ([max(0.0, end) for end in low], [max(0.0, end) for end in high])
    style = STYLES[place % len(STYLES)]
    filled = "full" if place < len(STYLES) else "none"
    marker = MARKERS[place % len(MARKERS)]
    return axis.errorbar(
        edits, values, ends, label=editor, marker=marker, fillstyle=filled, linewidth=1, **style
    )


def tracing_figure(facts: Mapping[str, Any]) -> Figure:
    """Return the heat maps of causal tracing: the indirect effect by role of a token and layer.

    Args:
        facts: As ``causal_tracing.json`` has them: ``roles``, and for each of :data:`STATES` that
            is there a list of effects by layer for each role.
    """
    states = traced(facts)
    figure, axes = grid(len(states))
    roles = list(facts["roles"])
    for axis, (state, effects) in zip(axes, states.items(), strict=True):
        drawn = axis.imshow(effects, aspect="auto", cmap="Greys", interpolation="nearest")
        axis.set(title=state, xlabel="layer", yticks=range(len(roles)), yticklabels=roles)
        figure.colorbar(drawn, ax=axis, label="indirect effect")
    return figure


def traced(facts: Mapping[str, Any]) -> dict[str, list[list[float]]]:
    """Return the effects that a tracing has, [role][layer], by what was restored."""
    return {
        told: facts[name]
        for key, told in STATES.items()
        for name in dict.fromkeys((key, told))
        if name in facts
    }
