"""Conversations to train the query rewriter on, each with what its last turn asks.

Half are written one by one (:mod:`classifiers.written_conversations`), the others made up
here: a subject comes up, other things may be said, and the last turn asks for one of its properties
(or for something else) without needing to name it.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from classifiers.facts import read_facts
from classifiers.haste import in_haste
from classifiers.written import context
from classifiers.written_conversations import WrittenConversation, conversations
from serac.conversation import Turn
from serac.query_rewriting.prompt import rewriting_prompt
from serac.query_rewriting.topics import Property, Topic, Topics, wordings
from serac.query_rewriting.written_turns import draw_turn

SHARES = {"conversation": 0.5, "written": 0.25, "everyday": 0.1, "recorded": 0.15}
"""How many conversations are of each source: written one by one, or made up about its subjects."""

LED = 0.3
WORDY = 0.15
OUT_OF_SIGHT = 0.04
UNSEEN = "unseen"
"""The kind of a turn that refers to what isn't shown."""
TAILED = 0.15

_PLURALS = {"is": "are", "was": "were", "does": "do", "has": "have"}
_PLURAL = re.compile(r"\b(is|was|does|has)( they\b)")
_PLURAL_AFTER = re.compile(r"(\b[Tt]hey )(is|was|does|has)\b")

Reference = tuple[str, str, str]
"""What stands for a subject: as subject, as object, as owner."""

_AFTER_PREPOSITION = re.compile(
    r"\b(?:of|in|to|by|for|at|on|with|from|about|into|under|after) $", re.I
)
_ELIDED = re.compile(r" (?:of|at|in|for|with|on|by|from) \{\}(?=[?.]|$)")
_IN_IT = re.compile(r"\b(?:in|at|to) (?:it|that)\b(?=[?.]|$| now\b)")
_AFTER_AUXILIARY = re.compile(r"(?:\b(?:is|are|was|were|did|does|do|has|can|will|that) |^)$", re.I)


@dataclass(frozen=True, slots=True)
class RewritingExample:
    """A conversation, and its last turn as a query of its own.

    Attributes:
        turns: The conversation, the user's turn last.
        query: What the last turn asks; ``None`` where it can be understood as it is.
        kind: What sort of turn it is, and where its subject comes from.
        named: The subjects that may have come up.
    """

    turns: tuple[Turn, ...]
    query: str | None
    kind: str
    named: tuple[str, ...]


def make_rewriting_examples(
    folder: Path, part: str, number: int, seed: int = 0, draw: int = 0
) -> tuple[RewritingExample, ...]:
    """Return so many examples, in a fixed order.

    Args:
        folder: The data folder.
        part: ``fit`` to train on, ``dev`` to choose by: other facts, relations and subjects.
        number: How many.
        seed: Decides every random choice.
        draw: How often examples were drawn before: there are others each time.

    Raises:
        ErrataError: A file of the data is missing or malformed.
    """
    chance = random.Random(f"{seed} {part} {draw}" if draw else f"{seed} {part}")  # noqa: S311
    topics = Topics(read_facts(folder, seed), part, chance)
    written = conversations(part)

    def about(topic: Topic | None) -> RewritingExample | None:
        return None if topic is None else Conversation(topic, chance).example()

    drawn: dict[str, Callable[[], RewritingExample | None]] = {
        "conversation": lambda: _one_by_one(written, chance),
        "written": lambda: about(topics.of_relation()),
        "everyday": lambda: about(topics.of_group()),
        "recorded": lambda: about(topics.of_fact()),
    }
    made: list[RewritingExample] = []
    while len(made) < number:
        source = chance.choices(list(SHARES), list(SHARES.values()))[0]
        example = drawn[source]()
        if example is not None:
            made.append(_as_shown(example))
    return tuple(made)


def _one_by_one(part: tuple[WrittenConversation, ...], chance: random.Random) -> RewritingExample:
    turns, query, named = draw_turn(part, chance)
    last = in_haste(turns[-1].content, chance)
    kind = "stands" if query is None else "follow-up"
    turns = (*turns[:-1], Turn("user", last))
    return RewritingExample(turns, query, f"{kind}, conversation", named)


def _as_shown(example: RewritingExample) -> RewritingExample:
    """Return an example; where a name of its query isn't shown, the turn has to stay as it is."""
    shown, query = rewriting_prompt(example.turns).casefold(), example.query
    if query is None or all(name.casefold() in shown for name in example.named if name in query):
        return example
    return replace(example, query=None, kind=f"{UNSEEN}, {example.kind.partition(', ')[2]}")


