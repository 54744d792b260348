"""Made-up conversations to train the follow-up classifier on, each with an edit beside it.

A subject comes up, other things may be said in between, and the last turn asks for what an edit
says (or for something else) without needing to name the subject. The edits are facts of the
training files, of our own wordings, and everyday ones of our own.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from classifiers import names, written
from classifiers.facts import Fact, FactBook, read_facts
from classifiers.follow_ups import dialogue_text
from classifiers.training_pairs import Pair

FACTS = 24_000
"""Edits that conversations are made up about."""

SHARES = {"written": 0.25, "everyday": 0.25, "recorded": 0.5}
"""How much of the edits each source makes up."""

OF_ANOTHER = 0.4
"""Share of the conversations that are also told apart from an edit of a subject not in them."""

HELD_OUT = 8
"""Every so many of our own relations, one is for dev alone."""

HELD_OUT_GROUP = "house"
"""The everyday subjects that are for dev alone."""

CARELESS = 0.15
TYPO = 0.05

_AFTER_PREPOSITION = re.compile(
    r"\b(?:of|in|to|by|for|at|on|with|from|about|into|under|after) $", re.I
)
_AFTER_AUXILIARY = re.compile(r"(?:\b(?:is|are|was|were|did|does|do|has|can|will|that) |^)$", re.I)


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a subject, as it may be asked for.

    Attributes:
        label: What it is called; empty where there is no short name for it.
        questions: Questions with ``{}`` for the subject.
    """

    label: str
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """An edit with what is needed to talk about it, and past it.

    Attributes:
        edit: The edit.
        subject: Its subject.
        nouns: What sort of thing the subject is.
        person: Whether the subject is a person.
        asked: The property that the edit tells.
        others: Other properties of such a subject.
        elsewhere: Other subjects of its sort.
        value: What the edit says.
        wrong: What it doesn't.
        source: Where it comes from.
    """

    edit: str
    subject: str
    nouns: tuple[str, ...]
    person: bool
    asked: Property
    others: tuple[Property, ...]
    elsewhere: tuple[str, ...]
    value: str
    wrong: str
    source: str


@cache
def wordings() -> dict[str, Any]:
    """Return the turns of our own writing."""
    with (Path(written.FOLDER) / "follow_ups.toml").open("rb") as file:
        return tomllib.load(file)


def make_follow_up_pairs(
    folder: Path, part: str, seed: int = 0, facts: int = FACTS
) -> tuple[Pair, ...]:
    """Return (conversation, edit) pairs, in a fixed order.

    Args:
        folder: The data folder.
        part: ``fit`` to train on, ``dev`` to choose by: other facts, relations and subjects.
        seed: Decides every random choice.
        facts: How many edits conversations are made up about.

    Raises:
        ErrataError: A file of the data is missing or malformed.
    """
    chance = random.Random(f"{seed} {part}")  # noqa: S311
    maker = _Maker(read_facts(folder, seed), part, chance)
    found: dict[tuple[str, str], Pair] = {}
    for pair in maker.pairs(facts):
        found.setdefault((pair.query, pair.edit), pair)
    pairs = list(found.values())
    chance.shuffle(pairs)
    return tuple(pairs)


