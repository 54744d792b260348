"""Questions steps away from an edit, one hop at a time: python demos/multi_hop.py."""

from serac import FactOverlay
from serac.multi_hop import trace_lines

QUESTIONS = (
    "Which country has the city where the Atomium is located?",
    "What is the official language of the country that the city with the Atomium belongs to?",
    "Which country is the city where the Eiffel Tower stands in?",
)


def main() -> None:
    """Ask questions whose first hop is edited and one that isn't, and show the hops."""
    with FactOverlay.open(":memory:") as overlay:
        overlay.add("The Atomium is located in Madrid.")
        for question in QUESTIONS:
            reply = overlay.ask(question, explain=True)
            print(question)
            for line in trace_lines(reply.trace):
                print(f"  {line}")
            print(f"  [{reply.decision.route}] {reply.text}\n")


if __name__ == "__main__":
    main()
