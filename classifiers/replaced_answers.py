"""Questions that ask for what an edit says, known by their answer.

An everyday question may well be about an edit. One that names an edit's subject, and whose
recorded answer has the object that the edit replaces, mostly asks for the edited fact, so it does
not count as out of scope. The answers are those of the data; no classifier sees them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from classifiers.names import folded_name, is_named


class ReplacedAnswers:
    """The objects that edits replace, by subject.

    Args:
        facts: Records with ``subject`` and ``ground_truth``, one for each edit in memory.
    """

    def __init__(self, facts: Iterable[dict[str, Any]]) -> None:
        self._objects: dict[str, set[str]] = defaultdict(set)
        for fact in facts:
            self._objects[folded_name(fact["subject"])].add(folded_name(fact["ground_truth"]))

    def answer(self, question: str, answers: Iterable[str]) -> bool:
        """Say whether the question names a subject and one of the answers has its old object."""
        asked, told = folded_name(question), list(map(folded_name, answers))
        return any(
            is_named(answer, old)
            for subject, objects in self._objects.items()
            if is_named(asked, subject)
            for old in objects
            for answer in told
        )