class _Maker:
    def __init__(self, book: FactBook, part: str, chance: random.Random) -> None:
        self.chance, self.book, self.part = chance, book, part
        named = {relation.name: relation for relation in written.relations()}
        self.ours = {id_: named[name] for id_, name in wordings()["wikidata"].items()}
        self.facts = [
            fact
            for fact in book.facts
            if (fact.part == "dev") is (part == "dev") and fact.subject in fact.edit
            if self.questions(fact)
        ]
        self.objects = [fact.object for fact in self.facts]
        self.told: dict[tuple[str, str], list[str]] = defaultdict(list)
        for fact in self.facts:
            self.told[fact.family, fact.relation].append(fact.object)
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

    def pairs(self, facts: int) -> Iterator[Pair]:
        """Yield pairs about so many edits."""
        makers: dict[str, Callable[[], Topic | None]] = {
            "written": self.of_relation,
            "everyday": self.of_group,
            "recorded": self.of_fact,
        }
        for source, share in SHARES.items():
            for _ in range(round(share * facts)):
                topic = makers[source]()
                if topic is not None:
                    yield from self.about(topic)

    # Topics

    def of_relation(self) -> Topic | None:
        """Return a topic made of one of our own relations."""
        relation = self.chance.choice(self.relations)
        others = [one for one in written.unlike(relation) if set(one.kinds) & set(relation.kinds)]
        if not others:
            return None
        kind = self.chance.choice(relation.kinds)
        pool = written.subjects(kind) or self.things
        if kind == "person" and self.chance.random() < 0.5:
            pool = self.persons
        value, wrong = self.chance.sample(self.objects, 2)
        subject, *elsewhere = self.chance.sample(pool, 4)
        told = self.chance.choice(relation.statements).replace("[]", value)
        if self.chance.random() < 0.25:
            told = f"{self.chance.choice(relation.wordings)} {value}"
        nouns = wordings()["nouns"].get(kind, ["thing"])
        return Topic(
            told.replace("{}", subject),
            subject,
            tuple(nouns),
            kind == "person",
            _as_property(relation),
            tuple(map(_as_property, self.chance.sample(others, min(4, len(others))))),
            tuple(elsewhere),
            value,
            wrong,
            "written",
        )

    def of_group(self) -> Topic:
        """Return a topic that no encyclopedia has."""
        group = self.chance.choice(self.groups)
        asked, *others = self.chance.sample(group["property"], len(group["property"]))
        subject, *elsewhere = self.chance.sample(group["subjects"], 4)
        value, wrong = self.chance.sample(asked["values"], 2)
        told = self.chance.choice(asked["statements"]).replace("[]", value)
        told = told.replace("{}", subject)
        return Topic(
            told[0].upper() + told[1:],
            subject,
            tuple(group["nouns"]),
            group.get("person", False),
            Property(asked["label"], tuple(asked["questions"])),
            tuple(Property(one["label"], tuple(one["questions"])) for one in others),
            tuple(elsewhere),
            value,
            wrong,
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
            unlike = written.unlike(ours)
            others = [one for one in others if one in unlike and set(one.kinds) & set(ours.kinds)]
        if fact.of_person:
            others = [one for one in others if "person" in one.kinds]
        if not others:
            return None
        pool = self.persons if fact.of_person else self.things
        told = wordings()["nouns"]
        nouns = told["person"] if fact.of_person else []
        if ours is not None and len(ours.kinds) == 1:
            nouns = told[ours.kinds[0]]
        return Topic(
            fact.edit,
            fact.subject,
            tuple(nouns),
            fact.of_person,
            Property(ours.label if ours else "", self.questions(fact)),
            tuple(map(_as_property, self.chance.sample(others, min(4, len(others))))),
            tuple(one for one in self.chance.sample(pool, 4) if one != fact.subject)[:3],
            fact.object,
            self.another(self.told[fact.family, fact.relation], fact.object),
            "recorded",
        )

    def another(self, values: Sequence[str], than: str) -> str:
        """Return one of the values that is another than one, if there is any; else any object."""
        others = [value for value in self.chance.choices(values, k=8) if value != than]
        return others[0] if others else self.chance.choice(self.objects)

    def questions(self, fact: Fact) -> tuple[str, ...]:
        """Return questions for a fact's relation: recorded ones, and where we have them our own."""
        worded = self.book.wordings.get((fact.family, fact.relation), [])
        ours = self.ours.get(fact.relation) if fact.family == "counterfact" else None
        return (*filter(is_question, worded), *(_as_property(ours).questions if ours else ()))

    # Conversations

    def about(self, topic: Topic) -> Iterator[Pair]:
        """Yield a conversation in the scope of a topic's edit, and one or two out of it."""
        kind, before, last = self.in_scope(topic)
        yield self.pair(topic, True, kind, before, last)
        if self.chance.random() < OF_ANOTHER and topic.subject in topic.edit:
            told = topic.edit.replace(topic.subject, self.chance.choice(topic.elsewhere))
            named = any(one in text for one in topic.elsewhere for text in (*before, last))
            if not named:
                other = replace(topic, edit=told)
                yield self.pair(other, False, "the edit of another subject", before, last)
        for _ in range(self.chance.choice((1, 2))):
            yield self.pair(topic, False, *self.out_of_scope(topic))

    def pair(self, topic: Topic, label: bool, kind: str, before: Sequence[str], last: str) -> Pair:
        """Return a pair, its last turn now and then typed in haste."""
        draw = self.chance.random()
        if draw < CARELESS:
            last = names.careless(last)
        elif draw < CARELESS + TYPO:
            last = names.typo(last, self.chance)
        return Pair(dialogue_text(before, last), topic.edit, label, f"{kind}, {topic.source}")

    def in_scope(self, topic: Topic) -> tuple[str, list[str], str]:
        """Return kind, earlier turns and last turn of a conversation that asks for the edit."""
        draw = self.chance.random()
        if draw < 0.09:
            other = self.chance.choice(topic.elsewhere)
            before = [*self.opened(topic, other), *self.exchange(topic.asked, other, topic)]
            return "asked again", before, self.again(topic.subject)
        if draw < 0.21:
            before = [*self.opened(topic), *self.exchange(topic.asked, None, topic)]
            if self.chance.random() < 0.5:
                before = self.talk(topic)
                return "doubted", before, self.doubt(topic, topic.asked, whole=True)
            return "doubted", before, self.doubt(topic, topic.asked)
        before = self.talk(topic)
        if draw < 0.27:
            return "named again", before, self.asks(topic.asked, topic.subject)
        if draw < 0.42 and topic.asked.label:
            return "task", before, self.labelled("tasks", topic.asked, topic)
        if draw < 0.65 and topic.asked.label:
            return "label", before, self.led(self.labelled("by_label", topic.asked, topic))
        return "referred to", before, self.led(self.referring(topic.asked, topic))

    def out_of_scope(self, topic: Topic) -> tuple[str, list[str], str]:
        """Return kind, earlier turns and last turn of a conversation that doesn't ask for it."""
        draw, other = self.chance.random(), self.chance.choice(topic.others)
        if draw < 0.08:
            elsewhere = self.chance.choice(topic.elsewhere)
            before = [*self.opened(topic), *self.exchange(topic.asked, None, topic)]
            return "another subject asked again", before, self.again(elsewhere)
        if draw < 0.13:
            elsewhere = self.chance.choice(topic.elsewhere)
            before = [*self.opened(topic, elsewhere), *self.exchange(other, elsewhere, topic)]
            return "another property asked again", before, self.again(topic.subject)
        if draw < 0.21:
            elsewhere = self.chance.choice(topic.elsewhere)
            before = [*self.opened(topic), *self.opened(topic, elsewhere)]
            return "another subject spoken of last", before, self.pronoun(topic.asked, topic)
        if draw < 0.28:
            before = self.talk(topic)
            return (
                "another subject named",
                before,
                self.asks(topic.asked, self.chance.choice(topic.elsewhere)),
            )
        if draw < 0.33:
            before = [*self.opened(topic), *self.exchange(other, None, topic)]
            whole = self.chance.random() < 0.5
            if whole:
                before = self.talk(topic)
            last = self.doubt(topic, other, whole)
            if not whole and self.chance.random() < 0.4:
                last = self.chance.choice(wordings()["checks"])
            return "another property doubted", before, last
        if draw < 0.52:
            told = wordings()
            kind = self.chance.choice(("small_talk", "everyday", "everyday", "tasks_other"))
            return "something else", self.talk(topic), self.chance.choice(told[kind])
        before = self.talk(topic)
        if draw < 0.62 and other.label:
            return "another property, task", before, self.labelled("tasks", other, topic)
        if draw < 0.8 and other.label:
            return (
                "another property, label",
                before,
                self.led(self.labelled("by_label", other, topic)),
            )
        return "another property", before, self.led(self.referring(other, topic))

    def talk(self, topic: Topic) -> list[str]:
        """Return earlier turns: the subject comes up, and more may be said."""
        before: list[str] = []
        if self.chance.random() < 0.15:
            before += self.opened(topic, self.chance.choice(topic.elsewhere))
        before += self.opened(topic)
        if self.chance.random() < 0.3:
            before += self.exchange(self.chance.choice(topic.others), None, topic)
        if self.chance.random() < 0.25:
            before += self.exchange(topic.asked, None, topic)
        for _ in range(self.chance.choice((0, 0, 0, 1, 1, 2))):
            told = wordings()
            asked = self.chance.choice(told[self.chance.choice(("small_talk", "everyday"))])
            before += [asked, self.chance.choice(told["short_replies"])]
        return before

    def opened(self, topic: Topic, subject: str | None = None) -> list[str]:
        """Return the turns in which a subject comes up."""
        subject, told = subject or topic.subject, wordings()
        if self.chance.random() < 0.2:
            opening = self.asks(self.chance.choice(topic.others), subject)
        elif topic.nouns and self.chance.random() < 0.3:
            opening = self.chance.choice(told["openings_noun"])
            opening = opening.replace("{noun}", self.chance.choice(topic.nouns))
        else:
            opening = self.chance.choice(told["openings"])
        replies = "replies" if self.chance.random() < 0.7 else "short_replies"
        reply = self.chance.choice(told[replies])
        return [opening.replace("{}", subject), reply.replace("{}", subject)]

    def exchange(self, asked: Property, subject: str | None, topic: Topic) -> list[str]:
        """Return a question and its reply, of a subject by name or of the topic's."""
        if subject is not None or self.chance.random() < 0.4:
            question = self.asks(asked, subject or topic.subject)
        else:
            question = self.referring(asked, topic)
        value = topic.value if asked is topic.asked and subject is None else topic.wrong
        value = self.chance.choice((value, self.chance.choice(self.objects)))
        form = self.chance.choice(("{}.", "It is {}.", "That would be {}.", "I believe {}."))
        return [question, form.replace("{}", value)]

    # Last turns

    def asks(self, asked: Property, subject: str) -> str:
        """Return a question with the subject's name in it."""
        return self.chance.choice(asked.questions).replace("{}", subject)

    def again(self, subject: str) -> str:
        """Return "And X?"."""
        return str(self.chance.choice(wordings()["again"])).replace("{}", subject)

    def led(self, text: str) -> str:
        """Return a turn, now and then after an opening word or two."""
        if self.chance.random() < 0.65:
            return text
        lead = str(self.chance.choice(wordings()["leads"]))
        if not lead.endswith((". ", "! ")) and len(text) > 1 and text[1] != text[1].upper():
            text = text[0].lower() + text[1:]
        return lead + text

    def doubt(self, topic: Topic, asked: Property, whole: bool = False) -> str:
        """Return a turn that doubts a reply, or where ``whole`` one that needs none before it."""
        forms = [one for one in wordings()["doubts"] if not whole or "{question}" in one]
        form = str(self.chance.choice(forms))
        return form.replace("{wrong}", topic.wrong).replace(
            "{question}", self.referring(asked, topic)
        )

    def labelled(self, forms: str, asked: Property, topic: Topic) -> str:
        """Return a turn that asks for a property by its label."""
        reference = self.reference(topic)
        text = str(self.chance.choice(wordings()[forms])).replace("{label}", asked.label)
        text = text.replace("{ref}'s", reference[2]).replace("{ref}", reference[1])
        return re.sub(r"\bits\b", reference[2], text) if topic.person else text

    def referring(self, asked: Property, topic: Topic) -> str:
        """Return a question with a pronoun or a noun in the subject's place."""
        return refer(self.chance.choice(asked.questions), self.reference(topic))

    def pronoun(self, asked: Property, topic: Topic) -> str:
        """Return a question with a pronoun in the subject's place."""
        return refer(self.chance.choice(asked.questions), self.pronouns(topic))

    def reference(self, topic: Topic) -> tuple[str, str, str]:
        """Return what stands for the subject: as subject, as object, as owner."""
        if topic.nouns and self.chance.random() < 0.4:
            noun = self.chance.choice(topic.nouns)
            named = f"{self.chance.choice(('the', 'the', 'that', 'this'))} {noun}"
            return named, named, f"{named}'s"
        return self.pronouns(topic)

    def pronouns(self, topic: Topic) -> tuple[str, str, str]:
        """Return the subject's pronouns."""
        if topic.person:
            forms = (("he", "him", "his"), ("she", "her", "her"), ("they", "them", "their"))
            return self.chance.choice(forms)
        return self.chance.choice(
            (("it", "it", "its"), ("it", "it", "its"), ("that", "that", "its"))
        )


def refer(question: str, reference: tuple[str, str, str]) -> str:
    """Return a question with ``{}`` replaced by what stands for its subject.

    Args:
        question: With one ``{}``.
        reference: What stands for the subject: as subject, as object, as owner.
    """
    before, _, after = question.partition("{}")
    if after.startswith("'s"):
        text = before + reference[2] + after.removeprefix("'s")
    else:
        last = not after.strip("?., ")
        is_object = _AFTER_PREPOSITION.search(before) or (
            last and not _AFTER_AUXILIARY.search(before)
        )
        text = before + reference[1 if is_object else 0] + after
    return text[0].upper() + text[1:]


def is_question(wording: str) -> bool:
    """Say whether a wording is a question or request, and no sentence to be completed."""
    return wording.rstrip().endswith(("?", ".")) and "{}" in wording


def _as_property(relation: written.Relation) -> Property:
    return Property(relation.label, tuple(w for w in relation.wordings if is_question(w)))
