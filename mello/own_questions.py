"""Multi-hop questions made up from relations of our own wording, put into one another."""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mello.plans import Plan

FILE = Path(__file__).parent / "wordings" / "relations.toml"
HOPS = (2, 2, 2, 3, 3, 4)
"""Numbers of hops, as often as they are made."""

PLAIN = 0.4
"""Share of the questions that end in the plain wording of their last step."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation from one type of thing to another.

    Attributes:
        start: Type of what is asked about.
        end: Type of the answer.
        ask: Questions with ``{}`` for what is asked about, the plain one first.
        phrase: Ways to name the answer, with ``{}`` as before.
    """

    start: str
    end: str
    ask: tuple[str, ...]
    phrase: tuple[str, ...]


@cache
def relations() -> tuple[Relation, ...]:
    """Return all relations."""
    with FILE.open("rb") as file:
        found = tomllib.load(file)["relation"]
    return tuple(
        Relation(one["from"], one["to"], tuple(one["ask"]), tuple(one["phrase"])) for one in found
    )


@cache
def subjects() -> dict[str, tuple[str, ...]]:
    """Return made-up names of each type."""
    with FILE.open("rb") as file:
        found = tomllib.load(file)["subjects"]
    return {one["type"]: tuple(one["names"]) for one in found}


def own_question(
    chance: random.Random, names: dict[str, list[str]] | None = None
) -> tuple[str, Plan]:
    """Return a question of two to four hops with its plan.

    Args:
        chance: Where chance comes from.
        names: Further names of each type.
    """
    kinds = list(subjects())
    while True:
        chain = _chain(chance.choice(kinds), chance.choice(HOPS), chance)
        if chain is not None:
            break
    pool = [*subjects()[chain[0].start], *(names or {}).get(chain[0].start, [])]
    told = chance.choice(pool)
    steps = [chain[0].ask[0].replace("{}", told)]
    for place, relation in enumerate(chain[1:], start=1):
        told = chance.choice(chain[place - 1].phrase).replace("{}", told)
        steps.append(relation.ask[0].replace("{}", f"#{place}"))
    last = chain[-1].ask
    wording = last[0] if chance.random() < PLAIN else chance.choice(last)
    return wording.replace("{}", told), Plan(tuple(steps))


def own_single_questions(chance: random.Random, number: int) -> list[str]:
    """Return questions of one hop about our own subjects, each once, ``number`` at most."""
    found: dict[str, None] = {}
    for _ in range(number):
        relation = chance.choice([one for one in relations() if one.start in subjects()])
        subject = chance.choice(subjects()[relation.start])
        found[chance.choice(relation.ask).replace("{}", subject)] = None
    return list(found)


def _chain(start: str, hops: int, chance: random.Random) -> list[Relation] | None:
    """Return relations of which each begins where the one before ends."""
    chain: list[Relation] = []
    for place in range(hops):
        last = place == hops - 1
        fitting = [
            one
            for one in relations()
            if one.start == start and one not in chain and (last or one.phrase)
        ]
        if not fitting:
            return None
        chain.append(chance.choice(fitting))
        start = chain[-1].end
    return chain
