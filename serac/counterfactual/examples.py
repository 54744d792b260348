"""What the counterfactual model is trained on: edits, a query, and the answer that follows.

Recorded subjects are held apart as in the training of the scope classifier: no text that figures
are reported on is asked, also not inside a longer one, and dev has subjects of its own (names and
relations of our own writing are shared). The object is the right answer by the
edit's own words, so half of the facts get another object of the same relation: what is learned
is to read the edit, not to know it.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from classifiers import names, written
from classifiers.facts import Fact, FactBook, read_facts
from classifiers.names import is_named
from classifiers.pairs import ScopeData, folded, read_scope_data, texts_reported_on
from serac.counterfactual.templates import Template, templates
from serac.prompts import sentence

EXAMPLES = 22_400
DEV_EXAMPLES = 600
SHARES = {"counterfact": 6, "zsre": 3, "mquake": 2, "knowedit": 2, "written": 3, "statement": 4}
"""How often each source is drawn from, in parts."""

LEADING = 0.35
OTHER_OBJECT = 0.5
OTHER_NAME = 0.15
REQUEST = 0.12
CARELESS = 0.06
TYPO = 0.04
FOLLOW_UP = 0.25
"""Share of our own wordings that ask as a follow-up does, with the subject put in."""

DISTRACTED = 0.15
"""Share of the queries that are asked with other edits beside the right one."""

DEV_CASE = 6
"""Every so many templates of edits that are no triples, one is for dev."""


@dataclass(frozen=True, slots=True)
class Example:
    """A query under some edits, and its answer.

    Attributes:
        edits: Texts of the edits; one of them answers.
        query: The query.
        answer: What shall be said.
        kind: What sort of query it is.
        expected: What the answer must contain.
        plain: The query before it was put into a longer text or mistyped.
    """

    edits: tuple[str, ...]
    query: str
    answer: str
    kind: str
    expected: str
    plain: str


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples to train on, and others to stop by.

    Attributes:
        fit: To train on.
        dev: To look at.
    """

    fit: list[Example]
    dev: list[Example]

    def counts(self) -> dict[str, int]:
        """Return how many examples there are of each kind."""
        return dict(sorted(Counter(example.kind for example in self.fit).items()))


def make_examples(
    folder: Path, seed: int = 0, examples: int = EXAMPLES, dev_examples: int = DEV_EXAMPLES
) -> Examples:
    """Make examples from the training files and from our own wordings.

    Args:
        folder: The data folder.
        seed: Decides the parts and every random choice.
        examples: How many to train on.
        dev_examples: How many to stop by.

    Raises:
        ErrataError: A file of the data is missing or malformed.
    """
    data, book = read_scope_data(folder, seed), read_facts(folder, seed)
    forbidden = texts_reported_on(folder)
    chance = random.Random(seed)  # noqa: S311
    fit = _Maker(data, book, ("fit", "calibrate"), False, chance)
    dev = _Maker(data, book, ("dev",), True, chance)
    return Examples(
        _first(fit.examples(), examples, forbidden), _first(dev.examples(), dev_examples, forbidden)
    )


def _first(made: Iterator[Example], wanted: int, forbidden: frozenset[str]) -> list[Example]:
    found: list[Example] = []
    while len(found) < wanted:
        example = next(made)
        if folded(example.plain) not in forbidden and folded(example.query) not in forbidden:
            found.append(example)
    return found


