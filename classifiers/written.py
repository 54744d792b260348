"""Wordings, contexts and names of our own writing, which widen the training pairs."""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "wordings"
LABEL_FORMS = (
    "The {label} of {} is",
    "{} {label}",
    "The name of the {label} of {} is",
    "What is the {label} of {}?",
    "{}'s {label} is",
    "What's {}'s {label}?",
)


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation in our own words.

    Attributes:
        name: Its name.
        label: What it is called of a subject.
        kinds: What its subjects are.
        stems: Parts of words; a foreign wording with one of them may be about this relation.
        wordings: Questions and clozes, with ``{}`` for the subject.
        statements: Sentences, with ``{}`` for the subject and ``[]`` for the object.
        reverse: Questions from the object's side, with ``{}`` for the object.
    """

    name: str
    label: str
    kinds: tuple[str, ...]
    stems: tuple[str, ...]
    wordings: tuple[str, ...]
    statements: tuple[str, ...]
    reverse: tuple[str, ...]

    def may_be(self, wording: str) -> bool:
        """Say whether a foreign wording may be about this relation."""
        asked = wording.casefold()
        return any(stem in asked for stem in self.stems)


@cache
def relations() -> tuple[Relation, ...]:
    """Return all relations; label forms are among the wordings."""
    with (FOLDER / "relations.toml").open("rb") as file:
        found = tomllib.load(file)["relation"]
    return tuple(map(_relation, found))


@cache
def context() -> dict[str, Any]:
    """Return leading and trailing sentences, requests, everyday messages, names and aliases."""
    with (FOLDER / "context.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def unlike(relation: Relation) -> tuple[Relation, ...]:
    """Return the relations that surely are others than this one."""
    worded = " ".join([relation.name, *relation.wordings])
    return tuple(other for other in relations() if not other.may_be(worded))


def _relation(record: dict[str, Any]) -> Relation:
    label = record.get("label", record["name"])
    labelled = [form.replace("{label}", label) for form in LABEL_FORMS]
    return Relation(
        record["name"],
        label,
        tuple(record["kinds"]),
        tuple(stem.casefold() for stem in record["stems"]),
        tuple(dict.fromkeys([*record["wordings"], *labelled])),
        (*record["statements"], f"The {label} of {{}} is []."),
        tuple(record["reverse"]),
    )


def subjects(kind: str) -> list[str]:
    """Return well-known names of a kind; events and languages have few of their own."""
    return list(context().get(f"subjects_{kind}", []))


def negated(wording: str) -> str | None:
    """Return a question that asks for the contrary, where a plain ``not`` makes one."""
    for verb in ("is", "was", "did", "does", "do", "are", "were", "has"):
        for before in (f" {verb} {{}} ", f" {verb} the {{}} "):
            if before in wording:
                return wording.replace(before, f"{before}not ")
    return None


def in_context(text: str, chance: random.Random) -> str:
    """Put a question into a longer message."""
    told = context()
    form = chance.randrange(4) if text.endswith(("?", ".")) else 1  # nothing follows a cloze
    if form == 0:
        return chance.choice(told["requests"]).replace("{}", text)
    if form == 1:
        return f"{chance.choice(told['leading'])} {text}"
    if form == 2:
        return f"{text} {chance.choice(told['trailing'])}"
    return f"{chance.choice(told['leading'])} {text} {chance.choice(told['trailing'])}"
