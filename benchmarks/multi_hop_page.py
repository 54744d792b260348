"""Draws ``docs/multi_hop.md`` from the rows of ``mquake`` and ``decompositions``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.mquake import AS_IT_IS, AS_MANY, H_ACC, M_ACC, MEAN, NO_EDIT, SETTINGS
from benchmarks.mquake_hops import RIGHT
from benchmarks.multi_hop_decompositions import AS_MANY as RIGHT_NUMBER
from benchmarks.multi_hop_decompositions import EQUIVALENT, SINGLE
from benchmarks.rows import Row, interval, number, read_rows
from benchmarks.single_hop import FIGURES as SINGLE_HOP_FIGURES

OPENING = """# Multi-hop questions

Drawn from the rows in `benchmarks/results/` by `python -m benchmarks report`; don't edit by hand.
What goes wrong, read by eye, is in [multi_hop_errors.md](multi_hop_errors.md).

A question is taken apart by the decomposer, and each hop is asked on its own: of an edit where two
scope classifiers of hops both put it in scope, or the first the whole question too, and of the
base model otherwise. The cases are of MQuAKE-CF-3k's test split, which nothing was trained on: a
sample drawn by the seed, each number of hops in its share, each case in three wordings. *M-Acc*
counts a case if the answer to any wording is the gold one or an alias of it, but for case,
punctuation and a leading article; beside it stands the mean over wordings. *H-Acc* counts it if,
for some wording, there are as many hops as gold and the answer to each is right, in order. A
question that the gate or the decomposer takes for one of a single hop, or whose loop ends without
an answer, is asked as it is. Intervals are 95% percentile bootstraps over cases, and exact ones
where a share is 0 or 1.

