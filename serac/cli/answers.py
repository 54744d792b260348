"""Commands that route and answer queries."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from memory_store.errors import ErrataError, InvalidQueryError
from serac.cli.options import (
    DEFAULT_ANSWERER,
    DEFAULT_BASE,
    DEFAULT_DECOMPOSER,
    DEFAULT_MEMORY,
    DEFAULT_NAMESPACE,
    AnswererOption,
    BaseOption,
    CounterfactualOption,
    DecomposerOption,
    DeviceOption,
    FalseFireOption,
    JsonOption,
    MemoryOption,
    NamespaceOption,
    RewriterOption,
    ScopeOption,
    err,
    open_overlay,
    progress_bar,
    show,
)
from serac.conversation import Turn, as_turns
from serac.decision import Decision, StreamedReply
from serac.multi_hop import trace_lines
from serac.overlay import FactOverlay
from serac.query_rewriting import DEFAULT_REWRITER

batch = typer.Typer(help="Route or answer a file of queries.", no_args_is_help=True)

QueriesArgument = Annotated[
    Path, typer.Argument(metavar="QUERIES.jsonl", help='Lines of {"id", "query"}.')
]
AnswersArgument = Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="Where results go.")]


def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What is asked.")],
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    base: BaseOption = DEFAULT_BASE,
    answerer: AnswererOption = DEFAULT_ANSWERER,
    decomposer: DecomposerOption = DEFAULT_DECOMPOSER,
    counterfactual_model: CounterfactualOption = None,
    false_fire: FalseFireOption = None,
    scope: ScopeOption = None,
    device: DeviceOption = None,
    trace: Annotated[
        bool,
        typer.Option(
            "--trace", help="Show each hop, and what the base model would have said to it."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Answer one question.

    The route goes to stderr, and so do the hops with --trace.
    """
    with open_overlay(
        memory,
        namespace,
        base=base,
        answerer=answerer,
        decomposer=decomposer,
        counterfactual_model=counterfactual_model,
        false_fire=false_fire,
        scope=scope,
        device=device,
    ) as overlay:
        reply = overlay.ask(question, explain=trace)
    if not as_json:
        err.print(_route_line(reply.decision), style="dim")
        for line in trace_lines(reply.trace) if trace else ():
            err.print(line, style="dim")
    show(
        {"query": question, "answer": reply.text, **reply.decision.as_dict()},
        as_json,
        lambda: reply.text,
    )


