"""Telling a short factual query from a task that a fact only comes into on its way."""

from __future__ import annotations

import re

LONGEST = 80
"""Words of a short query, what stands before its question included."""

_VERBS = frozenset(
    """
    add adapt advise analyse analyze argue brainstorm build calculate change check code comment
    compare compose continue convert correct create debate design develop discuss draft edit
    elaborate email evaluate expand extend fill finish fix format generate imagine implement improve
    improvise invent list make narrate outline paraphrase pitch plan play predict prepare pretend
    proofread propose prove quiz rank recommend reformulate rephrase reply respond review revise
    rewrite roleplay shorten simplify sketch solve suggest sum summarise summarize translate turn
    use write
    """.split()
)
"""What a task begins with. ``Tell``, ``name``, ``give``, ``say``, ``explain`` ask for a fact."""

_BEFORE = re.compile(
    r"^(?:(?:please|now|then|and|so|ok|okay|well|hey|hi|also|next|thanks|great|kindly|just|let's"
    r"|let us|help me|can you|could you|would you|will you|can we|i want you to|i'd like you to"
    r"|i would like you to|i need you to|you should|try to|to)[\s,.!:]+)+"
)
_PIECE = re.compile(
    r"\b(?:give|tell|sing|read|show) (?:me|us) (?:an?|some|another) (?:\w+ )?"
    r"(?:poem|story|joke|song|summary|essay|speech|rhyme|haiku|letter|recipe|plan|list)\b"
    r"|^in \w+ (?:sentences|words|lines),"
)
_OPEN_END = re.compile(
    r"\b(?:is|are|was|were|be|by|in|on|at|of|to|from|for|with|as|the|an?|named|called|and|or)$"
)
"""How the beginning of a statement ends, which is to be continued and is no task."""

_SENTENCE = re.compile(r"(?<=[.!?:;])\s+|\n+")


def is_task(query: str) -> bool:
    """Say whether a query asks for a piece of writing or work rather than for a fact.

    A rule on its words: it is long, or a sentence of it begins with the verb of a task.
    """
    if len(query.split()) > LONGEST:
        return True
    for part in _SENTENCE.split(query.replace("’", "'").casefold()):  # noqa: RUF001
        text = part.strip(" \"'-*")
        if _OPEN_END.search(text):
            continue
        verb = re.match(r"[a-z]+(?![\w'])", _BEFORE.sub("", text, count=1))
        if (verb and verb[0] in _VERBS) or _PIECE.search(text):
            return True
    return False