What answers where no edit does: the *knowing* base has the unedited hops of all asked cases as
facts and stands for a model that knows them, which is what MQuAKE assumes; *embedded* is
SmolLM2-135M-Instruct; *taught* is the same with an adapter that was taught those facts, and has to
recall them in the decomposer's wording.
"""

EDITED = """The edits in memory are the case's own; those of a group of cases that have about 100 or
1,000 together; or all of the set. `masked_edit_ids` are edits of other cases that sit on a case's
own path and would make another answer right (MQuAKE-Remastered's fix); they are hidden while it is
asked, but in the last setting.
"""

UNEDITED = """The same questions, asked while the case's own edits and its masked ones are hidden:
the old answer is right. Of a question none of whose hops is edited the overlay gives the base
model's own answer; M-Acc is here that of the hops' answers.
"""

BASES = """How many of the hops that no edit of their case answers a base knows, asked as the data
word them, and as the decomposer does where its plan has as many steps as gold.
"""

PEERS = """On the same cases, the same base (embedded) and the same memory, greedily. MeLLo has the
published form, with demonstrations of our own and the embedded encoder: the nearest edit is
put before the model whatever it says, and the model decides. After four calls, the published
number, a question of four hops has no final answer yet; five are reported beside it. IKE has the
four edits nearest to the question in one prompt.
"""

DECOMPOSED = """Questions of the dev parts of MuSiQue and 2WikiMultihopQA; the decomposer is fitted
on other records of both. A chain is *equivalent* if its steps, asked of a base that knows the hops
of all sampled records, give the data's answers hop by hop; hops that don't need each other may come
in either order. A last step that compares two answers (2Wiki) is not counted as a hop.

The base takes a step for the nearest hop about what it names, by their wordings without the name,
and where it finds none by their wordings as a whole; hops that the data give as a relation's label
have questions of our own. Its floors were chosen on 150 records of MuSiQue (those after the first
200 in the order of seed 0), whose plans by an earlier decomposer had 192 steps in other words than
the data's. Those were read by eye: it takes 92 of the 103 that ask for the hop (82 - 95%), and 21
of the 89 that don't quite. Of those records' chains it finds 53 equivalent, the reader 55, and both
45.

Records of 2Wiki whose question doesn't name what its triples do are left out.
"""

SINGLE_HOP = """Questions of one hop with the multi-hop route on, all edits of the set in memory.
Some pass the gate, few are taken apart, and only where an edit answers a hop the route is taken;
what is lost is the difference to the route being off, negative where it wins.
"""


def multi_hop_page(folder: Path) -> str:
    """Return the page for the rows in a folder; nothing where there are none."""
    parts = {name: _rows(folder / f"mquake_{name}.jsonl") for name in (*SETTINGS, "hops", "peers")}
    taken_apart = _rows(folder / "decompositions.jsonl")
    settings = [row for name in SETTINGS if name != "unedited" for row in parts[name]]
    by_kind = [row for row in parts["all"] if not row.kind.endswith(": all")]
    sections = (
        (
            "Edited questions, by what is in memory",
            EDITED,
            [row for row in settings if row.kind == "edited: all"],
            ("memory", "base"),
            (M_ACC, MEAN, H_ACC, AS_MANY, AS_IT_IS),
        ),
        (
            "Edited questions, by hops and edits",
            f"With all edits in memory: {SETTINGS['all']}.\n",
            by_kind,
            ("kind", "base"),
            (M_ACC, MEAN, H_ACC, AS_MANY),
        ),
        (
            "Unedited questions",
            UNEDITED + _left_out(parts["unedited"], "cases of the split have another edit there"),
            parts["unedited"],
            ("kind", "base"),
            (M_ACC, MEAN, H_ACC, NO_EDIT, AS_MANY),
        ),
        ("What the bases know", BASES, parts["hops"], ("kind", "base"), (RIGHT,)),
        (
            "Beside others",
            PEERS,
            parts["peers"],
            ("answerer",),
            (M_ACC, MEAN, H_ACC, AS_MANY),
        ),
        (
            "How questions are taken apart",
            DECOMPOSED + _left_out(taken_apart, "records of 2Wiki's dev part are such"),
            taken_apart,
            ("kind",),
            (RIGHT_NUMBER, EQUIVALENT, SINGLE),
        ),
        (
            "What single-hop questions lose",
            SINGLE_HOP,
            _rows(folder / "single_hop.jsonl"),
            ("kind",),
            SINGLE_HOP_FIGURES,
        ),
    )
    drawn = [_section(*section) for section in sections if section[2]]
    return "\n".join([OPENING, *drawn]) if drawn else ""


def _section(
    title: str, text: str, rows: Sequence[Row], keys: Sequence[str], figures: Sequence[str]
) -> str:
    return f"## {title}\n\n{text}\n{_table(rows, keys, figures)}\n\n{_made(rows)}\n"


def _table(rows: Sequence[Row], keys: Sequence[str], figures: Sequence[str]) -> str:
    """Return a line for each combination of keys, with the figures side by side."""
    found: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in rows:
        found.setdefault(tuple(_key(row, key) for key in keys), {})[row.metric] = row
    heads = [*("questions" if key == "kind" else key for key in keys), *figures, "n"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for names, of_names in found.items():
        cells = [_cell(of_names.get(figure)) for figure in figures]
        n = next((of_names[figure].n for figure in figures if figure in of_names), 0)
        lines.append(f"| {' | '.join([*names, *cells])} | {n:,} |")
    return "\n".join(lines)


def _key(row: Row, key: str) -> str:
    return row.kind if key == "kind" else str(row.setting.get(key, ""))


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    between = interval(row)
    return f"{number(row.value)} ({between})" if between else number(row.value)


def _made(rows: Iterable[Row]) -> str:
    """Return what made the rows: commands, and the parts they were made with."""
    told = []
    for row in {row.command: row for row in rows}.values():
        names = (
            "scope_classifier",
            "hop_classifier",
            "second_classifier",
            "counterfactual_model",
            "decomposer",
            "taught_base",
        )
        parts = [str(row.setting[name]) for name in names if name in row.setting]
        where = f"seed {row.seed}; {row.setting['machine']}; code {row.setting['code']}"
        told.append(f"`{row.command}` ({'; '.join([where, *parts])})")
    return "Made by " + ", ".join(told) + "."


def _left_out(rows: Sequence[Row], what: str) -> str:
    counted = [row.setting for row in rows if row.setting.get("left_out")]
    if not counted:
        return ""
    of = f" of {counted[0]['of']:,}" if "of" in counted[0] else ""
    return f"{counted[0]['left_out']:,}{of} {what} and are left out.\n"


def _rows(file: Path) -> list[Row]:
    return read_rows(file) if file.is_file() else []
