"""Questions written one by one, each in three wordings, with the plan that all of them share.

Names stand for others that fit as well, which are drawn anew each time. Some questions have one
hop alone, but look as though they had several.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from classifiers.written_files import written_records
from mello.plans import Plan

FOLDER = Path(__file__).parent / "wordings" / "questions"
PLACES = ("a", "b", "c", "d")
"""Places of names in a question."""


@dataclass(frozen=True, slots=True)
class WrittenQuestion:
    """A question with places for names.

    Attributes:
        wordings: Ways to ask it, in which ``{a}`` is a name.
        steps: Its steps, with the same places; none for a question of one hop.
        names: For each place, the names that may stand there.
    """

    wordings: tuple[str, ...]
    steps: tuple[str, ...]
    names: dict[str, tuple[str, ...]]

    def named(self, chance: random.Random) -> list[tuple[str, Plan]]:
        """Return each wording with its plan, with names that are drawn for it."""
        return [self._with_names(wording, chance) for wording in self.wordings]

    def _with_names(self, wording: str, chance: random.Random) -> tuple[str, Plan]:
        drawn = {place: chance.choice(names) for place, names in self.names.items()}
        question, *steps = (_filled(text, drawn) for text in (wording, *self.steps))
        return question, Plan(tuple(steps))


@cache
def written_questions(part: str) -> tuple[WrittenQuestion, ...]:
    """Return the questions of a part.

    Args:
        part: ``fit`` to train on, ``dev`` to choose by.
    """
    found = []
    for is_dev, record in written_records(FOLDER, "question"):
        if is_dev is (part == "dev"):
            names = {place: tuple(record[place]) for place in PLACES if place in record}
            found.append(WrittenQuestion(tuple(record["ask"]), tuple(record["steps"]), names))
    return tuple(found)


def _filled(text: str, drawn: dict[str, str]) -> str:
    for place, name in drawn.items():
        text = text.replace(f"{{{place}}}", name)
    return text
