"""Commands that train what the project ships."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from classifiers import SHIPPED, CrossEncoderScorer, SimilarityScorer, TrainedScorer
from memory_store.errors import ErrataError
from serac.cli.options import DeviceOption, JsonOption, err, show, stage_bars

if TYPE_CHECKING:
    from classifiers.train_cross_encoder import TrainingSettings
    from classifiers.train_turn_scope import TurnSettings
    from serac.lm_training import AdapterSettings

KINDS = ("cross-encoder", "similarity")
Settings = TypeVar("Settings", "AdapterSettings", "TrainingSettings", "TurnSettings")

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the benchmark data.")]
SeedOption = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Decides every random choice.")]
BeginWithOption = Annotated[
    Path | None,
    typer.Option("--begin-with", help="Folder of one to go on from, with new examples."),
]
LearningRateOption = Annotated[
    float | None, typer.Option("--learning-rate", help="Its peak; 0.001 otherwise.")
]

train = typer.Typer(help="Train what the project ships.", no_args_is_help=True)


@train.callback()
def _group() -> None:
    """Train what the project ships."""


@train.command("scope")
def train_scope(
    data: DataOption,
    to: Annotated[Path, typer.Option("--out", help="Where the artifact goes.")] = Path(
        "scope-classifier"
    ),
    kind: Annotated[
        str, typer.Option("--kind", help="What to train: 'cross-encoder' or 'similarity'.")
    ] = "cross-encoder",
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, help="Most steps of the cross-encoder; 5000 otherwise."),
    ] = None,
    begin_with: BeginWithOption = None,
    learning_rate: LearningRateOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a scope classifier, calibrate it, and choose its thresholds.

    The cross-encoder keeps checkpoints in its folder; the same command goes on from the last. With
    --begin-with it takes 1500 steps, mostly on written facts and conversations, from a learning
    rate of 0.0004, and its weights keep 15% of what it began with.
    """
    if kind not in KINDS:
        raise ErrataError(f"unknown kind {kind!r}; use {' or '.join(KINDS)}")
    if kind == "similarity":
        for name, given in (
            ("--steps", steps),
            ("--begin-with", begin_with),
            ("--learning-rate", learning_rate),
        ):
            if given is not None:
                raise ErrataError(f"{name} is for the cross-encoder; leave it out")
    scorer: TrainedScorer
    if kind == "similarity":
        scorer = _similarity(data, to, seed, device)
    else:
        scorer = _cross_encoder(data, to, steps, learning_rate, begin_with, seed, device)
    show(
        {"artifact": str(to), **scorer.facts},
        as_json,
        lambda: "\n".join(
            [
                f"saved in {to}",
                *(
                    f"{row['stated_false_fire']:<6} {row['kind']:<29} n={row['n']:<6} "
                    f"fires {row['fires']['value']:.3f}   "
                    f"on its own edit {row['fires_on_own_edit']['value']:.3f}"
                    for row in scorer.facts["dev"]
                ),
                *_written_lines(scorer, "dev_turns"),
                *_written_lines(scorer, "dev_facts"),
            ]
        ),
    )


