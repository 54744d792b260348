"""The command that chooses the threshold for a memory."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from memory_store.errors import ErrataError
from serac.calibration import Calibration, calibrate, forget, measured, remember
from serac.cli.options import (
    DEFAULT_MEMORY,
    DEFAULT_NAMESPACE,
    DeviceOption,
    JsonOption,
    MemoryOption,
    NamespaceOption,
    ScopeOption,
    open_memory,
    open_overlay,
    progress_bar,
    show,
)

RateOption = Annotated[
    float | None,
    typer.Option("--false-fire", help="Share of out-of-scope queries that may fire."),
]
QueriesOption = Annotated[
    Path | None,
    typer.Option(
        "--queries",
        metavar="FILE",
        help='Queries that no edit is about: text, one a line, or lines of {"query"} in a '
        ".jsonl file.",
    ),
]
ForgetOption = Annotated[
    bool, typer.Option("--forget", help="Go back to the classifier's own default.")
]


def calibrate_(
    false_fire: RateOption = None,
    queries: QueriesOption = None,
    forget_: ForgetOption = False,
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    scope: ScopeOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose the threshold for a memory.

    With your own queries it is chosen on them, but never below what the classifier was measured
    at; without, it is that one. It is kept with the memory and the namespace, and used unless
    --false-fire is given.
    """
    if forget_:
        if false_fire is not None or queries is not None:
            raise ErrataError("--forget goes without --false-fire and --queries; leave them out")
        with open_memory(memory, namespace) as opened:
            there = forget(opened)
        told = "forgotten" if there else "there was nothing to forget"
        show({"forgotten": there}, as_json, lambda: f"{told}: {_place(memory, namespace)}")
        return
    if false_fire is None:
        raise ErrataError("state a rate with --false-fire, such as 0.005, or use --forget")
    chosen, edits = _chosen(memory, namespace, queries, false_fire, scope, device)
    record = {
        **asdict(chosen.threshold.choice_at(edits)),
        "edits_in_memory": edits,
        "on_dev": queries is None,
        "follows_edits": len({choice.threshold for choice in chosen.threshold.choices}) > 1,
        "raised": chosen.raised,
        "classifier": chosen.classifier,
        "memory": str(memory),
        "namespace": namespace,
    }
    show(record, as_json, lambda: _told(record, _place(memory, namespace)))


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("calibrate")(calibrate_)


def _chosen(
    memory: Path,
    namespace: str,
    queries: Path | None,
    false_fire: float,
    scope: Path | None,
    device: str | None,
) -> tuple[Calibration, int]:
    """Choose and remember a threshold; return it with the number of edits in memory."""
    from serac.query_files import read_query_texts

    texts = None if queries is None else read_query_texts(queries)
    with open_overlay(memory, namespace, scope=scope, device=device) as overlay:
        if texts is None:
            chosen = measured(overlay.scorer, false_fire)
        else:
            with progress_bar("judging", len(texts)) as advance:
                chosen = calibrate(overlay, texts, false_fire, advance)
        remember(overlay.memory, chosen)
        return chosen, len(overlay.memory)


def _place(memory: Path, namespace: str) -> str:
    return f"{memory}, namespace {namespace}"


def _told(record: dict[str, Any], place: str) -> str:
    where = "on dev" if record["on_dev"] else "observed"
    lines = [
        f"threshold {record['threshold']:.4f} for a false-fire rate of {record['false_fire']:g}; "
        f"edits in memory: {record['edits_in_memory']:,}",
        f"{where} {record['observed']:.3%} ({record['low']:.3%} – {record['high']:.3%}), "  # noqa: RUF001
        f"n = {record['queries']:,}",
    ]
    if record["follows_edits"]:
        lines.append("it rises with the number of edits, as the classifier was measured")
    if record["raised"]:
        lines.append("your queries allow a lower one; this is what was measured for the rate")
    return "\n".join([*lines, f"now used for {place}"])
