"""Plans of 2WikiMultihopQA's records (Ho et al., COLING 2020), from their triples of evidence."""

from __future__ import annotations

import re
from typing import Any

from mello.plans import Plan, read_plan, write_plan

QUESTIONS = {
    "award received": "Which award did {} receive?",
    "cause of death": "How did {} die?",
    "child": "Who is a child of {}?",
    "composer": "Who composed {}?",
    "country": "Which country is {} in?",
    "country of citizenship": "What is the country of citizenship of {}?",
    "country of origin": "Which country is {} from?",
    "creator": "Who created {}?",
    "date of birth": "When was {} born?",
    "date of death": "When did {} die?",
    "director": "Who directed {}?",
    "editor": "Who is the editor of {}?",
    "educated at": "Where was {} educated?",
    "employer": "Where does {} work?",
    "father": "Who is the father of {}?",
    "founded by": "Who founded {}?",
    "inception": "When was {} founded?",
    "mother": "Who is the mother of {}?",
    "occupation": "What is the occupation of {}?",
    "performer": "Who performed {}?",
    "place of birth": "Where was {} born?",
    "place of burial": "Where is {} buried?",
    "place of death": "Where did {} die?",
    "place of detention": "Where was {} imprisoned?",
    "presenter": "Who presents {}?",
    "producer": "Who produced {}?",
    "publication date": "When was {} released?",
    "publisher": "Who published {}?",
    "sibling": "Who is a sibling of {}?",
    "spouse": "Who is the spouse of {}?",
}
"""A relation's label to our own question for it."""


def two_wiki_plan(record: dict[str, Any]) -> Plan | None:
    """Return a record's plan, or ``None`` where its question doesn't name what the triples do.

    A chain asks for one triple after the other. A comparison asks for both sides, and then the
    question again with the answers beside the names.
    """
    question = record["question"]
    triples = [tuple(map(str, triple)) for triple in record["evidences"]]
    compares = "comparison" in record["type"]
    if any(relation not in QUESTIONS for _, relation, _ in triples):
        return None
    if len(triples) != {"bridge_comparison": 4}.get(record["type"], 2):
        return None
    roots = triples[:2] if compares else triples[:1]
    named = [_named(question, subject) for subject, _, _ in roots]
    if None in named:
        return None
    steps = [_ask(triple[1], str(name)) for triple, name in zip(roots, named, strict=True)]
    for place, triple in enumerate(triples[len(roots) :], start=1):
        steps.append(_ask(triple[1], f"#{place}"))
    if compares:
        last = question
        for number, name in zip(range(len(steps) - 1, len(steps) + 1), named, strict=True):
            whole = rf"(?<!\w){re.escape(str(name))}(?!\w)"
            last = re.sub(whole, f"\\g<0> (#{number})", last, count=1)
        steps.append(last)
    plan = Plan(tuple(steps))
    return plan if read_plan(write_plan(plan)) == plan else None


def _ask(relation: str, subject: str) -> str:
    return QUESTIONS[relation].replace("{}", subject)


def _named(question: str, subject: str) -> str | None:
    """Return a subject as a question names it, with what stands in brackets after it."""
    plain = re.sub(r"\s*\([^)]*\)$", "", subject)
    found = re.search(rf"(?<!\w){re.escape(plain)}(?!\w)(?: \([^)]*\))?", question, re.IGNORECASE)
    return found[0] if found else None