def chat(
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    base: BaseOption = DEFAULT_BASE,
    answerer: AnswererOption = DEFAULT_ANSWERER,
    decomposer: DecomposerOption = DEFAULT_DECOMPOSER,
    rewriter: RewriterOption = DEFAULT_REWRITER,
    counterfactual_model: CounterfactualOption = None,
    false_fire: FalseFireOption = None,
    scope: ScopeOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Talk to the model.

    Each answer shows its route. A turn that fails is dropped, and so are the oldest turns
    when the model has no room for all. An empty line or Ctrl-D ends it.
    """
    turns: list[Turn] = []
    with open_overlay(
        memory,
        namespace,
        base=base,
        answerer=answerer,
        decomposer=decomposer,
        rewriter=rewriter,
        counterfactual_model=counterfactual_model,
        false_fire=false_fire,
        scope=scope,
        device=device,
    ) as overlay:
        while (asked := _next_line()) is not None:
            try:
                turns, reply = _with_room(overlay, turns, Turn("user", asked))
                answer = "".join(_shown(reply.chunks, as_json))
            except ErrataError as error:  # a turn that fails ends no conversation
                typer.echo(f"errata: {error}", err=True)
                continue
            if as_json:
                show({"query": asked, "answer": answer, **reply.decision.as_dict()}, True, str)
            else:
                err.print(_route_line(reply.decision), style="dim")
            turns = [*turns, Turn("user", asked), Turn("assistant", answer)]


@batch.command("route")
def batch_route(
    queries: QueriesArgument,
    to: AnswersArgument,
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    false_fire: FalseFireOption = None,
    scope: ScopeOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say where each query goes.

    No model answers. A query that fails has its error in its line; the exit code is then 2.
    """
    from serac.batch import answer_file

    with (
        open_overlay(
            memory, namespace, false_fire=false_fire, scope=scope, device=device
        ) as overlay,
        progress_bar("routing", None) as advance,
    ):
        counts = answer_file(overlay, queries, to, with_answers=False, progress=advance)
    _show_counts(counts, to, as_json)


@batch.command("ask")
def batch_ask(
    queries: QueriesArgument,
    to: AnswersArgument,
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    base: BaseOption = DEFAULT_BASE,
    answerer: AnswererOption = DEFAULT_ANSWERER,
    decomposer: DecomposerOption = DEFAULT_DECOMPOSER,
    counterfactual_model: CounterfactualOption = None,
    false_fire: FalseFireOption = None,
    scope: ScopeOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer each query.

    A query that fails has its error in its line; the exit code is then 2.
    """
    from serac.batch import answer_file

    with (
        open_overlay(
            memory,
            namespace,
            base=base,
            answerer=answerer,
            decomposer=decomposer,
            counterfactual_model=counterfactual_model,
            false_fire=false_fire,
            scope=scope,
            device=device,
        ) as overlay,
        progress_bar("answering", None) as advance,
    ):
        counts = answer_file(overlay, queries, to, with_answers=True, progress=advance)
    _show_counts(counts, to, as_json)


@batch.command("multihop")
def batch_multihop(
    questions: Annotated[
        Path,
        typer.Argument(
            metavar="QUESTIONS.jsonl", help='Lines with a "question" or a "query", and more.'
        ),
    ],
    to: AnswersArgument,
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    base: BaseOption = DEFAULT_BASE,
    answerer: AnswererOption = DEFAULT_ANSWERER,
    decomposer: DecomposerOption = DEFAULT_DECOMPOSER,
    counterfactual_model: CounterfactualOption = None,
    false_fire: FalseFireOption = None,
    scope: ScopeOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer each question, and tell its hops.

    Each line is kept and gains "answer", "route" and "hops"; a question that is not asked hop by
    hop has none. One that fails has its error in its line; the exit code is then 2.
    """
    from serac.batch import multihop_file

    with (
        open_overlay(
            memory,
            namespace,
            base=base,
            answerer=answerer,
            decomposer=decomposer,
            counterfactual_model=counterfactual_model,
            false_fire=false_fire,
            scope=scope,
            device=device,
        ) as overlay,
        progress_bar("answering", None) as advance,
    ):
        counts = multihop_file(overlay, questions, to, progress=advance)
    _show_counts(counts, to, as_json)


def demo(
    base: BaseOption = DEFAULT_BASE,
    answerer: AnswererOption = DEFAULT_ANSWERER,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Correct a real model, and take it back."""
    from serac.demo import run_demo

    console = err if as_json else Console(highlight=False, markup=False)
    record = run_demo(console, base=base, answerer=answerer, device=device)
    if as_json:
        show(record.as_dict(), True, str)
    if not record.untouched:
        raise ErrataError("an answer out of scope was changed by the edits; please report it")
    if not record.restored:
        raise ErrataError("an answer was not as before once the edits were gone; please report it")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("ask")(ask)
    app.command("chat")(chat)
    app.add_typer(batch, name="batch")
    app.command("demo")(demo)


def _route_line(decision: Decision) -> str:
    edits = "; ".join(edit.text for edit in decision.edits)
    return f"[{decision.route}] {decision.reason}" + (f": {edits}" if edits else "")


def _show_counts(counts: dict[str, int], to: Path, as_json: bool) -> None:
    show(
        counts,
        as_json,
        lambda: ", ".join(f"{n} {route}" for route, n in counts.items()) or "no queries",
    )
    if failed := counts.get("error"):
        raise ErrataError(
            f'{failed} of {sum(counts.values())} queries failed; see the lines with "error" in {to}'
        )


def _with_room(
    overlay: FactOverlay, turns: list[Turn], asked: Turn
) -> tuple[list[Turn], StreamedReply]:
    """Ask with as many of the turns before as the model has room for; return those as well."""
    as_turns([asked])
    kept = turns
    while True:
        try:
            reply = overlay.stream([*kept, asked])
        except InvalidQueryError:
            if not kept:
                raise
            kept = kept[2:]
        else:
            if len(kept) < len(turns):
                typer.echo("errata: the window is full; the oldest turns were dropped", err=True)
            return kept, reply


def _next_line() -> str | None:
    if sys.stdin.isatty():
        err.print("you> ", end="")
    line = sys.stdin.readline()
    return line.strip() or None


def _shown(chunks: Iterator[str], quietly: bool) -> Iterator[str]:
    try:
        for chunk in chunks:
            if not quietly:
                typer.echo(chunk, nl=False)
            yield chunk
    finally:
        if not quietly:
            typer.echo()
