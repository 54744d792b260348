"""Commands that train what the project ships."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serac.cli.options import DeviceOption, JsonOption, show, stage_bars

train = typer.Typer(help="Train what the project ships.", no_args_is_help=True)


@train.callback()
def _group() -> None:
    """Train what the project ships."""


@train.command("scope")
def train_scope(
    data: Annotated[Path, typer.Option("--data", help="Folder of the benchmark data.")],
    to: Annotated[Path, typer.Option("--out", help="Where the artifact goes.")] = Path(
        "scope-classifier"
    ),
    seed: Annotated[int, typer.Option(help="Decides every random choice.")] = 0,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the similarity scope classifier, calibrate it, and choose its thresholds."""
    from classifiers.training import train_similarity
    from memory_store import SentenceTransformerEncoder

    encoder = SentenceTransformerEncoder.embedded(device)
    with stage_bars() as report:
        scorer = train_similarity(data, encoder, seed=seed, progress=report)
    scorer.save(to)
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
            ]
        ),
    )


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(train, name="train")
