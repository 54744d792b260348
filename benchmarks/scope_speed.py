"""What routing costs with all CounterFact edits in memory, beside an answer of the base model."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.data import Case
from benchmarks.rows import Rows
from benchmarks.scope import SETS, ScopeRun
from benchmarks.speed import timed_routes
from classifiers import load_scope_classifier
from memory_store import EditDraft, EditMemory, SentenceTransformerEncoder
from serac.cli.options import progress_bar
from serac.embedded import load_embedded_base
from serac.overlay import FactOverlay

TIMED_QUERIES = 200


def measure_speed(run: ScopeRun) -> Rows:
    """Return rows of the time to route a query that nothing is remembered of."""
    counterfact = SETS["counterfact"](run.data, run.seed)
    hops = [case for case in SETS["mquake"](run.data, run.seed).cases if case.right]
    queries = fresh_queries(counterfact.cases)
    queries["short question about a name"] = [case.query for case in hops[:TIMED_QUERIES]]
    rows = run.rows("speed", edits_in_memory=len(counterfact.edits))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "facts.db"
        with (
            EditMemory.open(path, run.encoder) as memory,
            progress_bar("importing", len(counterfact.edits)) as advance,
        ):
            memory.add_many([EditDraft(**edit) for edit in counterfact.edits], progress=advance)
        # Another encoder, which remembers none of the queries, and a scorer of its own.
        encoder = SentenceTransformerEncoder.embedded()
        trained = load_scope_classifier(encoder, run.folder)
        with EditMemory.open(path, encoder) as memory:
            overlay = FactOverlay(
                memory,
                trained,
                trained.threshold_for(),
                base=load_embedded_base(),
                recall_floor=trained.recall_floor,
            )
            overlay.decide("Is everything loaded?")
            timed_routes(rows, overlay, queries)
    return rows


def fresh_queries(cases: Sequence[Case]) -> dict[str, list[str]]:
    """Return queries to be timed, one a record, before anything else is routed."""
    first = {(case.kind, case.record): case.query for case in reversed(cases)}
    of_kind: dict[str, list[str]] = {"everyday": [], "paraphrase": []}
    for (kind, _), query in first.items():
        if kind in of_kind:
            of_kind[kind].append(query)
    return {
        "everyday question": of_kind["everyday"][:TIMED_QUERIES],
        "paraphrase with leading text": of_kind["paraphrase"][:TIMED_QUERIES],
    }
