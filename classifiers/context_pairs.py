"""Pairs of conversations and edits: does the last turn, read with those before it, need the edit?

They are of the conversations that were written one by one. What an edit doesn't answer is mostly
another property of its subject, or the same of another; so edits are also given other names, and
turns go over to another subject.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from classifiers.conversation_view import conversation_view
from classifiers.drawn_names import with_names
from classifiers.haste import in_haste
from classifiers.training_pairs import Pair
from classifiers.turn_pairs import NEEDED, OTHER, JudgedTurn
from classifiers.written_conversations import (
    Exchange,
    NamedConversation,
    WrittenConversation,
    WrittenEdit,
    edited_conversations,
)
from classifiers.written_facts import ANSWERED, written_fact_pairs

OTHER_NAMES = "the edit, of other names"
SHIFTED, OWN_NAME = "a turn that goes over to another subject", "the same with its own subject"
FACT, NEAR_FACT = "written fact, after other talk", "something near a written fact, likewise"

OTHER_SHARE = 0.5
"""Share of a conversation's edits that a turn doesn't need, of which pairs are made."""

ELSEWHERE = 0.25
"""How often a turn that stands alone is put after another conversation altogether."""

FROM_LATER_ON = 0.12
"""How often, otherwise, it is read with the last of the turns before it alone."""

INSERTED = 0.15
"""How often an exchange of another conversation, which stands alone, comes between."""

RENAMED = 0.8
"""How often the edit that a turn needs, or another one, comes with other names too."""

EXCHANGED_ALIKE, EXCHANGED = 0.5, 0.3
"""How often the other name is one of the conversation's, of the same sort or of any."""

KEPT = {NEEDED: 0.5, OTHER: 0.2, OTHER_NAMES: 0.15, SHIFTED: 0.6, OWN_NAME: 0.33}
"""Share of the pairs of each kind that is trained on."""

SAME_SORT = 0.6
"""How often a turn goes over to a subject of the same sort; to any name of another conversation
otherwise."""

AS_QUERY, IN_TURN = 0.4, 0.75
"""How often the turn is a query of its own, or at most one of both: the turn as it was written with
the name in it. Otherwise it follows the turn about the first subject, and names another alone."""

UNCAPITALISED = 0.3

NAMED_TURNS = (
    "{name}? {turn}",
    "And {name}, {turn}",
    "and {name} - {turn}",
    "what about {name}, {turn}",
    "then there's {name}. {turn}",
    "next is {name}. {turn}",
    "{turn} for {name} I mean",
    "ok {name} now. {turn}",
    "{turn} (of {name})",
    "{name}, {turn}",
)
NAMES_ALONE = (
    "And {name}?",
    "and {name}",
    "What about {name}?",
    "{name}?",
    "how about {name}",
    "same for {name}",
    "And for {name}?",
    "now {name} please",
    "And what is it for {name}?",
)

DRAWS = 2
"""How often names are drawn for each conversation."""

FACTS = 3600
"""Pairs of written facts."""

LONGEST_BEGINNING = 4
"""Exchanges of another conversation that stand before a turn at most."""


def context_training_pairs(seed: int = 0) -> list[Pair]:
    """Return what a turn classifier is trained on, in a fixed order.

    Args:
        seed: Decides every random choice.
    """
    chance = random.Random(seed)  # noqa: S311
    of_turns = [*context_pairs(seed), *shifted_pairs(seed)]
    found = [pair for pair in of_turns if chance.random() < KEPT[pair.kind]]
    found += fact_pairs_after_talk(seed)
    chance.shuffle(found)
    return found


def context_turns(part: str, seed: int = 0) -> list[JudgedTurn]:
    """Return the later turns of all conversations that have edits, as they were written.

    Args:
        part: ``dev`` to choose by.
        seed: Decides the names.
    """
    chance = random.Random(f"{seed} {part} ctx")  # noqa: S311
    found = []
    for number, written in enumerate(edited_conversations(part)):
        drawn = written.named(chance)
        edits = tuple(edit.text for edit in drawn.edits)
        for place, exchange in list(enumerate(drawn.exchanges))[1:]:
            found.append(
                JudgedTurn(
                    _view(drawn.exchanges[:place], exchange.user),
                    exchange.query is not None,
                    edits,
                    tuple(place in edit.answers for edit in drawn.edits),
                    (True,) * len(edits),
                    number,
                )
            )
    return found


