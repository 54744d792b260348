"""A base that knows the facts of the data: the assumption under which MQuAKE was made.

MQuAKE keeps a case only if the model that it was made for recalls every single hop of it, and so
counts a miss on a multi-hop question as a miss of the editing. A small model recalls few of them.
This base stands for one that does: it is given the unedited hops of the asked cases as facts, and
answers a question from the nearest of them about what the question names. It never sees an edit,
nor the path of the case that is being asked: its facts are those of all cases together.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from benchmarks.mquake_data import MultiHopCase
from benchmarks.success import folded
from classifiers.names import folded_name
from memory_store import Encoder
from memory_store.encoder import Vectors

UNKNOWN = "unknown"
"""What is said to a question that no fact answers, so that a loop over hops goes on."""

FLOOR = 0.6
"""Cosine from which on a fact answers; chosen on dev cases by :func:`floors`."""

SHORT_NAME = 3
"""Letters up to which a name must be written as the data do: "US", "IT" and "IN" are words too."""

BLANK = "it"
"""Stands for the subject where wordings are compared."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A fact.

    Attributes:
        question: It as a question.
        cloze: It as the beginning of a statement; empty where there is none.
        answer: Its answer.
        subjects: What it is about, and its aliases; where there is none, :class:`KnowingBase`
            answers only its very texts.
        wordings: Other questions for it.
    """

    question: str
    cloze: str
    answer: str
    subjects: tuple[str, ...]
    wordings: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """All that asks for it, the question first."""
        return tuple(filter(None, (self.question, self.cloze, *self.wordings)))


def known_facts(cases: Iterable[MultiHopCase]) -> list[KnownFact]:
    """Return the unedited hops of cases: all of the old world, and of the new one the rest."""
    facts: dict[str, KnownFact] = {}
    for case in cases:
        unedited = [hop for hop in case.new.hops if not hop.edited]
        for hop in [*case.old.hops, *unedited]:
            fact = KnownFact(hop.question, hop.cloze, hop.answers[0], hop.subjects)
            before = facts.setdefault(folded(hop.question), fact)
            if set(hop.subjects) - set(before.subjects):  # other cases know other aliases
                names = tuple(dict.fromkeys([*before.subjects, *hop.subjects]))
                facts[folded(hop.question)] = replace(before, subjects=names)
    return list(facts.values())


class KnowingBase:
    """Answers questions of one hop from facts.

    A question that is one of a fact's texts is answered at once. Any other is compared with
    the facts whose subject it names, the subject taken out of both.

    Args:
        facts: What it knows.
        encoder: Measures nearness.
        floor: Cosine from which on a fact answers.
    """

    def __init__(self, facts: Sequence[KnownFact], encoder: Encoder, floor: float = FLOOR) -> None:
        self.facts, self.encoder, self.floor = facts, encoder, floor
        self._exact: dict[str, int] = {}
        self._written: dict[str, set[str]] = {}
        self._about: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for place, fact in enumerate(facts):
            for text in filter(None, map(folded, fact.texts)):
                self._exact.setdefault(text, place)
            for subject in _names(fact.subjects):
                name = folded_name(subject)
                self._written.setdefault(name, set()).add(subject)
                places = self._about[_first_word(name)][name]
                if place not in places:
                    places.append(place)

    def answer(self, question: str) -> str:
        """Return the answer, or :data:`UNKNOWN`."""
        fact, _ = self.nearest(question)
        return fact.answer if fact else UNKNOWN

    def answer_all(self, questions: Sequence[str]) -> list[str]:
        """Return the answer to each question."""
        return [self.answer(question) for question in questions]

    def nearest(self, question: str) -> tuple[KnownFact | None, float]:
        """Return the fact that answers a question, and how near the nearest is."""
        exact = self._exact.get(folded(question))
        if exact is not None:
            return self.facts[exact], 1.0
        place, cosine = self.closest(question)
        if place is None or cosine < self.floor:
            return None, cosine
        return self.facts[place], cosine

    def closest(self, question: str) -> tuple[int | None, float]:
        """Return the place of the fact nearest in wording, of those about what is named."""
        named = self._named(question)
        asked = {name: without(question, name) for name in named}
        texts = list(dict.fromkeys(asked.values()))
        if not texts:
            return None, 0.0
        vectors = dict(zip(texts, self.encoder.encode(texts), strict=True))
        best: tuple[float, int | None] = (0.0, None)
        for name, places in named.items():
            for place in places:
                rows = self._vectors[place]
                if len(rows):
                    best = max(
                        best,
                        (float((rows @ vectors[asked[name]]).max()), place),
                        key=lambda one: one[0],
                    )
        return best[1], best[0]

    def _named(self, question: str) -> dict[str, list[int]]:
        """Return the subjects that a question names, folded, with the places of their facts.

        A name inside a longer one that is named too ("York" in "New York") doesn't count.
        """
        text = folded_name(question)
        found = {
            name: places
            for word in set(_WORD.findall(text))
            for name, places in self._about.get(word, {}).items()
            if _pattern(name).search(text) and self._meant(name, question)
        }
        return {
            name: places
            for name, places in found.items()
            if not any(name != other and _pattern(name).search(other) for other in found)
        }

    def _meant(self, name: str, question: str) -> bool:
        """Say whether a short name is there as it is written, and not as a common word."""
        if len(name) > SHORT_NAME:
            return True
        return any(_pattern(written).search(question) for written in self._written[name])

    @cached_property
    def _vectors(self) -> list[Vectors]:
        """(m, d) vectors of each fact's wordings, its subject taken out."""
        flat: list[str] = []
        counts = []
        for fact in self.facts:
            blank = [without(text, fact.subjects[0]) for text in fact.texts if fact.subjects]
            flat += blank
            counts.append(len(blank))
        vectors = self.encoder.encode(flat)
        rows, start = [], 0
        for count in counts:
            rows.append(vectors[start : start + count])
            start += count
        return rows


