"""Facts written one by one: ways to state each, queries that it answers, and others.

The others look alike: they ask for a near relation of the same subject, or the same one of
another. Names stand for others of their sort, which are drawn anew each time.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from classifiers.drawn_names import draw_names, with_names
from classifiers.haste import in_haste
from classifiers.training_pairs import Pair
from classifiers.written_files import written_records

FOLDER = Path(__file__).parent / "wordings" / "facts"
ANSWERED, NOT_ANSWERED = "written fact, asked for", "written fact, something near asked for"


@dataclass(frozen=True, slots=True)
class WrittenFact:
    """A fact with places for names, such as ``{A}``.

    Attributes:
        edits: Sentences that each state it.
        asks: Queries that it answers.
        others: Queries that it doesn't answer.
        names: For each letter, the names that may stand there.
    """

    edits: tuple[str, ...]
    asks: tuple[str, ...]
    others: tuple[str, ...]
    names: dict[str, tuple[str, ...]]

    def pairs(self, chance: random.Random) -> list[Pair]:
        """Return each query with one of the edits, drawn for it as the names in both are.

        Args:
            chance: Where chance comes from.
        """
        found = []
        for queries, answered, kind in (
            (self.asks, True, ANSWERED),
            (self.others, False, NOT_ANSWERED),
        ):
            for query in queries:
                drawn = draw_names(self.names, chance)
                edit = with_names(chance.choice(self.edits), drawn)
                found.append(Pair(with_names(query, drawn), edit, answered, kind))
        return found


def fact_pairs(part: str, seed: int = 0, draws: int = 1) -> list[Pair]:
    """Return pairs of all facts of a part, in a fixed order.

    Args:
        part: ``fit`` to train on, ``dev`` to choose by.
        seed: Decides every random choice.
        draws: How often edits and names are drawn for each query.
    """
    chance = random.Random(f"{seed} {part} facts")  # noqa: S311
    return [
        pair for _ in range(draws) for fact in written_facts(part) for pair in fact.pairs(chance)
    ]


def written_fact_pairs(part: str, seed: int = 0, draws: int = 1) -> list[Pair]:
    """Return pairs of the written facts, each once, some of their queries as typed in haste.

    Args:
        part: ``fit`` to train on, ``dev`` to choose by.
        seed: Decides every random choice.
        draws: How often edits and names are drawn for each query.
    """
    chance = random.Random(f"{seed} {part} haste")  # noqa: S311
    drawn = fact_pairs(part, seed, draws)
    typed = [replace(pair, query=in_haste(pair.query, chance)) for pair in drawn]
    return list({(pair.query, pair.edit): pair for pair in typed}.values())


@cache
def written_facts(part: str) -> tuple[WrittenFact, ...]:
    """Return the facts of a part.

    Args:
        part: ``fit`` to train on, ``dev`` to choose by.
    """
    found = []
    for is_dev, record in written_records(FOLDER, "fact"):
        if is_dev is (part == "dev"):
            edits, asks, others = (tuple(record[key]) for key in ("edits", "asks", "others"))
            names = {letter: tuple(given) for letter, given in record.get("names", {}).items()}
            found.append(WrittenFact(edits, asks, others, names))
    return tuple(found)
