"""Plans of 2WikiMultihopQA's records (Ho et al., COLING 2020), from their triples of evidence."""

from __future__ import annotations

import re
from typing import Any

from mello import labels
from mello.plans import Plan, read_plan, write_plan


def two_wiki_plan(record: dict[str, Any]) -> Plan | None:
    """Return a record's plan, or ``None`` where its question doesn't name what the triples do.

    A chain asks for one triple after the other. A comparison asks for both sides, and then the
    question again with the answers beside the names.
    """
    question = record["question"]
    triples = [tuple(map(str, triple)) for triple in record["evidences"]]
    compares = "comparison" in record["type"]
    if any(relation not in labels.wordings() for _, relation, _ in triples):
        return None
    if len(triples) != {"bridge_comparison": 4}.get(record["type"], 2):
        return None
    roots = triples[:2] if compares else triples[:1]
    named = [_named(question, subject) for subject, _, _ in roots]
    if None in named:
        return None
    asked = zip((relation for _, relation, _ in roots), map(str, named), strict=True)
    steps = [labels.asked(relation, name)[0] for relation, name in asked]
    for place, triple in enumerate(triples[len(roots) :], start=1):
        steps.append(labels.asked(triple[1], f"#{place}")[0])
    if compares:
        last = question
        for number, name in zip(range(len(steps) - 1, len(steps) + 1), named, strict=True):
            whole = rf"(?<!\w){re.escape(str(name))}(?!\w)"
            last = re.sub(whole, f"\\g<0> (#{number})", last, count=1)
        steps.append(last)
    plan = Plan(tuple(steps))
    return plan if read_plan(write_plan(plan)) == plan else None


def _named(question: str, subject: str) -> str | None:
    """Return a subject as a question names it, with what stands in brackets after it."""
    plain = re.sub(r"\s*\([^)]*\)$", "", subject)
    found = re.search(rf"(?<!\w){re.escape(plain)}(?!\w)(?: \([^)]*\))?", question, re.IGNORECASE)
    return found[0] if found else None