def context_pairs(seed: int = 0) -> list[Pair]:
    """Return later turns with edits of their conversations, these with other names too.

    Args:
        seed: Decides every random choice.
    """
    chance = random.Random(f"{seed} fit ctx")  # noqa: S311
    return [
        pair
        for conversation, drawn, place, named in _later_turns(chance)
        for pair in _training_pairs(conversation, drawn, place, named, chance)
    ]


def shifted_pairs(seed: int = 0) -> list[Pair]:
    """Return turns that ask for what an edit says, but of a subject that they name themselves.

    Each is made once with another name than the edit's, and once with its own, or as it was
    written where the other one only names another subject after it.

    Args:
        seed: Decides every random choice.
    """
    chance = random.Random(f"{seed} shifted")  # noqa: S311
    everywhere = [names for one in edited_conversations("fit") for names in one.names.values()]
    pairs: list[Pair] = []
    for conversation, drawn, place, named in _later_turns(chance):
        needed = [number for number, edit in enumerate(drawn.edits) if place in edit.answers]
        if not needed:
            continue
        number = chance.choice(needed)
        letter = _subject(conversation, place, conversation.edits[number].text)
        if letter is None:
            continue
        before = _disturbed(drawn, place, named, chance)
        name = _new_name(conversation, drawn, letter, everywhere, chance)
        other, own = _shifted(conversation, drawn, place, before, letter, name, chance)
        edit = drawn.edits[number].text
        pairs += [Pair(other, edit, False, SHIFTED), Pair(own, edit, True, OWN_NAME)]
    return pairs


def fact_pairs_after_talk(seed: int = 0) -> list[Pair]:
    """Return queries of written facts as turns that follow the beginnings of conversations.

    Args:
        seed: Decides every random choice.
    """
    chance = random.Random(f"{seed} after talk")  # noqa: S311
    named = [one.named(chance) for one in edited_conversations("fit")]
    facts = written_fact_pairs("fit", seed)
    chance.shuffle(facts)
    pairs = []
    for fact in facts[:FACTS]:
        exchanges = chance.choice(named).exchanges
        before = exchanges[: chance.randint(1, min(LONGEST_BEGINNING, len(exchanges)))]
        kind = FACT if fact.kind == ANSWERED else NEAR_FACT
        pairs.append(Pair(_view(before, fact.query), fact.edit, fact.label, kind))
    return pairs


def _later_turns(
    chance: random.Random,
) -> Iterator[tuple[WrittenConversation, NamedConversation, int, list[NamedConversation]]]:
    """Yield each later turn's conversation, as written and with names, its place, and all others.

    Names are drawn anew for each round; what else is drawn for a turn comes between them.
    """
    written = edited_conversations("fit")
    for _ in range(DRAWS):
        named = [one.named(chance) for one in written]
        for conversation, drawn in zip(written, named, strict=True):
            for place in range(1, len(drawn.exchanges)):
                yield conversation, drawn, place, named


def _training_pairs(
    conversation: WrittenConversation,
    drawn: NamedConversation,
    place: int,
    others: Sequence[NamedConversation],
    chance: random.Random,
) -> list[Pair]:
    """Return a turn with edits; before it is, now and then, other talk than was written."""
    before = _disturbed(drawn, place, others, chance)
    view = _view(before, in_haste(drawn.exchanges[place].user, chance))
    pairs = [
        _pair(view, edit, place)
        for edit in drawn.edits
        if place in edit.answers or chance.random() < OTHER_SHARE
    ]
    needed = [edit for edit in conversation.edits if place in edit.answers]
    edit = chance.choice(needed or [chance.choice(conversation.edits)])
    if chance.random() < RENAMED:
        text = _renamed(conversation, drawn, edit.text, chance)
        if text is not None and text not in {one.text for one in drawn.edits}:
            pairs.append(Pair(view, text, False, OTHER_NAMES))
    return pairs


