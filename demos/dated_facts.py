"""Facts that hold for a while: python demos/dated_facts.py."""

from serac import FactOverlay

QUESTION = "Who is the head of the Harbour Street library?"


def main() -> None:
    """Two heads of one library, each for their time; the later one is asked about now."""
    with FactOverlay.open(":memory:") as overlay:
        about = {"subject": "Harbour Street library", "relation": "head"}
        overlay.add(
            "The head of the Harbour Street library is Odile Brandt.",
            valid_to="2024-01-01",
            **about,
        )
        overlay.add(
            "The head of the Harbour Street library is Tomas Reyes.",
            valid_from="2024-01-01",
            **about,
        )
        print("now:    ", overlay.ask(QUESTION).text)
        for hit in overlay.memory.search(QUESTION, at="2023-06-01"):
            print("in 2023:", hit.edit.text)


if __name__ == "__main__":
    main()
