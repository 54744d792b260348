"""Draws ``docs/scope.md`` from the rows of ``python -m benchmarks scope`` and ``backends``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, interval, number, read_rows, table
from benchmarks.scored import DOUBTFUL, RIGHT, WRONG
from classifiers import CrossEncoderScorer
from serac.hop_scope import FIRST_OF_HOPS

LISTED = "right edit on the shortlist"
FACTS, ROC = "scope_facts.json", "scope_roc.json"

TITLES = {
    "counterfact": "CounterFact",
    "zsre": "zsRE",
    "knowedit_zsre": "KnowEdit: zsRE",
    "wiki_counterfact": "KnowEdit: wiki_counterfact, the dev part held back from training",
    "wiki_recent": "KnowEdit: wiki_recent, the dev part held back from training",
    "mquake": "MQuAKE: the hops of the test cases, each asked on its own",
}

NOTES = {
    "out_of_scope_dropped": "out-of-scope prompts left out: they are in the scope of an edit in "
    "memory",
    "edits_of_unknown_relation": "edits whose relation no full record names",
    "prompts_in_several_edits": "prompts that stand in several edits; a fire on any of them is "
    "right",
    "records_of_several_edits": "test records whose subject and relation several edits have; a "
    "fire on any of them is right",
}

OPENING = """# Does an edit apply?

Drawn from the rows in `benchmarks/results/` by `python -m benchmarks report`; don't edit by hand.
What goes wrong, read by eye, is in [scope_errors.md](scope_errors.md).

All edits of a set are in memory at once. The router sees the query alone, never the answer.
*Fires on the right edit* means that the likeliest edit is a right one and reaches the threshold;
*fires on a wrong edit*, that it reaches it and is another one. Thresholds were chosen on dev for
a stated false-fire rate and the number of edits in memory: the lowest at which no kind of
out-of-scope query on dev exceeds the rate (the similarity classifier's on dev's neighbours alone,
for any number); the model card of the classifier, under `classifiers/artifacts/`, says how. The
two sets called a dev part were held back from fitting, but are among what training was stopped
and calibrated by and thresholds were chosen on, so their false fires say little; all others are
test sets. Intervals are 95% percentile bootstraps over records, and exact ones where a share is 0
or 1.

A neighbourhood prompt of CounterFact is out of scope only if no edit in memory has its subject
and relation. The list of all edits names no relations; they follow from the wording, and an edit
whose wording stands for several ("... is located in": the country, the continent, the town) has
all of them, since nothing in the text would tell the prompt from the edit's own.

Some queries that their data sets file as out of scope mostly ask for what an edit says. They
stand on lines of their own, *near_synonym*, *same_answer* and *everyday_same_answer*, and
together with the others as their sets have them; by which rules, and that the rules were made
after errors had been read, is said in [data.md](data.md).

*Facts of our own* are edits and single questions as users write them, with near ones that no edit
answers. There the classifier stands also as it was after its first training, on data sets alone.

The other columns are run on the same queries with the same memory:

- *similarity*: the first classifier of this project, over similarity features, through the same
  router at its own default rate.
- *SERAC's rule* (Mitchell et al., ICML 2022): the edit nearest to the whole query fires if
  exp(-d²) is at least 0.5, for the distance d of the unit vectors. Theirs is an encoder trained
  for this; here it is the embedded one.
- *cosine*: the nearest edit fires above the cosine that has the best balanced accuracy on dev.
- *MeLLo's retrieval* (Zhong et al., EMNLP 2023): the nearest edit always fires. In MeLLo the
  language model is then asked whether it contradicts its own answer; that step is not run here.