class _Maker:
    """Makes examples of the facts and templates of some parts."""

    def __init__(
        self,
        data: ScopeData,
        book: FactBook,
        parts: Sequence[str],
        is_dev: bool,
        chance: random.Random,
    ) -> None:
        self.book, self.chance = book, chance
        self.facts: dict[str, list[Fact]] = defaultdict(list)
        self.objects: dict[tuple[str, str], list[str]] = defaultdict(list)
        for fact in book.facts:
            if fact.part in parts and fact.object and fact.edit.endswith(f" {fact.object}"):
                self.facts[fact.family].append(fact)
                self.objects[fact.family, fact.relation].append(fact.object)
        self.recorded: dict[str, list[str]] = defaultdict(list)
        for query in data.queries:
            if query.edit and query.part in parts:
                self.recorded[query.edit].append(query.text)
        self.subjects = [fact.subject for found in self.facts.values() for fact in found]
        self.values = [fact.object for found in self.facts.values() for fact in found]
        self.leading = [*book.leading, *written.context()["leading"]]
        self.cases = [case for n, case in enumerate(templates()) if (n % DEV_CASE == 0) is is_dev]
        self.sources = [s for s in SHARES if s in ("written", "statement") or self.facts[s]]

    def examples(self) -> Iterator[Example]:
        """Yield examples without end."""
        weights = [SHARES[source] for source in self.sources]
        while True:
            source = self.chance.choices(self.sources, weights)[0]
            if source == "statement":
                example = self.of_statement(self.chance.choice(self.cases))
            elif source == "written":
                example = self.of_written()
            else:
                example = self.of_fact(self.chance.choice(self.facts[source]))
            yield self.distracted(example)

    def of_fact(self, fact: Fact) -> Example:
        """Return an example of a recorded fact, now and then with another object."""
        stem = fact.edit.removesuffix(fact.object)
        value = fact.object
        if self.chance.random() < OTHER_OBJECT:
            value = self.chance.choice(self.objects[fact.family, fact.relation])
        wordings = self.book.wordings.get((fact.family, fact.relation), [])
        recorded = self.recorded.get(fact.edit, [])
        draw = self.chance.random()
        if draw < 0.2 or not (wordings or recorded):
            query, kind = stem.strip(), "exact"
        elif draw < 0.5 and recorded:
            query, kind = self.chance.choice(recorded), "recorded"
        elif wordings:
            subject = self.named(fact.subject, fact.of_person)
            query, kind = self.chance.choice(wordings).replace("{}", subject), "reworded"
        else:
            query, kind = self.chance.choice(recorded), "recorded"
        return self.asked(stem + value, query, value, f"{fact.family}, {kind}")

    def of_written(self) -> Example:
        """Return an example of a fact that is made up from our own wordings."""
        relation = self.chance.choice(written.relations())
        pool = written.subjects(self.chance.choice(relation.kinds))
        subject = self.chance.choice(pool if pool and self.chance.random() < 0.5 else self.subjects)
        value = self.chance.choice(self.values)
        told = self.chance.choice(relation.statements).replace("{}", subject).replace("[]", value)
        query = self.chance.choice(relation.wordings).replace("{}", subject)
        if self.chance.random() < FOLLOW_UP:
            opening = self.chance.choice(("And the", "The", "What about the", "Sorry, what is the"))
            query = f"{opening} {relation.name}, {subject}?"
        return self.asked(told, query, value, "our own wordings")

    def of_statement(self, case: Template) -> Example:
        """Return an example of an edit that is no triple."""
        edit, query, answer = case.filled(self.chance)
        return Example((edit,), query, answer, case.kind, answer, query)

    def asked(self, edit: str, query: str, value: str, kind: str) -> Example:
        """Return an example with the answer in the form that fits the query.

        A beginning is continued, a question is answered by what it asks for, a request by the
        whole statement. What stands around a query, and how it is typed, changes nothing.
        """
        query = plain = query.strip()
        if query.endswith("?"):
            answer = f"{value}."
        elif query.endswith("."):
            answer = f"{value}." if "?" in edit else sentence(edit)
        else:
            answer = value
        draw, asks = self.chance.random(), query.endswith("?")
        if draw < TYPO:
            query, kind = names.typo(query, self.chance), f"{kind}, with a typo"
        elif draw < TYPO + LEADING:
            query, kind = f"{self.chance.choice(self.leading)} {query}", f"{kind}, leading text"
        elif asks and draw < TYPO + LEADING + REQUEST:
            query = self.chance.choice(written.context()["requests"]).replace("{}", query)
            kind = f"{kind}, in a request"
        elif asks and draw < TYPO + LEADING + REQUEST + CARELESS:
            query, kind = names.careless(query), f"{kind}, careless"
        return Example((edit,), query, answer, kind, value, plain)

    def named(self, subject: str, person: bool) -> str:
        """Return a subject, now and then in another writing."""
        if self.chance.random() < OTHER_NAME:
            known = self.book.aliases.get(subject)
            if known:
                return self.chance.choice(known)
            return names.variant(subject, self.chance, person=person) or subject
        return subject

    def distracted(self, example: Example) -> Example:
        """Return an example, now and then with other edits around the one that answers."""
        if self.chance.random() >= DISTRACTED:
            return example
        edits = list(example.edits)
        for _ in range(self.chance.randint(1, 3)):
            edits.insert(self.chance.randint(0, len(edits)), self.other_edit(example))
        kind = f"{example.kind.partition(',')[0]}, among other edits"
        return replace(example, edits=tuple(edits), kind=kind)

    def other_edit(self, example: Example) -> str:
        """Return another edit, which doesn't say the answer too."""
        while True:
            if self.chance.random() < 0.2:
                edit = self.chance.choice(self.cases).filled(self.chance)[0]
            else:
                family = self.chance.choice([f for f in self.facts if self.facts[f]])
                edit = self.chance.choice(self.facts[family]).edit
            if not is_named(edit.casefold(), example.expected.casefold()):
                return edit
