"""A question two steps away from an edit, one hop at a time: python demos/multi_hop.py.

The decomposer here knows one pattern; yours may be a model.
"""

import re
from collections.abc import Sequence

from mello import Finish, Hop
from serac import FactOverlay


class WorksIn:
    """Takes "… city where X is located" apart: first where X is, then the rest."""

    def next(self, question: str, hops: Sequence[Hop]) -> str | Finish:
        """Return the next subquestion, or that none is left."""
        found = re.search(r"the city where (.+) is located", question)
        if found is None or len(hops) == 2:
            return Finish()
        if not hops:
            return f"In which city is {found[1]} located?"
        return question.replace(found[0], hops[0].answer.text.rstrip("."))


def main() -> None:
    """Ask a question whose first hop is edited, and show the trace."""
    with FactOverlay.open(":memory:", decomposer=WorksIn()) as overlay:
        overlay.add("The Space Needle is located in Paris.")
        reply = overlay.ask("Which country has the city where the Space Needle is located?")
        for hop in reply.trace.hops if reply.trace else ():
            print(f"{hop.question}\n  {hop.answer.text}  ({hop.answer.source})")
        print(f"[{reply.decision.route}] {reply.text}")


if __name__ == "__main__":
    main()
