"""The queries that the cross-encoder is trained on: recorded ones, and more made from facts.

Every query knows the edits that it is in the scope of, and may name edits that it must be
told apart from. What the nearest edits add is for :mod:`classifiers.training_pairs`.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from classifiers import names, written
from classifiers.edited_subjects import NEAR_SYNONYMS
from classifiers.facts import Fact, FactBook
from classifiers.pairs import ScopeData, ScopeQuery, folded

IN_CONTEXT = 0.12
LEADING = 0.5
CARELESS = 0.06
TYPO = 0.05
OTHER_NAME = 0.35
AS_ANSWER = 0.5
"""Share of the made-up edits that are worded as a question or cloze with its answer."""

WRITTEN_FACTS = 15_000
"""Facts made up from our own wordings."""

ALIKE = (
    {"P364", "P407"},
    {"P35", "P6", "P1308", "P488", "P169", "P1037"},
    {"P127", "P176", "P178"},
    {"P495", "P740", "P17", "P27"},
    *NEAR_SYNONYMS,  # two of them are within wider groups above
)
"""Relations, by Wikidata's ids, that can't be told apart for every subject."""

FITTED = ("fit", "calibrate")
"""The parts that are trained on."""

CONFUSIONS = (
    *["same subject, other relation"] * 5,
    "near-miss name",
    "reversed",
    "negated",
    "same relation, other subject",
)
"""What a made-up fact is to be told apart from, as often as it stands here."""


@dataclass(frozen=True, slots=True)
class TrainingQuery:
    """A query to train on.

    Attributes:
        text: The query.
        kind: What it is.
        edit: The edit whose scope it is in, if any.
        against: Edits that it is not in the scope of, each with the kind of the pair.
        about: (family, relation, subject) that it asks for, where known.
        plain: The query before it was put into a longer text or mistyped.
    """

    text: str
    kind: str
    edit: str | None = None
    against: tuple[tuple[str, str], ...] = ()
    about: tuple[str, str, str] | None = None
    plain: str = ""


def training_queries(
    data: ScopeData,
    book: FactBook,
    neighbours: Sequence[tuple[str, str]],
    seed: int,
    forbidden: Collection[str] = (),
    written_facts: int = WRITTEN_FACTS,
) -> list[TrainingQuery]:
    """Return every query to train on, in a fixed order.

    Args:
        data: The recorded queries; those of the part ``dev`` are not used.
        book: The facts; likewise.
        neighbours: (prompt, edit) where the prompt asks the edit's relation of another subject.
        seed: Decides every random choice.
        forbidden: Texts, folded, that may not be asked: those that figures are reported on or
            chosen by.
        written_facts: How many facts to make up from our own wordings.
    """
    chance = random.Random(seed)  # noqa: S311
    maker = _Maker(data, book, chance)
    found = [
        *maker.recorded(),
        *(
            TrainingQuery(text, "neighbour", None, ((edit, "neighbour"),))
            for text, edit in neighbours
        ),
        *(query for fact in maker.facts for query in maker.of_fact(fact)),
        *maker.of_written(written_facts),
        *(TrainingQuery(text, "everyday") for text in written.context()["everyday"]),
    ]
    allowed = [query for query in found if folded(query.text) not in forbidden]
    roughened = map(maker.roughened, allowed)
    return [query for query in roughened if folded(query.text) not in forbidden]


def alike(first: str, second: str, book: FactBook) -> bool:
    """Say whether two relations of a family can't be told apart for every subject."""
    pair = frozenset((first, second))
    return first == second or pair in book.alike or any(pair <= group for group in ALIKE)


def usable_scope_pair(query: ScopeQuery, fact: Fact | None, parts: Collection[str]) -> bool:
    """Say whether a question of PokeMQA is about its edit's subject, and that in the right part.

    Some ask from the object's side. Their subjects are known only where the edit is worded with
    one of MQuAKE's clozes.
    """
    return fact is not None and fact.part in parts and fact.subject in query.text


