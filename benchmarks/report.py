"""Draws ``docs/benchmarks.md`` from the rows."""

from __future__ import annotations

from pathlib import Path

from benchmarks.rows import Row, read_rows, table

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"

TITLES = {
    "counterfact": "CounterFact: 21,919 edits in memory",
    "zsre": "zsRE",
    "knowedit_zsre": "KnowEdit: zsRE",
    "wiki_counterfact": "KnowEdit: wiki_counterfact, the dev part held back from training",
    "wiki_recent": "KnowEdit: wiki_recent",
}

NOTES = {
    "out_of_scope_dropped": "out-of-scope prompts left out: they are in the scope of another edit "
    "in memory",
    "edits_of_unknown_relation": "edits whose relation no full record names",
    "prompts_in_several_edits": "prompts that stand in several edits with different objects; a "
    "fire on any of them is right",
}

OPENING = """# Benchmarks

Drawn from the rows in `benchmarks/results/` by `python -m benchmarks report`; don't edit by hand.

All edits of a set are in memory at once. The router sees the query alone, never the answer.
Thresholds come from dev data (see the [model
card](../classifiers/artifacts/similarity/README.md)), for a stated false-fire rate on
neighbourhood prompts; 5% is the default. *Fires on the right edit* means that the likeliest
edit is a right one and reaches the threshold. An answer *follows the edit* if it holds the new
object and not the old one, case and punctuation folded; it is generated freely by the embedded
model, on cases drawn by the seed. Intervals are 95%
percentile bootstraps over records, and exact ones where a share is 0 or 1. Time is measured
beside what it is compared with, in one run.
"""


def page(folder: Path) -> str:
    """Return the page for the rows in a folder."""
    parts = [OPENING]
    for name, title in TITLES.items():
        file = folder / f"{name}.jsonl"
        if file.is_file():
            parts.append(_section(title, read_rows(file)))
    return "\n".join(parts)


def _section(title: str, rows: list[Row]) -> str:
    first = rows[0]
    counts = [f"{first.setting['edits_in_memory']:,} edits in memory"]
    counts += [
        f"{first.setting[key]:,} {text}" for key, text in NOTES.items() if key in first.setting
    ]
    where = f"{first.setting['machine']}; code {first.setting['code']}"
    return f"## {title}\n\n`{first.command}` ({where}). {'; '.join(counts)}.\n\n{table(rows)}\n"
