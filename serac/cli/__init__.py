"""The ``errata`` command: results on stdout, everything else on stderr."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from memory_store.errors import ErrataError
from serac.cli import answers, calibration, edits, training


class _Commands(TyperGroup):
    """The commands; a reader of stdout that has seen enough, such as head, is no failure."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        return result


app = typer.Typer(
    cls=_Commands,
    name="errata",
    help="A fact overlay for language models: corrections kept as text beside the model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
edits.register(app)
answers.register(app)
calibration.register(app)
training.register(app)


def main() -> None:
    """Run the command; an error that a person can mend is one line and exit code 2.

    Wrong usage (2) and Ctrl-C (130) are Typer's own to answer.
    """
    logging.basicConfig(level=logging.WARNING, format="errata: %(message)s", stream=sys.stderr)
    try:
        app()
    except ErrataError as error:
        typer.echo(f"errata: {error}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
