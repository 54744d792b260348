"""``python -m benchmarks``: run a benchmark, write its rows, and show them."""

from __future__ import annotations

import json
import sys
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
from benchmarks.speed import memory_in_use, timed_adds, timed_import, timed_routes
from classifiers import load_scope_classifier
from memory_store import EditMemory, SentenceTransformerEncoder
from memory_store.errors import ErrataError
from serac.cli.options import err, progress_bar
from serac.embedded import load_embedded_base
from serac.overlay import DEFAULT_FALSE_FIRE, FactOverlay

STATED = (0.001, 0.01, 0.05)
TIMED_QUERIES = 200

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
    run(loaders.counterfact(data), out, seed, answers, answerer, with_speed=True)


@app.command()
def zsre(
    data: DataOption,
    out: OutOption = RESULTS,
    seed: SeedOption = 0,
    answers: AnswersOption = 100,
    answerer: AnswererOption = "ike",
) -> None:
    """All edits of the zsRE test set in memory at once."""
    run(loaders.zsre(data), out, seed, answers, answerer)


@app.command()
def knowedit(data: DataOption, out: OutOption = RESULTS, seed: SeedOption = 0) -> None:
    """The sets of KnowEdit: aliases in scope, other relations of the subject out of scope."""
    for load in (loaders.knowedit_zsre, loaders.wiki_counterfact, loaders.wiki_recent):
        run(load(data), out, seed, 0, "ike")


@app.command()
def report(rows: OutOption = RESULTS, page: PageOption = PAGE) -> None:
    """Draw the page of tables from the rows."""
    page.write_text(draw_page(rows), encoding="utf-8")
    err.print(f"tables in {page}")


def run(
    benchmark: Benchmark,
    out: Path,
    seed: int,
    answers: int,
    answerer: str,
    *,
    with_speed: bool = False,
) -> None:
    """Put all edits of a benchmark in memory, ask its cases, and write the rows."""
    encoder = SentenceTransformerEncoder.embedded()
    scope = load_scope_classifier(encoder)
    rows = Rows(
        benchmark.name,
        seed,
        _command_line(),
        edits_in_memory=len(benchmark.edits),
        **benchmark.notes,
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "edits.jsonl"
        file.write_text("".join(json.dumps(edit) + "\n" for edit in benchmark.edits))
        before = memory_in_use()
        with (
            EditMemory.open(Path(folder) / "facts.db", encoder) as memory,
            progress_bar("importing", len(benchmark.edits)) as advance,
        ):
            _import(rows, memory, file, encoder, advance, with_speed)
        with EditMemory.open(Path(folder) / "facts.db", encoder) as memory:
            rows.add("memory", "MiB in use with all edits open", [memory_in_use() - before])
            default = scope.threshold_for(DEFAULT_FALSE_FIRE)
            base = load_embedded_base() if answers or with_speed else None
            overlay = FactOverlay(memory, scope, default, base=base, answerer=answerer)
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
    """Return queries to be timed; they are routed before anything else is."""
    out_of_scope = [case.query for case in benchmark.cases if case.kind == "everyday"]
    in_scope = [case.query for case in benchmark.cases if case.kind == "paraphrase"]
    return {
        "everyday question": out_of_scope[:TIMED_QUERIES],
        "paraphrase with leading text": in_scope[:TIMED_QUERIES],
    }


def _command_line() -> str:
    """Return the command as a reader would type it, with the data folder left to them."""
    words = sys.argv[1:]
    for place, word in enumerate(words[:-1]):
        if word in ("--data", "--out"):
            words[place + 1] = Path(words[place + 1]).name
    return " ".join(["python -m benchmarks", *words])


if __name__ == "__main__":
    try:
        app(standalone_mode=True)
    except ErrataError as error:
        typer.echo(f"benchmarks: {error}", err=True)
        raise SystemExit(2) from None
