"""Labels of relations, as Wikidata has them, as questions of our own wording."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "wordings" / "labels.toml"


@cache
def wordings() -> dict[str, tuple[str, ...]]:
    """Return the questions of each label, ``{}`` for their subject; plans have the first."""
    with FILE.open("rb") as file:
        return {label: tuple(asked) for label, asked in tomllib.load(file)["questions"].items()}


def questions(step: str) -> list[str]:
    """Return what a step of the form ``X >> label`` stands for, the plain question first.

    Nothing is returned for a step of another form.
    """
    subject, found, label = (part.strip() for part in step.strip().rstrip("?. ").partition(" >> "))
    return [*asked(label, subject), f"What is the {label} of {subject}?"] if found else []


def asked(label: str, subject: str) -> list[str]:
    """Return what a label's relation is asked for by, of a subject; nothing where it is unknown."""
    return [wording.replace("{}", subject) for wording in wordings().get(label, ())]