@train.command("turn-scope")
def train_turn_scope(
    to: Annotated[Path, typer.Option("--out", help="Where the artifact goes.")] = Path(
        "turn-scope-classifier"
    ),
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Most steps; 600 otherwise.")
    ] = None,
    begin_with: Annotated[
        Path | None,
        typer.Option(
            "--begin-with",
            help="Folder of the scope classifier that it goes on from; the shipped one if none.",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="Its peak; 0.0007 otherwise.")
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a turn classifier, on conversations that come with the package.

    It says whether a later turn of a conversation, read with those before it, is in the scope of an
    edit. Checkpoints are kept in its folder; the same command goes on from the last.
    """
    from classifiers import train_turn_scope as training
    from memory_store import SentenceTransformerEncoder

    settings = _with_given(training.TurnSettings(), steps=steps, learning_rate=learning_rate)
    scorer = training.train_turn_scope(
        SentenceTransformerEncoder.embedded(device),
        begin_with or SHIPPED,
        to,
        seed=seed,
        settings=settings,
        device=device,
        show_bar=err.is_terminal,
    )
    show(
        {"artifact": str(to), **scorer.facts},
        as_json,
        lambda: "\n".join([f"saved in {to}", *_written_lines(scorer, "dev_turns")]),
    )


@train.command("counterfactual")
def train_counterfactual(
    data: DataOption,
    to: Annotated[Path, typer.Option("--out", help="Where the artifact goes.")] = Path(
        "counterfactual-model"
    ),
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Most steps; 700 otherwise.")
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a counterfactual model: a LoRA adapter that answers from an edit.

    Checkpoints are kept in its folder; the same command goes on from the last.
    """
    from serac.counterfactual import training

    _train_adapter(
        training.train_counterfactual,
        training.TrainingSettings(),
        data,
        to,
        steps,
        as_json,
        _right_line,
        seed=seed,
        device=device,
    )


@train.command("decomposer")
def train_decomposer(
    data: DataOption,
    to: Annotated[Path, typer.Option("--out", help="Where the artifact goes.")] = Path(
        "decomposer"
    ),
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Most steps; 1600 otherwise.")
    ] = None,
    learning_rate: LearningRateOption = None,
    begin_with: BeginWithOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a decomposer: a LoRA adapter that takes multi-hop questions apart.

    Checkpoints are kept in its folder; the same command goes on from the last.
    """
    from serac.decomposer import training

    _train_adapter(
        training.train_decomposer,
        _with_given(training.TrainingSettings(), learning_rate=learning_rate),
        data,
        to,
        steps,
        as_json,
        lambda row: f"{row['source']:<12} n={row['n']:<5} {row['figure']} {row['right']:.3f}",
        begin_with=begin_with,
        seed=seed,
        device=device,
    )


@train.command("query-rewriter")
def train_query_rewriter(
    data: DataOption,
    to: Annotated[Path, typer.Option("--out", help="Where the artifact goes.")] = Path(
        "query-rewriter"
    ),
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Most steps; 800 otherwise.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", min=1, help="Examples in a step; 128 otherwise.")
    ] = None,
    learning_rate: LearningRateOption = None,
    begin_with: BeginWithOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a query rewriter: a LoRA adapter that makes turns stand on their own.

    Checkpoints are kept in its folder; the same command goes on from the last. An overlay is given
    what was trained as rewriter=Path(FOLDER).
    """
    from serac.query_rewriting import training

    _train_adapter(
        training.train_rewriter,
        _with_given(
            training.TrainingSettings(), learning_rate=learning_rate, batch_size=batch_size
        ),
        data,
        to,
        steps,
        as_json,
        _right_line,
        begin_with=begin_with,
        seed=seed,
        device=device,
    )


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(train, name="train")


def _written_lines(scorer: TrainedScorer, part: str) -> list[str]:
    """Return what fires of dev's written turns or facts, a line each."""
    return [
        f"{row['false_fire']:<6} {kind:<29} n={row[kind]['n']:<6} fires {row[kind]['value']:.3f}"
        for row in scorer.facts.get(part, ())
        for kind in row.keys() - {"false_fire", "threshold"}
    ]


def _train_adapter(
    fit: Callable[..., Any],
    settings: AdapterSettings,
    data: Path,
    to: Path,
    steps: int | None,
    as_json: bool,
    line: Callable[[dict[str, Any]], str],
    **options: Any,
) -> None:
    """Train an adapter on an embedded model, and show what it reaches on dev."""
    if steps is not None:
        settings = replace(settings, steps=steps)
    with stage_bars() as report:
        model = fit(data, to, settings=settings, report=report, show_bar=err.is_terminal, **options)
    show(
        {"artifact": str(to), **model.facts},
        as_json,
        lambda: "\n".join([f"saved in {to}", *map(line, model.facts["dev"])]),
    )


def _with_given(
    settings: Settings, *, learning_rate: float | None, **given: int | None
) -> Settings:
    """Return settings with what was given of these.

    Raises:
        ErrataError: The learning rate isn't above 0.
    """
    if learning_rate is not None and not 0 < learning_rate < math.inf:
        raise ErrataError("--learning-rate must be above 0")
    told = {"learning_rate": learning_rate, **given}
    changes: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    return replace(settings, **changes)


def _right_line(row: dict[str, Any]) -> str:
    return f"{row['kind']:<40} n={row['n']:<5} right {row['right']:.3f}"


def _similarity(data: Path, to: Path, seed: int, device: str | None) -> SimilarityScorer:
    from classifiers.train_similarity import train_similarity
    from memory_store import SentenceTransformerEncoder

    encoder = SentenceTransformerEncoder.embedded(device)
    with stage_bars() as report:
        scorer = train_similarity(data, encoder, seed=seed, progress=report)
    scorer.save(to)
    return scorer


def _cross_encoder(
    data: Path,
    to: Path,
    steps: int | None,
    learning_rate: float | None,
    begin_with: Path | None,
    seed: int,
    device: str | None,
) -> CrossEncoderScorer:
    from classifiers.train_cross_encoder import GOING_ON, TrainingSettings, train_cross_encoder
    from memory_store import SentenceTransformerEncoder

    usual = TrainingSettings() if begin_with is None else GOING_ON
    settings = _with_given(usual, learning_rate=learning_rate, steps=steps)
    encoder = SentenceTransformerEncoder.embedded(device)
    with stage_bars() as report:
        return train_cross_encoder(
            data,
            encoder,
            to,
            seed=seed,
            settings=settings,
            begin_with=begin_with,
            device=device,
            report=report,
            show_bar=err.is_terminal,
        )