"""


def scope_page(folder: Path) -> str:
    """Return the page for the rows in a folder."""
    parts = [OPENING]
    for name, title in TITLES.items():
        parts += _of(folder / f"scope_{name}.jsonl", partial(_set, title))
    parts += _of(folder / "scope_own_facts.jsonl", _own_facts)
    if (folder / ROC).is_file():
        parts.append(_plot("ROC curves of every set", "scope_roc", "ROC curves"))
    parts += _of(folder / "scope_curve.jsonl", _curve)
    if (folder / FACTS).is_file():
        parts.append(_reliability(json.loads((folder / FACTS).read_text(encoding="utf-8"))))
    parts += _of(folder / "scope_speed.jsonl", partial(_plain, "Time to decide"))
    parts += _of(folder / "backends.jsonl", _backends)
    return "\n".join(parts)


def _of(file: Path, draw: Callable[[list[Row]], str]) -> list[str]:
    return [draw(read_rows(file))] if file.is_file() else []


def _set(title: str, rows: list[Row]) -> str:
    default = [row for row in rows if row.setting.get("default")]
    stated = [
        row for row in rows if "stated" in row.setting and row.setting["method"] == _own(rows)
    ]
    stated = [row for row in stated if not row.metric.startswith(WRONG)]
    listed = [row for row in rows if row.metric == LISTED]
    rate = next(row.setting["stated"] for row in default if row.setting["method"] == _own(rows))
    return "\n".join(
        [
            f"## {title}\n",
            _made_by(rows) + "\n",
            f"Each method at its default; the {_own(rows)}'s is the {rate:.1%} stated.\n",
            pivot(default, lambda row: str(row.setting["method"])),
            f"\nThe {_own(rows)} at each stated rate, and whether it got to see a right edit.\n",
            pivot(
                [*stated, *listed],
                lambda row: LISTED if row.metric == LISTED else f"{row.setting['stated']:.1%}",
                lambda row: RIGHT if row.metric == LISTED else _figure(row),
            ),
            "",
        ]
    )


def _own(rows: Sequence[Row]) -> str:
    """Return the name of the method that was measured: its kind stands in its fingerprint."""
    return str(rows[0].setting["scope_classifier"]).split("@")[0]


def _figure(row: Row) -> str:
    return row.metric.split(",")[0]


def _curve(rows: list[Row]) -> str:
    lines = [
        "## The number of edits in memory\n",
        _made_by(rows) + "\n",
        "The edits and cases of CounterFact's test records, with ever more edits beside them. Up "
        "to 1,000 edits all are of test records, drawn by the seed, in several memories up to 100; "
        "larger memories hold those of all test records. Everyday questions are the same sample "
        "at each size.\n",
    ]
    own = [
        row
        for row in rows
        if row.setting["method"] == _own(rows)
        and row.setting["default"]
        and row.kind not in DOUBTFUL
    ]
    lines.append(pivot(own, _edits, counted=False))
    picture = _plot(None, "scope_curve", "how often each method fires, by number of edits")
    return "\n".join([*lines, "", picture])


def _edits(row: Row) -> str:
    count = row.setting["edits_in_memory"]
    return f"{count:,} edit{'s' * (count != 1)}"


def _reliability(facts: dict[str, Any]) -> str:
    error = facts["expected_calibration_error"]
    if not facts["reliability"] or error is None:
        return ""
    told = (
        f"Stated probabilities of `{facts['scope_classifier']}` against the share of pairs in "
        "scope, on dev pairs that the calibration was not fitted on; the numbers count pairs. "
        f"Expected calibration error: {error:.4f}.\n"
    )
    picture = _plot(None, "scope_reliability", "reliability curve")
    return f"## Are its probabilities true\n\n{told}\n{picture}"


def _own_facts(rows: list[Row]) -> str:
    drawn = pivot(rows, lambda row: str(row.setting["method"]))
    return f"## Facts of our own, asked for as users do\n\n{_made_by(rows)}\n\n{drawn}\n"


def _plain(title: str, rows: list[Row]) -> str:
    return f"## {title}\n\n{_made_by(rows)}\n\n{table(rows)}\n"


def _backends(rows: list[Row]) -> str:
    missing = rows[0].setting["not_installed"]
    told = f" Not installed: {', '.join(missing)}." if missing else ""
    return (
        f"## Runtimes and precisions\n\n{_made_by(rows)} Pairs of our own wordings, judged by each "
        f"in turn; OpenVINO chooses its own precision.{told}\n\n{table(rows)}\n"
    )


def _plot(title: str | None, name: str, told: str) -> str:
    return (f"## {title}\n\n" if title else "") + f"![{told}](plots/{name}.svg)\n"


def _made_by(rows: Sequence[Row]) -> str:
    """Say by which command, where and from what the rows were made."""
    first = rows[0].setting
    commands = ", ".join(f"`{command}`" for command in dict.fromkeys(row.command for row in rows))
    told = f"{commands} ({first['machine']}; code {first['code']}; `{first['scope_classifier']}`)."
    counts = [f"{first[key]:,} {text}" for key, text in NOTES.items() if key in first]
    if first["scope_classifier"] == _first_training():
        counts.insert(0, "the classifier as it was after its first training")
    if "edits_in_memory" in first and "memories" not in first:
        counts.insert(0, f"{first['edits_in_memory']:,} edits in memory")
    return f"{told} {'; '.join(counts)}." if counts else told


@cache
def _first_training() -> str:
    """Return the fingerprint of the classifier as it was after its first training."""
    return CrossEncoderScorer.load(FIRST_OF_HOPS).fingerprint


def pivot(
    rows: Iterable[Row],
    column: Callable[[Row], str],
    figure: Callable[[Row], str] = _figure,
    *,
    counted: bool = True,
) -> str:
    """Return a Markdown table: a line for each kind of case and figure, a column for each method.

    Args:
        rows: The rows.
        column: Name of a row's column.
        figure: What a row is about; rows of one line share it.
        counted: Whether all rows of a line have one n, which is shown once; otherwise each cell
            shows its own.
    """
    lines: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        lines.setdefault((row.kind, figure(row)), {})[column(row)] = row
    columns = list(dict.fromkeys(name for found in lines.values() for name in found))
    heads = ["queries", "figure", *(["n"] if counted else []), *columns]
    drawn = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for (kind, name), found in lines.items():
        n = [f"{next(iter(found.values())).n:,}"] if counted else []
        cells = [_cell(found.get(one), counted=not counted) for one in columns]
        drawn.append(f"| {' | '.join([kind, name, *n, *cells])} |")
    return "\n".join(drawn)


def _cell(row: Row | None, *, counted: bool = False) -> str:
    """Return a figure with its interval, and with its n where that is asked for."""
    if row is None:
        return ""
    around = [interval(row)] if interval(row) else []
    around += [f"n = {row.n:,}"] if counted else []
    return f"{number(row.value)} ({'; '.join(around)})" if around else number(row.value)
