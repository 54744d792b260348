"""``python -m benchmarks own_facts``: what fires on single questions as users ask them.

The edits of all of our own facts are in memory at once; each classifier decides about every query.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.own import Fact, own_facts
from benchmarks.rows import RESULTS, Rows
from benchmarks.told import keep
from classifiers import ScopeScorer, Threshold, load_scope_classifier
from classifiers.lora_training import check_out
from memory_store import EditMemory, SentenceTransformerEncoder
from serac.cli.options import err
from serac.conversation import Turn
from serac.query_rewriting import load_rewritten_scope
from serac.router import Router

NAME = "scope_own_facts"
COMMAND = "python -m benchmarks own_facts"
RIGHT, WRONG, NEAR = "fires on the right edit", "fires on a wrong edit", "fires on any edit"

OutOption = Annotated[Path, typer.Option("--out", help="Folder of the rows.")]


@dataclass(frozen=True, slots=True)
class Decided:
    """A query, and what an edit in memory says of it.

    Attributes:
        fact: Number of its fact.
        query: The query.
        own: Text of the edit that answers it; ``None`` where none does.
        fired: Text of the edit that fires first, if any does.
    """

    fact: int
    query: str
    own: str | None
    fired: str | None


def decide(router: Router, facts: Sequence[Fact]) -> list[Decided]:
    """Return what a router decides about each query of the facts.

    Args:
        router: Its memory holds the facts' edits.
        facts: The facts.
    """
    asked = [
        (number, query, fact.edit if query in fact.asks else None)
        for number, fact in enumerate(facts)
        for query in (*fact.asks, *fact.others)
    ]
    decisions = router.decide_many([(Turn("user", query),) for _, query, _ in asked])
    return [
        Decided(*one, decision.edits[0].text if decision.in_scope else None)
        for one, decision in zip(asked, decisions, strict=True)
    ]


def add_rows(rows: Rows, decided: Sequence[Decided], judge: str) -> None:
    """Add the shares of queries that fire, over facts.

    Args:
        rows: Where rows go.
        decided: What was decided.
        judge: Name of the classifier that did.
    """
    answered = [one for one in decided if one.own is not None]
    near = [one for one in decided if one.own is None]
    for metric, among, fires in (
        (RIGHT, answered, [one.fired == one.own for one in answered]),
        (WRONG, answered, [one.fired not in (None, one.own) for one in answered]),
        (NEAR, near, [one.fired is not None for one in near]),
    ):
        kind = "answered by an edit" if among is answered else "near, not answered"
        rows.add(kind, f"{metric}, {judge}", fires, groups=[one.fact for one in among])


def own_facts_command(out: OutOption = RESULTS) -> None:
    """What fires on single questions of our own facts, by classifier."""
    check_out(out)
    encoder = SentenceTransformerEncoder.embedded()
    facts, trained = own_facts(), load_scope_classifier(encoder)
    rewritten = load_rewritten_scope()
    judges: dict[str, tuple[ScopeScorer, float | Threshold]] = {
        "scope classifier": (trained, trained.threshold_for()),
        "classifier of rewritten turns": (rewritten.scorer, rewritten.threshold),
    }
    rows = Rows(
        NAME,
        0,
        COMMAND,
        edits_in_memory=len(facts),
        scope_classifier=trained.fingerprint,
        rewritten_scope=rewritten.fingerprint,
    )
    told: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        EditMemory.open(Path(folder) / "facts.db", encoder) as memory,
    ):
        for fact in facts:
            memory.add(fact.edit)
        for judge, (scorer, threshold) in judges.items():
            router = Router(memory, scorer, threshold, recall_floor=trained.recall_floor)
            decided = decide(router, facts)
            add_rows(rows, decided, judge)
            told += [{"judge": judge, **asdict(one)} for one in decided]
    keep(told, out, NAME)
    file = rows.write(out)
    for row in rows.rows:
        ends = f"({row.low:.3f} - {row.high:.3f})"
        typer.echo(f"{row.kind:<20} {row.metric:<54} {row.value:.3f} {ends}")
    err.print(f"rows in {file}")