def _disturbed(
    drawn: NamedConversation,
    place: int,
    others: Sequence[NamedConversation],
    chance: random.Random,
) -> list[Exchange]:
    """Return the exchanges before a turn, or others where it is understood all the same."""
    before = list(drawn.exchanges[:place])
    stands_alone = drawn.exchanges[place].query is None
    if stands_alone and chance.random() < ELSEWHERE:
        before = list(chance.choice(others).exchanges[:LONGEST_BEGINNING])
    elif chance.random() < FROM_LATER_ON and len(before) > 1 and stands_alone:
        before = before[-chance.randint(1, len(before)) :]
    if chance.random() < INSERTED:
        other = chance.choice(others)
        exchange = chance.choice(other.exchanges)
        if exchange.query is None and other is not drawn:
            before.insert(chance.randint(0, len(before) - 1) if len(before) > 1 else 0, exchange)
    return before


def _renamed(
    conversation: WrittenConversation,
    drawn: NamedConversation,
    edit: str,
    chance: random.Random,
) -> str | None:
    """Return an edit with another name for the first one in it; ``None`` where there is none.

    It is another of the conversation's names, which the edit then has for it if it has it too, or
    a new one of its sort.
    """
    now = _names_by_letter(conversation, drawn)
    first = _first_letter(edit, now)
    if first is None:
        return None
    others = [letter for letter in now if letter != first]
    sort = set(conversation.names[first])
    alike = [letter for letter in others if sort & set(conversation.names[letter])]
    other = None
    if alike and chance.random() < EXCHANGED_ALIKE:
        other = chance.choice(alike)
    elif others and chance.random() < EXCHANGED:
        other = chance.choice(others)
    if other is not None:
        return with_names(edit, {**now, first: now[other], other: now[first]})
    new = [name for name in conversation.names[first] if name not in now.values()]
    return with_names(edit, {**now, first: chance.choice(new)}) if new else None


def _subject(conversation: WrittenConversation, place: int, edit: str) -> str | None:
    """Return the letter of the first name in an edit that is asked about; ``None`` without one."""
    exchange = conversation.exchanges[place]
    asked = exchange.query or exchange.user
    return _first_letter(edit, [one for one in conversation.names if f"{{{one}}}" in asked])


def _first_letter(edit: str, letters: Iterable[str]) -> str | None:
    """Return the letter whose place comes first in an edit; ``None`` where it has none of them."""
    inside = [letter for letter in letters if f"{{{letter}}}" in edit]
    return min(inside, key=lambda letter: edit.index(f"{{{letter}}}"), default=None)


def _names_by_letter(conversation: WrittenConversation, drawn: NamedConversation) -> dict[str, str]:
    return dict(zip(conversation.names, drawn.names, strict=True))


def _new_name(
    conversation: WrittenConversation,
    drawn: NamedConversation,
    letter: str,
    everywhere: Sequence[Sequence[str]],
    chance: random.Random,
) -> str:
    """Return a name that the conversation doesn't have, of the same sort or of any."""
    same = conversation.names[letter] if chance.random() < SAME_SORT else ()
    names = [name for name in same if name not in drawn.names]
    while not names:
        names = [name for name in chance.choice(everywhere) if name not in drawn.names]
    return chance.choice(names)


def _shifted(
    conversation: WrittenConversation,
    drawn: NamedConversation,
    place: int,
    before: Sequence[Exchange],
    letter: str,
    name: str,
    chance: random.Random,
) -> tuple[str, str]:
    """Return a turn that asks the same about another name, and one that asks about its own."""
    written, exchange = conversation.exchanges[place], drawn.exchanges[place]
    now = _names_by_letter(conversation, drawn)
    own = now[letter]
    draw = chance.random()
    if draw < AS_QUERY:
        asked = written.query or written.user
        turns = [with_names(asked, {**now, letter: one}) for one in (name, own)]
    elif draw < IN_TURN and f"{{{letter}}}" not in written.user:
        form = chance.choice(NAMED_TURNS)
        turns = [form.format(name=one, turn=exchange.user) for one in (name, own)]
    else:
        alone = chance.choice(NAMES_ALONE).format(name=name)
        return _view([*before, exchange], alone), _view(before, exchange.user)
    other, same = (turn.lower() if chance.random() < UNCAPITALISED else turn for turn in turns)
    return _view(before, other), _view(before, same)


def _view(before: Sequence[Exchange], user: str) -> str:
    said = [
        (role, text)
        for one in before
        for role, text in (("user", one.user), ("assistant", one.assistant))
    ]
    return conversation_view(said, user)


def _pair(view: str, edit: WrittenEdit, place: int) -> Pair:
    right = place in edit.answers
    return Pair(view, edit.text, right, NEEDED if right else OTHER)
