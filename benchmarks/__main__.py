"""``python -m benchmarks``: run a benchmark, write its rows, and show them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import data as loaders
from benchmarks.answering import add_answer_rows, sample_by_kind
from benchmarks.data import Benchmark
from benchmarks.report import PAGE
from benchmarks.report import page as draw_page
from benchmarks.routing import add_retrieval_rows, add_scope_rows, route_all
from benchmarks.rows import RESULTS, Rows, table
from benchmarks.speed import memory_of_open, timed_adds, timed_import, timed_routes
from classifiers import load_scope_classifier
from memory_store import EditMemory, LazyEncoder, SentenceTransformerEncoder
from memory_store.errors import ErrataError
from serac.cli.options import err, progress_bar
from serac.embedded import load_embedded_base
from serac.overlay import FactOverlay

STATED = (0.001, 0.01, 0.05)
TIMED_QUERIES = 200
CACHE = 65_536  # vectors of edits are made once in a run; timed queries find none of theirs

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the benchmark data.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the rows.")]
PageOption = Annotated[Path, typer.Option("--page", help="The page to write.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Decides every sample.")]
AnswersOption = Annotated[
    int, typer.Option("--answers", help="Cases of each kind that are also answered; 0 for none.")
]
AnswererOption = Annotated[str, typer.Option("--answerer", help="'ike' or 'counterfactual'.")]


@app.command()
def counterfact(
    data: DataOption,
    out: OutOption = RESULTS,
    seed: SeedOption = 0,
    answers: AnswersOption = 100,
    answerer: AnswererOption = "ike",
) -> None:
    """All 21,919 CounterFact edits in memory at once: scope, answers, import, speed."""
    run(loaders.counterfact(data), "counterfact", out, seed, answers, answerer, with_speed=True)


@app.command()
def zsre(
    data: DataOption,
    out: OutOption = RESULTS,
    seed: SeedOption = 0,
    answers: AnswersOption = 100,
    answerer: AnswererOption = "ike",
) -> None:
    """All edits of the zsRE test set in memory at once."""
    run(loaders.zsre(data), "zsre", out, seed, answers, answerer)


@app.command()
def knowedit(data: DataOption, out: OutOption = RESULTS, seed: SeedOption = 0) -> None:
    """The sets of KnowEdit: aliases in scope, other relations of the subject out of scope."""
    trained_with = int(load_scope_classifier(LazyEncoder()).facts["seed"])
    for benchmark in (
        loaders.knowedit_zsre(data),
        loaders.wiki_counterfact(data, trained_with),
        loaders.wiki_recent(data),
    ):
        run(benchmark, "knowedit", out, seed)


@app.command()
def report(rows: OutOption = RESULTS, page: PageOption = PAGE) -> None:
    """Draw the page of tables from the rows."""
    page.write_text(draw_page(rows), encoding="utf-8")
    err.print(f"tables in {page}")


def run(
    benchmark: Benchmark,
    command: str,
    out: Path,
    seed: int,
    answers: int = 0,
    answerer: str = "ike",
    *,
    with_speed: bool = False,
) -> None:
    """Put all edits of a benchmark in memory, ask its cases, and write the rows."""
    encoder = SentenceTransformerEncoder.embedded(cache_size=CACHE)
    scope = load_scope_classifier(encoder)
    words = ["python -m benchmarks", command, "--data DATA", f"--seed {seed}"]
    if command != "knowedit":
        words += [f"--answers {answers}", f"--answerer {answerer}"]
    rows = Rows(
        benchmark.name,
        seed,
        " ".join(words),
        scope_classifier=scope.facts["model_sha256"][:12],
        edits_in_memory=len(benchmark.edits),
        **benchmark.notes,
    )
    with tempfile.TemporaryDirectory() as folder:
        file, path = Path(folder) / "edits.jsonl", Path(folder) / "facts.db"
        file.write_text("".join(json.dumps(edit) + "\n" for edit in benchmark.edits))
        with (
            EditMemory.open(path, encoder) as memory,
            progress_bar("importing", len(benchmark.edits)) as advance,
        ):
            _import(rows, memory, file, encoder, advance, with_speed)
        rows.add("memory", "MiB more in use once it is open", [memory_of_open(path)])
        with EditMemory.open(path, encoder) as memory:
            base = load_embedded_base() if answers or with_speed else None
            default = scope.threshold_for()
            overlay = FactOverlay(
                memory,
                scope,
                default,
                base=base,
                answerer=answerer,
                recall_floor=scope.recall_floor,
            )
            if with_speed:
                timed_adds(rows, memory, encoder)
                timed_routes(rows, overlay, _fresh_queries(benchmark))
            with progress_bar("routing", len(benchmark.cases)) as advance:
                routed = route_all(overlay, benchmark.cases, advance)
            thresholds = {f"{rate:.1%} stated": scope.threshold_for(rate) for rate in STATED}
            add_scope_rows(rows, routed, thresholds)
            add_retrieval_rows(rows, overlay, benchmark.cases)
            if base is not None and answers:
                base.max_new_tokens = 32
                sample = sample_by_kind(benchmark.cases, answers, seed)
                with progress_bar("answering", sum(map(len, sample.values()))) as advance:
                    add_answer_rows(rows, overlay, sample, advance)
    file = rows.write(out)
    typer.echo(table(rows.rows))
    err.print(f"rows in {file}")


def _import(
    rows: Rows,
    memory: EditMemory,
    file: Path,
    encoder: SentenceTransformerEncoder,
    advance: Callable[[int], None],
    timed: bool,
) -> None:
    if timed:
        timed_import(rows, memory, file, encoder, advance)
    else:
        memory.import_jsonl(file, progress=advance)
    report = memory.check()
    if not report.ok:
        raise ErrataError(f"the memory is not in order: {report.problems[0]}")


def _fresh_queries(benchmark: Benchmark) -> dict[str, list[str]]:
    """Return queries to be timed, one a record, before anything else is routed."""
    first = {(case.kind, case.record): case.query for case in reversed(benchmark.cases)}
    by_kind: dict[str, list[str]] = {"everyday": [], "paraphrase": []}
    for (kind, _), query in first.items():
        if kind in by_kind:
            by_kind[kind].append(query)
    return {
        "everyday question": by_kind["everyday"][:TIMED_QUERIES],
        "paraphrase with leading text": by_kind["paraphrase"][:TIMED_QUERIES],
    }


if __name__ == "__main__":
    try:
        app(standalone_mode=True)
    except ErrataError as error:
        typer.echo(f"benchmarks: {error}", err=True)
        raise SystemExit(2) from None
