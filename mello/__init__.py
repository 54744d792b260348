"""Multi-hop questions over edited knowledge, one hop at a time."""

from mello.hops import Answer, Ask, Decomposer, Finish, Hop, Outcome, Trace
from mello.loop import MAX_HOPS, answer_by_hops

__all__ = [
    "MAX_HOPS",
    "Answer",
    "Ask",
    "Decomposer",
    "Finish",
    "Hop",
    "Outcome",
    "Trace",
    "answer_by_hops",
]
