"""Multi-hop questions over edited knowledge, one hop at a time."""

from mello.hops import Answer, Ask, Decomposer, Finish, Hop, Outcome, Subquestion, Trace
from mello.loop import MAX_HOPS, answer_by_hops
from mello.planned import PlannedDecomposer
from mello.plans import Plan
from mello.prompted import PromptedDecomposer

__all__ = [
    "MAX_HOPS",
    "Answer",
    "Ask",
    "Decomposer",
    "Finish",
    "Hop",
    "Outcome",
    "Plan",
    "PlannedDecomposer",
    "PromptedDecomposer",
    "Subquestion",
    "Trace",
    "answer_by_hops",
]
