"""What made-up conversations are about: subjects with properties that can be asked for.

They are subjects of the training files, names of our own wordings, and everyday subjects that no
encyclopedia has.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from classifiers import written
from classifiers.facts import Fact, FactBook

HELD_OUT = 8
"""Every so many of our own relations, one is for dev alone."""

HELD_OUT_GROUP = "house"
"""The everyday subjects that are for dev alone."""

OTHERS = 4
"""Properties of a subject beside the first, at most."""

OWN_NOUN = 0.7
"""How often a noun that fits the property is taken before one that fits the kind of subject."""


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a subject, as it may be asked for.

    Attributes:
        label: What it is called; empty where there is no short name for it.
        questions: Questions with ``{}`` for the subject.
        values: What may be answered.
    """

    label: str
    questions: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject with what is needed to talk about it, and past it.

    Attributes:
        subject: Its name.
        noun: What sort of thing it is; empty where that isn't known.
        person: Whether it is a person.
        properties: What may be asked of it.
        elsewhere: Other subjects of its sort.
        source: Where it comes from.
    """

    subject: str
    noun: str
    person: bool
    properties: tuple[Property, ...]
    elsewhere: tuple[str, ...]
    source: str


@cache
def wordings() -> dict[str, Any]:
    """Return the turns of our own writing."""
    read: dict[str, Any] = {}
    for name in ("wordings", "mentions"):
        with (Path(__file__).parent / f"{name}.toml").open("rb") as file:
            read |= tomllib.load(file)
    return read


class Topics:
    """Draws topics.

    Args:
        book: The facts of the training files.
        part: ``fit`` to train on, ``dev`` to choose by: other facts, relations and subjects.
        chance: Where chance comes from.
    """

    def __init__(self, book: FactBook, part: str, chance: random.Random) -> None:
        self.book, self.chance = book, chance
        named = {relation.name: relation for relation in written.relations()}
        self.ours = {id_: named[name] for id_, name in wordings()["wikidata"].items()}
        self.facts = [
            fact
            for fact in book.facts
            if (fact.part == "dev") is (part == "dev") and fact.subject in fact.edit
            if self.questions(fact)
        ]
        self.objects = tuple(dict.fromkeys(fact.object for fact in self.facts))
        self.persons = sorted({fact.subject for fact in self.facts if fact.of_person})
        self.things = sorted({fact.subject for fact in self.facts if not fact.of_person})
        held = [n % HELD_OUT == HELD_OUT - 1 for n in range(len(written.relations()))]
        self.relations = [
            relation
            for relation, dev in zip(written.relations(), held, strict=True)
            if dev is (part == "dev")
        ]
        self.groups = [
            group
            for group in wordings()["everyday_group"]
            if (group["name"] == HELD_OUT_GROUP) is (part == "dev")
        ]

    def of_relation(self) -> Topic | None:
        """Return a topic made of one of our own relations."""
        relation = self.chance.choice(self.relations)
        others = [one for one in written.unlike(relation) if set(one.kinds) & set(relation.kinds)]
        if not others:
            return None
        kind = self.chance.choice(relation.kinds)
        pool = list(written.subjects(kind)) or self.things
        if kind == "person" and self.chance.random() < 0.5:
            pool = self.persons
        subject, *elsewhere = self.chance.sample(pool, 4)
        noun = self.noun(relation.name, wordings()["nouns"].get(kind, ["thing"]))
        others = [one for one in others if kind in one.kinds] or others
        properties = [relation, *self.chance.sample(others, min(OTHERS, len(others)))]
        return Topic(
            subject,
            noun,
            kind == "person",
            tuple(map(self.property, properties)),
            tuple(elsewhere),
            "written",
        )

    def of_group(self) -> Topic:
        """Return a topic that no encyclopedia has."""
        group = self.chance.choice(self.groups)
        told = self.chance.sample(group["property"], len(group["property"]))
        subject, *elsewhere = self.chance.sample(group["subjects"], 4)
        return Topic(
            subject,
            self.chance.choice(group["nouns"]),
            group.get("person", False),
            tuple(
                Property(one["label"], tuple(one["questions"]), tuple(one["values"]))
                for one in told
            ),
            tuple(elsewhere),
            "everyday",
        )

    def of_fact(self) -> Topic | None:
        """Return a topic made of a recorded fact."""
        fact = self.chance.choice(self.facts)
        ours = self.ours.get(fact.relation) if fact.family == "counterfact" else None
        worded = self.book.wordings.get((fact.family, fact.relation), [])
        known = " ".join([*worded, fact.edit.replace(fact.subject, ""), fact.relation])
        others = [one for one in self.relations if not one.may_be(known)]
        if ours is not None:
            unlike = {one.name for one in written.unlike(ours)}
            others = [
                one for one in others if one.name in unlike and set(one.kinds) & set(ours.kinds)
            ]
        if fact.of_person:
            others = [one for one in others if "person" in one.kinds]
        if not others:
            return None
        pool = self.persons if fact.of_person else self.things
        noun = self.chance.choice(wordings()["nouns"]["person"]) if fact.of_person else ""
        if ours is not None and len(ours.kinds) == 1:
            noun = self.noun(ours.name, wordings()["nouns"][ours.kinds[0]])
        asked = Property(ours.label if ours else "", self.questions(fact), (fact.object,))
        properties = self.chance.sample(others, min(OTHERS, len(others)))
        return Topic(
            fact.subject,
            noun,
            fact.of_person,
            (asked, *map(self.property, properties)),
            tuple(one for one in self.chance.sample(pool, 4) if one != fact.subject)[:3],
            "recorded",
        )

    def noun(self, relation: str, of_kind: Sequence[str]) -> str:
        """Return a noun for a subject of a relation."""
        own = wordings()["relation_nouns"].get(relation, ())
        if own and self.chance.random() < OWN_NOUN:
            return str(self.chance.choice(own))
        return self.chance.choice(of_kind)

    def questions(self, fact: Fact) -> tuple[str, ...]:
        """Return questions for a fact's relation: recorded ones, and where we have them our own."""
        worded = self.book.wordings.get((fact.family, fact.relation), [])
        ours = self.ours.get(fact.relation) if fact.family == "counterfact" else None
        own = filter(is_question, ours.wordings) if ours else ()
        return (*filter(is_question, worded), *own)

    def property(self, relation: written.Relation) -> Property:
        """Return one of our own relations as a property."""
        questions = tuple(filter(is_question, relation.wordings))
        return Property(relation.label, questions, tuple(self.chance.sample(self.objects, 2)))


def is_question(wording: str) -> bool:
    """Say whether a wording is a question or request, and no sentence to be completed."""
    return wording.rstrip().endswith(("?", ".")) and "{}" in wording
