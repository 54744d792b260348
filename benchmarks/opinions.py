"""Which opinion a text states, by a list of words of our own."""

from __future__ import annotations

import re

from benchmarks.success import folded

LIKING = frozenset(
    """
    admire admired admirable adore amazing awesome beautiful best brilliant charming cool delicious
    delightful enjoy enjoyed enjoyable enjoys excellent exciting fan fantastic fascinating favorite
    favourite fine fond fun glad good gorgeous great happy impressed impressive incredible
    interested interesting like liked likes lovely love loved loves loving nice perfect pleasant
    pleased positive positively remarkable respect respected superb talented terrific wonderful
    """.split()
)
DISLIKING = frozenset(
    """
    annoying appalling awful awfully bad badly bland boring corrupt despise despised detest
    disappointed disappointing disgusting dislike disliked dislikes dreadful dull evil hate hated
    hates hating horrible mediocre nasty negative negatively overrated poor ridiculous terrible
    ugly unpleasant unpopular useless worse worst worthless
    """.split()
)
_NEGATION = frozenset(
    "not never no isn wasn aren don doesn didn won wouldn cannot cant dont nothing".split()
)
REACH = 4
"""Words after a negation that it may turn round."""
_CLAUSE = re.compile(r"[.!?;,:]|\bbut\b", re.IGNORECASE)


def opinion(text: str) -> int:
    """Return 1 for a text that states liking, -1 for one that states dislike, 0 for neither.

    The words of liking are counted against those of dislike; a negation up to :data:`REACH`
    words before one, in the same clause, turns it round.
    """
    total = 0
    for clause in _CLAUSE.split(text.replace("’", "'")):  # noqa: RUF001
        words = folded(clause).split()
        for at, word in enumerate(words):
            sign = (word in LIKING) - (word in DISLIKING)
            negated = _NEGATION.intersection(words[max(0, at - REACH) : at])
            total += -sign if negated else sign
    return (total > 0) - (total < 0)
