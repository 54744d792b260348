"""Draws ``docs/comparison.md`` from the rows of ``python -m benchmarks peers``."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.evaluation import FOLLOWS, GENERAL, NLL, SAME
from benchmarks.peers.figures import (
    COSTS,
    LOCALITY,
    SUCCESS,
    TITLES,
    UNEDITED,
    by_edits_figure,
    traced,
    tracing_figure,
)
from benchmarks.peers.running import COST, RESTORED
from benchmarks.rows import Row, interval, number, read_rows
from benchmarks.scope_page import pivot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRACING = "causal_tracing.json"

DESCRIBED = {
    "overlay": "overlay",
    "SERAC's rule": "serac_rule",
    "IKE, no router": "ike",
    "plain RAG": "rag",
    "prompt stuffing": "stuffing",
    "FT": "fine_tuning",
    "FT+L": "fine_tuning",
    "ROME": "rome",
    "MEND": "mend",
}
"""The module that describes each editor."""

OPENING = """# Editors side by side

Drawn from the rows in `benchmarks/results/` by `python -m benchmarks report`; don't edit by hand.

Every editor gets the same edits of the same base model, the embedded SmolLM2-135M-Instruct, in
the same order; the seed fixes it. With one edit at a time each edit is applied to the unedited
model, asked about, and taken back; with more, all of them are applied, and a sample of their cases
is asked: the first n of one order, so that editors with the same n are asked the same queries.
Prompts are plain text that the model continues, and a cloze of CounterFact is continued as it
stands: so figures differ from those on
[answers.md](answers.md), where the base model is asked in its chat format. Answers are decoded
greedily; one *follows the edit* if it holds the new object and not the old one, case and
punctuation folded.

- ES, PS and NS are ROME's scores (Meng et al., NeurIPS 2022): the share of exact prompts and of
  paraphrases after which the new object is likelier than the old one, and of neighbourhood prompts
  after which the old one is; S is their harmonic mean. EM, PM and NM are the mean differences of
  the probabilities (of the mean log-probability a token).
- *Same text as unedited* is locality: the share of out-of-scope queries after which the edited
  model writes exactly what the unedited one does. Neighbourhood prompts whose subject and relation
  are edited themselves are left out. Of editors whose answer ends with its line (IKE), or that have
  their facts in every prompt, next to no text can be the same; NS says how they do otherwise.
- GE is the entropy of bigrams and trigrams of a longer text about the subject, its beginning
  included. It falls where a model repeats itself, and also where it writes little, as a
  counterfactual model does that answers with a name: the words written stand beside it.
- *Held text* is prose of our own writing, read from its first sentence on.
- *MiB more in use at the peak* is measured while edits are applied: on a GPU what is allocated on
  it, else what the process holds. *MiB kept* is what has to be kept for the edits: text, with
  vectors where they are kept, or the weights that changed. *Seconds to get ready* is spent once a
  model, as for ROME's second moments; what MEND's training took is not in it.
- *Undone bit for bit* says how often, once edits were taken back, all weights and the logits of
  some probes were what they were before; editors of prompts never touch them. *Seconds a query* is
  the time of 16 that are answered together, over 16.
- Costs can be compared between editors that ran on the same device alone, so each device has a
  table of its own.

