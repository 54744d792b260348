"""``python -m benchmarks``: run a benchmark, write its rows, and show them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import data as loaders
from benchmarks.answers_command import answers
from benchmarks.data import Benchmark
from benchmarks.follow_ups import follow_ups_command
from benchmarks.mquake_command import mquake
from benchmarks.multi_hop_command import decompositions
from benchmarks.own_facts import own_facts_command
from benchmarks.peers.command import peers
from benchmarks.peers.tracing_command import tracing
from benchmarks.peers.train_command import train
from benchmarks.report import DOCS, draw
from benchmarks.routing import add_retrieval_rows
from benchmarks.rows import RESULTS, Rows, table
from benchmarks.scope_command import ScopeOption, backends, scope
from benchmarks.single_hop import single_hop
from benchmarks.speed import memory_of_open, timed_adds, timed_import
from benchmarks.teaching import teach
from classifiers import load_scope_classifier
from memory_store import EditMemory, SentenceTransformerEncoder
from memory_store.errors import ErrataError
from serac.cli.options import err, progress_bar
from serac.overlay import FactOverlay

CACHE = 65_536  # vectors of edits are made once in a run; timed queries find none of theirs

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)
app.command()(scope)
app.command()(backends)
app.command()(answers)
app.command()(mquake)
app.command()(teach)
app.command()(decompositions)
app.command()(peers)
app.command()(tracing)
app.command("single_hop")(single_hop)
app.command("follow_ups")(follow_ups_command)
app.command("own_facts")(own_facts_command)
app.add_typer(train, name="train")

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the benchmark data.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the rows.")]
DocsOption = Annotated[Path, typer.Option("--docs", help="Folder of the pages to write.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Decides every sample.")]


@app.command()
def counterfact(
    data: DataOption,
    out: OutOption = RESULTS,
    seed: SeedOption = 0,
    scope: ScopeOption = None,
) -> None:
    """All 21,919 CounterFact edits in memory at once: import and retrieval."""
    benchmark = loaders.counterfact(data)
    run(benchmark, "counterfact", out, seed, scope, with_speed=True)


@app.command()
def zsre(
    data: DataOption,
    out: OutOption = RESULTS,
    seed: SeedOption = 0,
    scope: ScopeOption = None,
) -> None:
    """All edits of the zsRE test set in memory at once: retrieval."""
    run(loaders.zsre(data), "zsre", out, seed, scope)


@app.command()
def report(rows: OutOption = RESULTS, docs: DocsOption = DOCS) -> None:
    """Draw the pages of tables and the plots from the rows."""
    for file in draw(rows, docs):
        err.print(f"drawn: {file}")


def run(
    benchmark: Benchmark,
    command: str,
    out: Path,
    seed: int,
    scope: Path | None,
    *,
    with_speed: bool = False,
) -> None:
    """Put all edits of a benchmark in memory, ask its cases, and write the rows."""
    encoder = SentenceTransformerEncoder.embedded(cache_size=CACHE)
    trained = load_scope_classifier(encoder, scope)
    words = ["python -m benchmarks", command, "--data DATA", f"--seed {seed}"]
    words += ["--scope FOLDER"] if scope else []
    rows = Rows(
        benchmark.name,
        seed,
        " ".join(words),
        scope_classifier=trained.fingerprint,
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
            overlay = FactOverlay(
                memory, trained, trained.threshold_for(), recall_floor=trained.recall_floor
            )
            if with_speed:
                timed_adds(rows, memory, encoder)
            add_retrieval_rows(rows, overlay, benchmark.cases)
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


if __name__ == "__main__":
    try:
        app(standalone_mode=True)
    except ErrataError as error:
        typer.echo(f"benchmarks: {error}", err=True)
        raise SystemExit(2) from None
