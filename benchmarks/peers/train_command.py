"""``python -m benchmarks train``: what of the peers has to be trained."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.logging import RichHandler

from serac.cli.options import err, progress_bar

train = typer.Typer(no_args_is_help=True, help="Train what a peer needs.")

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the benchmark data.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of what is trained.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Decides every random choice.")]
StepsOption = Annotated[
    int | None, typer.Option("--steps", min=1, help="Optimizer steps; many by default.")
]
RateOption = Annotated[
    float | None, typer.Option("--learning-rate", min=0, help="Its peak; the default's otherwise.")
]
WeightOption = Annotated[
    float | None, typer.Option("--edit-weight", min=0, help="Weight of the edit's loss.")
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", help="Where to train; by default the best there is.")
]


@train.callback()
def choose() -> None:
    """Train what a peer needs."""


@train.command()
def mend(
    data: DataOption,
    out: OutOption,
    seed: SeedOption = 0,
    steps: StepsOption = None,
    learning_rate: RateOption = None,
    edit_weight: WeightOption = None,
    device: DeviceOption = None,
) -> None:
    """Train MEND's networks for the embedded model, on zsRE's and CounterFact's train files."""
    from benchmarks.peers.mend_examples import read_examples
    from benchmarks.peers.mend_training import MendSettings, train_mend
    from serac.embedded import load_embedded_base

    talk = logging.getLogger("benchmarks")
    talk.setLevel(logging.INFO)
    talk.addHandler(RichHandler(console=err, show_path=False))
    examples = read_examples(data, seed)
    given = {"steps": steps, "learning_rate": learning_rate, "edit_weight": edit_weight}
    told: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    settings = replace(MendSettings(), **told)
    base = load_embedded_base(device)
    with progress_bar("training MEND", settings.steps) as progress:
        config = train_mend(
            base.model,
            base.tokenizer,
            examples,
            out,
            seed=seed,
            settings=settings,
            progress=progress,
        )
    dev = config["dev"]
    err.print(
        f"step {config['best_step']:,} is the best on {dev['edits']} edits of dev: edit loss "
        f"{dev['edit_loss']:.3f}, divergence of the unrelated {dev['unrelated_divergence']:.4f}; "
        f"{config['bytes'] / 1e6:.1f} MB in {out}"
    )
