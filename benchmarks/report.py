"""Draws the pages of figures under ``docs/`` and the plots from the rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import plots
from benchmarks.answers_page import answers_page
from benchmarks.multi_hop_page import multi_hop_page
from benchmarks.peers.page import comparison_figures, comparison_page
from benchmarks.rows import Row, read_rows, table
from benchmarks.scope_page import FACTS, NOTES, ROC, scope_page
from memory_store.errors import ErrataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOCS = Path(__file__).parent.parent / "docs"

TITLES = {
    "counterfact": "CounterFact: 21,919 edits in memory",
    "zsre": "zsRE",
}

OPENING = """# Benchmarks

Drawn from the rows in `benchmarks/results/` by `python -m benchmarks report`; don't edit by hand.

All edits of a set are in memory at once. Where the scope classifier fires is on a page of its
own, [scope.md](scope.md), and what is said on [answers.md](answers.md). Intervals are 95%
percentile bootstraps over records, and exact ones where a share is 0 or 1. Time is measured
beside what it is compared with, in one run.
"""


def draw(folder: Path, docs: Path = DOCS) -> Iterator[Path]:
    """Write the pages and plots for the rows in a folder; yield each file once it is written.

    A page that has nothing to show without rows is not written.

    Raises:
        ErrataError: There are no rows in the folder, or there is no folder for the pages.
    """
    if not any(folder.glob("*.jsonl")):
        raise ErrataError(f"there are no rows in {folder}; name their folder with --out")
    if not docs.is_dir():
        raise ErrataError(f"there is no folder {docs}; name that of the pages with --docs")
    pages = {
        "benchmarks": page,
        "scope": scope_page,
        "answers": answers_page,
        "multi_hop": multi_hop_page,
        "comparison": comparison_page,
    }
    for name, text in ((name, drawn(folder)) for name, drawn in pages.items()):
        if text:
            file = docs / f"{name}.md"
            file.write_text(text, encoding="utf-8")
            yield file
    for name, figure in figures(folder):
        file = docs / "plots" / f"{name}.svg"
        plots.save(figure, file)
        yield file


def figures(folder: Path) -> Iterator[tuple[str, Figure]]:
    """Yield the name and figure of each plot that there are rows for."""
    if (folder / ROC).is_file():
        yield "scope_roc", plots.roc_figure(_read_json(folder / ROC))
    if (folder / FACTS).is_file():
        facts = _read_json(folder / FACTS)
        if facts["reliability"]:
            yield "scope_reliability", plots.reliability_figure(facts)
    curve = folder / "scope_curve.jsonl"
    if curve.is_file():
        yield "scope_curve", plots.curve_figure(read_rows(curve))
    yield from comparison_figures(folder)


def _read_json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def page(folder: Path) -> str:
    """Return the page of benchmarks for the rows in a folder."""
    parts = [OPENING]
    for name, title in TITLES.items():
        file = folder / f"{name}.jsonl"
        rows = read_rows(file) if file.is_file() else []
        if rows:
            parts.append(_section(title, rows))
    return "\n".join(parts)


def _section(title: str, rows: list[Row]) -> str:
    first = rows[0]
    counts = [f"{first.setting['edits_in_memory']:,} edits in memory"]
    counts += [
        f"{first.setting[key]:,} {text}" for key, text in NOTES.items() if key in first.setting
    ]
    where = f"{first.setting['machine']}; code {first.setting['code']}"
    return f"## {title}\n\n`{first.command}` ({where}). {'; '.join(counts)}.\n\n{table(rows)}\n"