def counts(examples: Sequence[RewritingExample]) -> dict[str, int]:
    """Return how many examples there are of each kind."""
    return dict(sorted(Counter(example.kind for example in examples).items()))


class Conversation:
    """A conversation about a topic, as it comes into being.

    Args:
        topic: What it is about.
        chance: Where chance comes from.
    """

    def __init__(self, topic: Topic, chance: random.Random) -> None:
        self.topic, self.chance = topic, chance
        self.turns: list[Turn] = []
        self.described: tuple[str, ...] = ()
        """What the subject may be called after the way in which it came up."""

    def example(self) -> RewritingExample:
        """Return the conversation with a last turn, now and then typed in haste."""
        kinds = {
            self.referring: 34,
            self.labelled: 20,
            self.task: 9,
            self.again: 6,
            self.back: 6,
            self.repeated: 6,
            self.doubted: 7,
            self.of_last: 5,
            self.named: 6,
            self.standing: 13,
            self.chained: 4,
        }
        kind = self.chance.choices(list(kinds), list(kinds.values()))[0]
        last, query = kind()
        if self.chance.random() < OUT_OF_SIGHT and kind not in (self.again, self.back):
            self.leave_names_out()
        name = kind.__name__.replace("_", " ")
        turns = (*self.turns, Turn("user", in_haste(last, self.chance)))
        query = query and _capital(query)
        named = (self.topic.subject, *self.topic.elsewhere)
        return RewritingExample(turns, query, f"{name}, {self.topic.source}", named)

    # Last turns, each with what it asks

    def referring(self) -> tuple[str, str | None]:
        """A question with something else in the subject's place."""
        self.talk()
        asked = self.any_property()
        form = self.chance.choice(asked.questions)
        words = self.noun_reference()
        short = _ELIDED.sub("", form, count=1)
        if short != form and self.chance.random() < 0.3:
            text = _capital(short)
        elif self.described and words and self.chance.random() < 0.35:
            self.exchange(self.any_property(), self.another())
            said = self.chance.choice(self.described)
            text = refer(form, (said, said, f"{said}'s"))
        elif words and self.chance.random() < 0.2:
            text = f"{_capital(words[1])}, {_small(refer(form, self.pronouns()))}"
        else:
            text = refer(form, self.reference())
            if self.chance.random() < 0.6:
                text = _IN_IT.sub(self.chance.choice(("there", "there", "here")), text)
        return self.around(text), form.replace("{}", self.topic.subject)

    def labelled(self) -> tuple[str, str | None]:
        """A property asked for by its label."""
        asked = self.with_label()
        if asked is None:
            return self.referring()
        self.talk()
        text = self.form("by_label", asked.label)
        return self.around(text), f"What is the {asked.label} of {self.topic.subject}?"

    def task(self) -> tuple[str, str | None]:
        """Something to write that has a property in it."""
        asked = self.with_label()
        if asked is None:
            return self.referring()
        self.talk()
        subject = self.topic.subject
        if self.chance.random() < 0.35:
            question = self.chance.choice(self.any_property().questions)
            form = str(self.chance.choice(wordings()["tasks_question"]))
            text = form.replace("{question}", refer(question, self.reference()))
            return text, form.replace("{question}", question.replace("{}", subject))
        form = str(self.chance.choice(wordings()["tasks"]))
        if "{ref}" in form:
            query = form.replace("{ref}", subject).replace("{label}", asked.label)
        else:
            query = form.replace("{label}", f"{asked.label} of {subject}")
        return self.around(self.filled(form, asked.label)), query

    def again(self) -> tuple[str, str | None]:
        """The question before, of another subject by name."""
        asked = self.any_property()
        first, second = self.chance.sample([self.topic.subject, self.another()], 2)
        if self.chance.random() < 0.5:
            self.open(second)
        form = self.exchange(asked, first)
        text = self.chance.choice(wordings()["again"]).replace("{}", second)
        return text, form.replace("{}", second)

    def back(self) -> tuple[str, str | None]:
        """The question before, asked of the first subject without its name."""
        self.open()
        self.chat(0.3)
        asked = self.any_property()
        form = self.exchange(asked, self.another())
        text = self.chance.choice(wordings()["back"])
        reference = self.noun_reference()
        if "{ref}" in text and reference is None:
            text = "And the first one?"
        text = text.replace("{ref}", reference[1] if reference else "")
        return text, form.replace("{}", self.topic.subject)

    def repeated(self) -> tuple[str, str | None]:
        """The question before, once more."""
        self.talk()
        form = self.exchange(self.any_property())
        return self.chance.choice(wordings()["repeats"]), form.replace("{}", self.topic.subject)

    def doubted(self) -> tuple[str, str | None]:
        """A question with a guess, or a doubt about the answer before."""
        asked = self.any_property()
        self.talk()
        form = self.chance.choice(asked.questions)
        forms = [str(one) for one in wordings()["doubts"]]
        if self.chance.random() < 0.5:
            form = self.exchange(asked)
        else:
            forms = [one for one in forms if "{question}" in one]
        text = self.chance.choice(forms).replace("{wrong}", self.chance.choice(self.values()))
        text = text.replace("{question}", refer(form, self.reference()))
        return text, form.replace("{}", self.topic.subject)

    def of_last(self) -> tuple[str, str | None]:
        """A question about another subject, that was spoken of last."""
        other = self.another()
        self.talk()
        self.open(other)
        asked = self.any_property()
        if asked.label and self.chance.random() < 0.4:
            text = self.form("by_label", asked.label, self.pronouns())
            return self.around(text), f"What is the {asked.label} of {other}?"
        form = self.chance.choice(asked.questions)
        return self.around(refer(form, self.pronouns())), form.replace("{}", other)

    def named(self) -> tuple[str, str | None]:
        """A question with a name in it."""
        self.talk()
        name = self.chance.choice(
            (self.topic.subject, *self.topic.elsewhere, *self.topic.elsewhere)
        )
        form = self.chance.choice(self.any_property().questions)
        asked = form.replace("{}", name)
        if self.chance.random() < 0.35:
            lead = self.chance.choice(("", "", "And ", "and ", "By the way, "))
            return f"{lead}{name}, {_small(refer(form, self.pronouns()))}", asked
        return self.around(asked), None

    def standing(self) -> tuple[str, str | None]:
        """Something else altogether."""
        self.talk()
        return self.chance.choice((self.beside, self.beside, self.other_task))(), None

    def chained(self) -> tuple[str, str | None]:
        """What follows up on something else."""
        self.talk()
        asked, reply, last, query = self.chance.choice(wordings()["chained"])
        self.say(asked, reply)
        return last, query

    # Earlier turns

    def talk(self) -> None:
        """Have the subject come up, and more be said."""
        if self.chance.random() < 0.12:
            self.open(self.another())
        if self.chance.random() < 0.1:
            self.exchange(self.any_property(), self.another())
        self.open()
        if self.chance.random() < 0.4:
            self.exchange(self.any_property())
        self.chat(0.4)

    def chat(self, share: float) -> None:
        """Have something else be said, now and then more than once."""
        while self.chance.random() < share:
            if self.chance.random() < 0.15:
                *asked, last, _ = self.chance.choice(wordings()["chained"])
                self.say(*asked)
            else:
                last = self.beside()
            self.say(last, self.chance.choice(wordings()["short_replies"]))

    def open(self, subject: str | None = None) -> None:
        """Have a subject come up, the topic's own unless another is given."""
        told, noun = wordings(), self.topic.noun
        own, subject = subject is None, subject or self.topic.subject
        draw = self.chance.random()
        references: Sequence[str] = ()
        reply = self.chance.choice(
            told["replies" if self.chance.random() < 0.7 else "short_replies"]
        )
        if draw < 0.17:
            opening = self.chance.choice(self.any_property().questions)
        elif draw < 0.47:
            opening, references = self.chance.choice(told["described"])
        elif draw < 0.58:
            opening, reply, references = self.chance.choice(told["suggested"])
        elif noun and draw < 0.7:
            opening = self.chance.choice(told["openings_noun" if own else "openings"])
        else:
            opening = self.chance.choice(told["openings"])
        if own:
            fitting = [one for one in references if noun or "{noun}" not in one]
            self.described = tuple(one.replace("{noun}", noun) for one in fitting)
        for_now = (own and noun) or ("person" if self.topic.person else "one")
        self.say(
            opening.replace("{}", subject).replace("{noun}", for_now), reply.replace("{}", subject)
        )

    def exchange(self, asked: Property, subject: str | None = None) -> str:
        """Have a property be asked for and told; return the question's form."""
        form = self.chance.choice(asked.questions)
        if subject is not None or self.chance.random() < 0.4:
            question = form.replace("{}", subject or self.topic.subject)
        else:
            question = refer(form, self.reference())
        value = self.chance.choice(self.values() if self.chance.random() < 0.5 else asked.values)
        reply = self.chance.choice(("{}.", "It is {}.", "That would be {}.", "I believe {}."))
        self.say(question, reply.replace("{}", value))
        return form

    def say(self, user: str, assistant: str) -> None:
        """Add a turn of the user and its reply, now and then with more around it."""
        if self.chance.random() < WORDY:
            more = self.chance.sample(_filling(), self.chance.choice((1, 2, 4)))
            at = 0 if self.chance.random() < 0.7 else len(more)
            assistant = " ".join([*more[:at], _capital(assistant), *more[at:]])
        self.turns += [Turn("user", user), Turn("assistant", _capital(assistant))]

    def leave_names_out(self) -> None:
        """Take out all that names a subject: nobody could tell then what a turn refers to."""
        names = (self.topic.subject, *self.topic.elsewhere)
        pairs = list(zip(self.turns[::2], self.turns[1::2], strict=True))
        kept = [
            pair
            for pair in pairs
            if not any(name.casefold() in t.content.casefold() for t in pair for name in names)
        ]
        self.turns = [turn for pair in kept for turn in pair]
        if not self.turns:
            self.say(self.beside(), self.chance.choice(wordings()["short_replies"]))

    # Parts of turns

    def any_property(self) -> Property:
        """Return one of the subject's properties."""
        return self.chance.choice(self.topic.properties)

    def another(self) -> str:
        """Return another subject."""
        return self.chance.choice(self.topic.elsewhere)

    def beside(self) -> str:
        """Return small talk, or a message that has nothing to do with the topic."""
        pools = (wordings()["small_talk"], wordings()["everyday"], context()["everyday"])
        return str(self.chance.choice(self.chance.choice(pools)))

    def other_task(self) -> str:
        """Return something to write that has nothing to do with the topic."""
        return str(self.chance.choice(wordings()["tasks_other"]))

    def values(self) -> list[str]:
        """Return what may be answered to any question."""
        return [value for one in self.topic.properties for value in one.values]

    def with_label(self) -> Property | None:
        """Return a property that has a label, if there is any."""
        labelled = [one for one in self.topic.properties if one.label]
        return self.chance.choice(labelled) if labelled else None

    def form(self, kind: str, label: str, reference: Reference | None = None) -> str:
        """Return a turn of a kind that has a property's label in it."""
        return self.filled(str(self.chance.choice(wordings()[kind])), label, reference)

    def filled(self, form: str, label: str, reference: Reference | None = None) -> str:
        """Return a form with a property's label, and what stands for the subject."""
        reference = reference or self.reference()
        text = form.replace("{label}", label)
        text = text.replace("{ref}'s", reference[2]).replace("{ref}", reference[1])
        text = re.sub(r"\bits\b", reference[2], text) if self.topic.person else text
        return _capital(text) if form[0] == "{" and form[1] == "r" else text

    def around(self, text: str) -> str:
        """Return a turn, now and then after an opening word or two, or with more behind it."""
        if self.chance.random() < LED:
            lead = str(self.chance.choice(wordings()["leads"]))
            text = lead + (text if lead.endswith((". ", "! ")) else _small(text))
        if self.chance.random() < TAILED:
            text += str(self.chance.choice(wordings()["tails"]))
        return text

    def reference(self) -> Reference:
        """Return what stands for the subject."""
        if self.chance.random() < 0.5:
            return self.noun_reference() or self.pronouns()
        return self.pronouns()

    def noun_reference(self) -> Reference | None:
        """Return words that stand for the subject, if there are any."""
        noun = self.topic.noun
        if self.described and (not noun or self.chance.random() < 0.6):
            named = self.chance.choice(self.described)
        elif noun:
            named = f"{self.chance.choice(('the', 'the', 'that', 'this', 'our'))} {noun}"
        else:
            return None
        return named, named, f"{named}'s"

    def pronouns(self) -> Reference:
        """Return the subject's pronouns."""
        it, they = ("it", "it", "its"), ("they", "them", "their")
        if self.topic.person:
            return self.chance.choice((("he", "him", "his"), ("she", "her", "her"), they))
        if self.topic.noun in wordings()["of_people"]:
            return self.chance.choice((it, they))
        return self.chance.choice((it, it, ("that", "that", "its")))


def refer(question: str, reference: Reference) -> str:
    """Return a question with ``{}`` replaced by what stands for its subject.

    Args:
        question: With one ``{}``.
        reference: What stands for the subject.
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
    if reference[0] == "they":
        text = _PLURAL.sub(lambda found: _PLURALS[found[1]] + found[2], text)
        text = _PLURAL_AFTER.sub(lambda found: found[1] + _PLURALS[found[2]], text)
    return _capital(text)


@cache
def _filling() -> list[str]:
    """Return sentences that a reply may have around what matters in it."""
    told = [one for one in wordings()["replies"] if "{}" not in one and one.endswith((".", "!"))]
    return [*told, *context()["leading"], *context()["trailing"]]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _small(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2] != text[1:2].upper() else text
