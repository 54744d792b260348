"""``python -m benchmarks own_facts``: what fires on single questions as users ask them.

The edits of all of our own facts are in memory at once; each classifier, and the rules of others,
decide about every query.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.baselines import MELLO, SERAC, SERAC_COSINE
from benchmarks.own import Fact, own_facts
from benchmarks.rows import RESULTS, Rows
from benchmarks.told import keep
from classifiers import ARTIFACTS, TrainedScorer, load_scope_classifier
from classifiers.lora_training import check_out
from memory_store import EditMemory, SentenceTransformerEncoder
from serac.cli.options import err
from serac.conversation import Turn
from serac.hop_scope import FIRST_OF_HOPS
from serac.router import Router, Searchable

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


Judge = Callable[[list[str]], list[str | None]]
"""From queries to the text of the edit that fires first on each, if any does."""


def routed(router: Router) -> Judge:
    """Return what fires by a router."""

    def judge(queries: list[str]) -> list[str | None]:
        decisions = router.decide_many([(Turn("user", query),) for query in queries])
        return [one.edits[0].text if one.in_scope else None for one in decisions]

    return judge


def by_nearest(memory: Searchable, threshold: float) -> Judge:
    """Return what fires where the edit nearest to the whole query does from a cosine on."""

    def judge(queries: list[str]) -> list[str | None]:
        hits = [found[0] for found in memory.search_many(queries, 1)]
        return [hit.edit.text if hit.similarity >= threshold else None for hit in hits]

    return judge


def decide(judge: Judge, facts: Sequence[Fact]) -> list[Decided]:
    """Return what is decided about each query of the facts.

    Args:
        judge: Decides; the facts' edits are in its memory.
        facts: The facts.
    """
    asked = [
        (number, query, fact.edit if query in fact.asks else None)
        for number, fact in enumerate(facts)
        for query in (*fact.asks, *fact.others)
    ]
    fired = judge([query for _, query, _ in asked])
    return [Decided(*one, edit) for one, edit in zip(asked, fired, strict=True)]


def add_rows(rows: Rows, decided: Sequence[Decided], judge: str) -> None:
    """Add the shares of queries that fire, over facts.

    Args:
        rows: Where rows go.
        decided: What was decided.
        judge: Name of what did.
    """
    answered = [one for one in decided if one.own is not None]
    near = [one for one in decided if one.own is None]
    for metric, among, fires in (
        (RIGHT, answered, [one.fired == one.own for one in answered]),
        (WRONG, answered, [one.fired not in (None, one.own) for one in answered]),
        (NEAR, near, [one.fired is not None for one in near]),
    ):
        kind = "answered by an edit" if among is answered else "near, not answered"
        rows.add(kind, metric, fires, groups=[one.fact for one in among], method=judge)


def own_facts_command(out: OutOption = RESULTS) -> None:
    """What fires on single questions of our own facts, by classifier or rule."""
    check_out(out)
    encoder = SentenceTransformerEncoder.embedded()
    facts, trained = own_facts(), load_scope_classifier(encoder)
    rows = Rows(
        NAME,
        0,
        COMMAND,
        edits_in_memory=len(facts),
        scope_classifier=trained.fingerprint,
    )
    told: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        EditMemory.open(Path(folder) / "facts.db", encoder) as memory,
    ):
        for fact in facts:
            memory.add(fact.edit)

        def routed_by(scorer: TrainedScorer, false_fire: float | None = None) -> Judge:
            threshold, floor = scorer.threshold_for(false_fire), scorer.recall_floor
            return routed(Router(memory, scorer, threshold, recall_floor=floor))

        first = load_scope_classifier(encoder, FIRST_OF_HOPS)
        judges = {
            f"cross-encoder, {trained.default_false_fire:.1%} stated": routed_by(trained),
            "cross-encoder, 0.5% stated": routed_by(trained, 0.005),
            f"after its first training, {first.default_false_fire:.1%} stated": routed_by(first),
            "similarity": routed_by(load_scope_classifier(encoder, ARTIFACTS / "similarity")),
            SERAC: by_nearest(memory, SERAC_COSINE),
            MELLO: by_nearest(memory, -1.0),
        }
        for name, judge in judges.items():
            decided = decide(judge, facts)
            add_rows(rows, decided, name)
            told += [{"judge": name, **asdict(one)} for one in decided]
    keep(told, out, NAME)
    file = rows.write(out)
    for row in rows.rows:
        ends = f"({row.low:.3f} - {row.high:.3f})"
        typer.echo(f"{row.setting['method']:<32} {row.metric:<24} {row.value:.3f} {ends}")
    err.print(f"rows in {file}")