None of the editors was tuned for this model, or trained, beyond what is said of it below. Intervals
are 95% percentile bootstraps over records, and exact ones where a share is 0 or 1; they don't tell
how much another draw of the edits that are applied together would change. An editor without a
column, or a number of edits without a table, has not been run yet.
"""


def comparison_page(folder: Path) -> str:
    """Return the page for the rows in a folder; empty where there are none."""
    sets = rows_of(folder)
    tracing = _tracing(folder)
    if not sets and tracing is None:
        return ""
    parts = [OPENING]
    if sets:
        parts.append(_editors(sets))
    for name, rows in sets.items():
        parts += list(_set(name, rows))
    if sets:
        parts.append(_plots())
    if tracing is not None:
        parts.append(_traced(tracing))
    return "\n".join(parts)


def comparison_figures(folder: Path) -> Iterator[tuple[str, Figure]]:
    """Yield the name and figure of each plot of the comparison that there are rows for."""
    sets = rows_of(folder)
    if sets:
        yield "comparison_success", by_edits_figure(sets, SUCCESS)
        yield "comparison_locality", by_edits_figure(sets, LOCALITY)
        yield "comparison_cost", by_edits_figure(sets, COSTS, shares=False)
    tracing = _tracing(folder)
    if tracing is not None:
        yield "causal_tracing", tracing_figure(tracing)


def rows_of(folder: Path) -> dict[str, list[Row]]:
    """Return the rows of each set, the editors in the order of the tables."""
    found = {}
    for name in TITLES:
        file = folder / f"peers_{name}.jsonl"
        if file.is_file():
            order = [UNEDITED, *DESCRIBED]
            found[name] = sorted(
                read_rows(file),
                key=lambda row: (
                    int(row.setting["edits"]),
                    order.index(row.setting["editor"]) if row.setting["editor"] in order else 99,
                ),
            )
    return {name: rows for name, rows in found.items() if rows}


def _tracing(folder: Path) -> dict[str, Any] | None:
    file = folder / TRACING
    if not file.is_file():
        return None
    read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return read


def _editors(sets: Mapping[str, Sequence[Row]]) -> str:
    """Describe the editors that there are rows of, in the words of their modules."""
    there = {row.setting["editor"] for rows in sets.values() for row in rows}
    modules: dict[str, list[str]] = {}
    for editor, module in DESCRIBED.items():
        if editor in there and (Path(__file__).with_name(f"{module}.py")).is_file():
            modules.setdefault(module, []).append(editor)
    lines = ["## The editors\n"]
    for module, editors in modules.items():
        source = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
        told = " ".join((ast.get_docstring(ast.parse(source)) or "").split())
        lines.append(f"- **{', '.join(editors)}**: {told.replace('``', '`')}")
    return "\n".join([*lines, ""])


def _set(name: str, rows: Sequence[Row]) -> Iterator[str]:
    yield f"## {TITLES[name]}\n"
    yield f"{_made_by(rows)}\n"
    yield "\n".join(f"- {told}" for told in seen(rows)) + "\n"
    for size in dict.fromkeys(row.setting["edits"] for row in rows):
        own = [row for row in rows if row.setting["edits"] == size]
        dropped = max(row.setting.get("out_of_scope_dropped", 0) for row in own)
        yield f"### {own[0].setting['memory']}\n"
        if dropped:
            yield f"Neighbourhood prompts left out: {dropped:,}.\n"
        shown = [row for row in own if (row.kind, row.metric) != (GENERAL, NLL)]
        first = [row for row in shown if row.kind != COST]
        order = ("all", "exact", "paraphrase", "neighborhood", "one hop")
        first.sort(key=lambda row: order.index(row.kind) if row.kind in order else len(order))
        yield _table(first)
        costs = [row for row in shown if row.kind == COST]
        devices = dict.fromkeys(row.setting["device"] for row in costs)
        for device in devices:
            if len(devices) > 1:
                yield f"On {device}:\n"
            yield _table([row for row in costs if row.setting["device"] == device])


def _table(rows: Sequence[Row]) -> str:
    """Return a table with a column for each editor; each cell has its n where they differ."""
    counts: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        counts.setdefault((row.kind, row.metric), set()).add(row.n)
    alike = all(len(found) == 1 for found in counts.values())
    return pivot(rows, _editor, counted=alike) + "\n"


def _editor(row: Row) -> str:
    return str(row.setting["editor"])


def seen(rows: Sequence[Row]) -> list[str]:
    """Return sentences of what the rows of a set show, each made of their figures."""
    sizes = sorted({int(row.setting["edits"]) for row in rows})
    figures = {(_editor(row), int(row.setting["edits"]), row.kind, row.metric): row for row in rows}
    told = []
    editors = {n: {editor for editor, size, *_ in figures if size == n} for n in sizes}
    most = max(map(len, editors.values()))
    many = [n for n in sizes if 2 * len(editors[n]) > most]  # how they compare, not one alone
    for size in dict.fromkeys((sizes[0], many[-1], sizes[-1])):
        memory = next(row.setting["memory"] for row in rows if row.setting["edits"] == size)
        for kind, metric, what in (
            ("all", "S", "S"),
            ("paraphrase", FOLLOWS, "the share of paraphrases answered by the edit"),
            ("neighborhood", SAME, "the share of neighbourhood prompts answered as ever"),
        ):
            found = [
                row
                for (editor, n, *of), row in figures.items()
                if n == size and of == [kind, metric] and editor != UNEDITED
            ]
            if found:
                told.append(f"With {memory}, {what} is {_ranked(found)}.")
    back = [row for row in rows if (row.kind, row.metric) == (COST, RESTORED)]
    failed = sorted({_editor(row) for row in back if row.value < 1})
    if back:
        told.append(
            f"Not undone bit for bit, at least once: {', '.join(failed)}."
            if failed
            else "Every editor's edits were undone bit for bit, each time."
        )
    return told


def _ranked(rows: Sequence[Row]) -> str:
    ordered = sorted(rows, key=lambda row: -row.value)
    named = [
        f"{number(row.value)}{f' ({interval(row)})' if interval(row) else ''} for {_editor(row)}"
        for row in ordered
    ]
    return ", ".join(named)


def _made_by(rows: Sequence[Row]) -> str:
    """Say by which commands and where the rows were made, and which editors' with how many edits.

    The options ``--only`` and ``--sizes``, which name these two, are left out of the commands.
    """
    runs: dict[str, dict[str, dict[str, None]]] = {}
    for row in rows:
        command = re.sub(r" --(only|sizes) \S+", "", row.command)
        where = f"{row.setting['device']}; {row.setting['machine']}; code {row.setting['code']}"
        models = [
            f"; {name.replace('_', ' ')} {row.setting[name]}"
            for name in ("scope_classifier", "counterfactual_model", "mend")
            if name in row.setting
        ]
        run = f"`{command}` (seed {row.seed}; {where}{''.join(models)})"
        sizes = runs.setdefault(run, {}).setdefault(_editor(row), {})
        sizes[f"{row.setting['edits']:,}"] = None
    return "\n\n".join(f"{run}: {_parts(editors)}." for run, editors in runs.items())


def _parts(editors: Mapping[str, Mapping[str, None]]) -> str:
    return "; ".join(f"{name} with {', '.join(sizes)}" for name, sizes in editors.items())


def _plots() -> str:
    shown = (
        ("comparison_success", "how often answers follow the edit, by number of edits"),
        ("comparison_locality", "how often other answers stay as they are, by number of edits"),
        ("comparison_cost", "seconds an edit takes, by number of edits"),
    )
    pictures = "\n\n".join(f"![{told}](plots/{name}.svg)" for name, told in shown)
    return f"## By number of edits\n\n{pictures}\n"


def _traced(facts: Mapping[str, Any]) -> str:
    """Say what causal tracing found, and show its heat maps."""
    lines = [
        "## Where facts are recalled: causal tracing\n",
        "The subject's tokens are read with noise, one state at a time is put back as it was "
        "without, and the indirect effect is how much likelier the object becomes (Meng et al., "
        f"NeurIPS 2022). Mean over {facts['n']:,} facts that the unedited model knows; seed "
        f"{facts['seed']}; `{facts['command']}`.\n",
    ]
    window = facts.get("window")
    if window:
        lines[-1] = lines[-1].rstrip() + (
            f" Of MLPs and attentions those of {window} blocks around each are put back together, "
            "so a maximum may be the work of a neighbour, and blocks near the first have fewer "
            "neighbours. No interval is kept of single effects.\n"
        )
    roles = list(facts["roles"])
    for state, by_role in traced(facts).items():
        best = max(
            (value, role, layer)
            for role, effects in enumerate(by_role)
            for layer, value in enumerate(effects)
        )
        lines.append(
            f"- *{state}*: greatest at {roles[best[1]]}, layer {best[2]}: {number(best[0])}."
        )
    lines.append("\n![heat maps of the indirect effects](plots/causal_tracing.svg)\n")
    return "\n".join(lines)