class _Maker:
    def __init__(self, data: ScopeData, book: FactBook, chance: random.Random) -> None:
        self.data, self.book, self.chance = data, book, chance
        self.facts = [fact for fact in book.facts if fact.part != "dev"]
        self.known = {fact.edit: fact for fact in book.facts}
        self.by_family: dict[str, list[str]] = defaultdict(list)
        for family, relation in sorted(book.wordings):
            self.by_family[family].append(relation)
        self.aliases = dict(book.aliases)
        for name, other in written.context()["aliases"]:
            self.aliases[name] = [*self.aliases.get(name, []), other]
            self.aliases[other] = [*self.aliases.get(other, []), name]
        self.all_subjects = [fact.subject for fact in self.facts]
        self.persons = [fact.subject for fact in self.facts if fact.of_person]
        self.objects = [fact.object for fact in self.facts]

    def recorded(self) -> Iterator[TrainingQuery]:
        """Yield the queries of the files."""
        for query in self.data.queries:
            if query.part == "dev" and query.source != "scope_pairs":
                continue
            fact = self.known.get(query.edit or "")
            if query.source == "scope_pairs" and not usable_scope_pair(query, fact, FITTED):
                continue
            about = fact.about if fact else None
            against = ((query.against, query.kind),) if query.against else ()
            yield TrainingQuery(query.text, query.kind, query.edit, against, about)

    def of_fact(self, fact: Fact) -> Iterator[TrainingQuery]:
        """Yield queries in the scope of a fact, and others that only look so."""
        about = fact.about
        wordings = self.book.wordings.get((fact.family, fact.relation), [])
        if not wordings:
            return
        for _ in range(2 if fact.family == "counterfact" else 1):
            subject, kind = self.named(fact.subject, "paraphrase", fact.of_person)
            text = self.chance.choice(wordings).replace("{}", subject)
            if fact.family == "counterfact" and self.chance.random() < LEADING:
                text = f"{self.chance.choice(self.book.leading)} {text}"
                kind = "paraphrase with leading text"
            yield TrainingQuery(text, kind, fact.edit, (), about)
        yield from self.confusing(fact, wordings)

    def confusing(self, fact: Fact, wordings: Sequence[str]) -> Iterator[TrainingQuery]:
        """Yield one or two queries that look as if they were in the scope of a fact."""
        one_of = self.chance.random()
        text = None
        if one_of < 0.55 or fact.family == "knowedit":
            kind, text = "same subject, other relation", self.other_relation(fact)
        elif one_of < 0.75:
            near = names.near_miss(fact.subject, self.all_subjects, self.chance)
            kind = "near-miss name"
            text = near and self.chance.choice(wordings).replace("{}", near)
        elif one_of < 0.85:
            kind = "subject and object swapped"
            text = self.chance.choice(wordings).replace("{}", fact.object)
        elif one_of < 0.9:
            kind = "negated"
            asked = written.negated(self.chance.choice(wordings))
            text = asked and asked.replace("{}", fact.subject)
        else:
            kind = "same relation, other subject"
            other = self.chance.choice(self.all_subjects)
            if other != fact.subject:
                text = self.chance.choice(wordings).replace("{}", other)
        if text:
            yield TrainingQuery(text, kind, None, ((fact.edit, kind),), None)

    def other_relation(self, fact: Fact) -> str | None:
        """Return a query about another relation of a fact's subject."""
        if fact.family in ("mquake", "knowedit") and self.chance.random() < 0.5:
            relation = self.chance.choice(self.by_family[fact.family])
            if alike(relation, fact.relation, self.book):
                return None
            return self.chance.choice(self.book.wordings[fact.family, relation]).replace(
                "{}", fact.subject
            )
        known = self.book.wordings.get((fact.family, fact.relation), [])
        worded = " ".join([*known, fact.edit.replace(fact.subject, ""), fact.relation])
        for _ in range(5):
            relation_ = self.chance.choice(written.relations())
            if not relation_.may_be(worded):
                return self.chance.choice(relation_.wordings).replace("{}", fact.subject)
        return None

    def of_written(self, facts: int) -> Iterator[TrainingQuery]:
        """Yield queries about facts that are made up from our own wordings."""
        for _ in range(facts):
            relation = self.chance.choice(written.relations())
            kind = self.chance.choice(relation.kinds)
            pool = written.subjects(kind)
            own = pool and self.chance.random() < 0.5
            subject = self.chance.choice(pool if own else self.all_subjects)
            value = self.chance.choice(self.objects)
            edit = self.told(relation, value).replace("{}", subject)
            asked, named = self.named(
                subject, "question in our own words", bool(own) and kind == "person"
            )
            text = self.chance.choice(relation.wordings).replace("{}", asked)
            about = ("written", relation.name, subject)
            yield TrainingQuery(text, named, edit, (), about)
            kind = self.chance.choice(CONFUSIONS)
            other = self.confused(kind, relation, subject, value)
            if other:
                yield TrainingQuery(other, kind, None, ((edit, kind),))

    def told(self, relation: written.Relation, value: str) -> str:
        """Return an edit with ``{}`` for its subject: a statement, or a question and its answer."""
        if self.chance.random() < AS_ANSWER:
            return f"{self.chance.choice(relation.wordings)} {value}"
        return self.chance.choice(relation.statements).replace("[]", value)

    def confused(
        self, kind: str, relation: written.Relation, subject: str, value: str
    ) -> str | None:
        """Return a query that only looks as if it asked for a made-up fact."""
        wording = self.chance.choice(relation.wordings)
        if kind == "same subject, other relation":
            others = written.unlike(relation)
            if not others:
                return None
            return self.chance.choice(self.chance.choice(others).wordings).replace("{}", subject)
        if kind == "near-miss name":
            near = names.near_miss(subject, self.all_subjects, self.chance)
            return near and wording.replace("{}", near)
        if kind == "reversed":
            return self.chance.choice(relation.reverse).replace("{}", value)
        if kind == "negated":
            refused = written.negated(wording)
            return refused and refused.replace("{}", subject)
        elsewhere = self.chance.choice(self.all_subjects)
        return wording.replace("{}", elsewhere) if elsewhere != subject else None

    def named(self, subject: str, kind: str, person: bool) -> tuple[str, str]:
        """Return a subject, now and then under another name, and the kind of query it makes."""
        if self.chance.random() < OTHER_NAME:
            known = self.aliases.get(subject)
            if known:
                return self.chance.choice(known), "alias"
            other = names.variant(subject, self.chance, person=person, others=self.persons)
            if other:
                return other, "alias"
        return subject, kind

    def roughened(self, query: TrainingQuery) -> TrainingQuery:
        """Return a query, now and then inside a longer message or with a slip of the finger."""
        draw, text, kind = self.chance.random(), query.text, query.kind
        if draw < IN_CONTEXT:
            text, kind = written.in_context(text, self.chance), f"{kind}, in a longer text"
        elif draw < IN_CONTEXT + CARELESS:
            text, kind = names.careless(text), f"{kind}, without capitals"
        elif draw < IN_CONTEXT + CARELESS + TYPO:
            text, kind = names.typo(text, self.chance), f"{kind}, with a typo"
        return TrainingQuery(text, kind, query.edit, query.against, query.about, query.text)