def without(text: str, subject: str) -> str:
    """Return a text with a word in place of a subject, but for case and accents."""
    plain = folded_name(text)
    taken = _pattern(folded_name(subject)).sub(BLANK, plain, count=1)
    return taken.replace('"', "").strip()


def floors(
    cases: Sequence[MultiHopCase], encoder: Encoder, steps: Sequence[float]
) -> list[tuple[float, float, float]]:
    """Return for each floor how a base of questions fares that is asked the clozes.

    Args:
        cases: Dev cases.
        encoder: Measures nearness.
        steps: The floors.

    Returns:
        Floor; share of clozes answered by their own fact; share of pairs of relations whose
        wordings are near enough that one would answer the other.
    """
    facts = [fact for fact in known_facts(cases) if fact.subjects]
    plain = [KnownFact(fact.question, "", fact.answer, fact.subjects) for fact in facts]
    base = KnowingBase(plain, encoder)
    found = [base.closest(fact.cloze) for fact in facts]
    blank = {without(f.question, f.subjects[0]): without(f.cloze, f.subjects[0]) for f in facts}
    questions, clozes = encoder.encode(list(blank)), encoder.encode(list(blank.values()))
    near = np.maximum(questions @ questions.T, questions @ clozes.T)
    others = near[~np.eye(len(near), dtype=bool)]
    return [
        (
            floor,
            sum(at == n and cosine >= floor for n, (at, cosine) in enumerate(found)) / len(found),
            float((others >= floor).mean()) if others.size else 0.0,
        )
        for floor in steps
    ]


def _names(subjects: Sequence[str]) -> list[str]:
    """Return what a subject can be known by: not an alias that is a common word.

    "country" is an alias of country music, and many a question has that word.
    """
    aliases = [name for name in subjects[1:] if name != name.casefold() or len(name.split()) > 1]
    return [*subjects[:1], *aliases]


def _first_word(name: str) -> str:
    found = _WORD.search(name)
    return found[0] if found else name


_PATTERNS: dict[str, re.Pattern[str]] = {}


def _pattern(name: str) -> re.Pattern[str]:
    """Return what finds a folded name as whole words."""
    if name not in _PATTERNS:
        _PATTERNS[name] = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return _PATTERNS[name]
