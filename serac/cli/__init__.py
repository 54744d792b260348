"""The ``errata`` command: results on stdout, everything else on stderr."""

from __future__ import annotations

import logging
import os
import sys

import typer

from memory_store.errors import ErrataError
from serac.cli import answers, edits, training

app = typer.Typer(
    name="errata",
    help="A fact overlay for language models: corrections kept as text beside the model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
edits.register(app)
answers.register(app)
training.register(app)


def main() -> None:
    """Run the command; an error that a person can mend is one line and exit code 2."""
    logging.basicConfig(level=logging.WARNING, format="errata: %(message)s", stream=sys.stderr)
    try:
        app()
    except ErrataError as error:
        typer.echo(f"errata: {error}", err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        typer.echo("errata: interrupted", err=True)
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
