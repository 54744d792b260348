"""Correct a chat model, and take the correction back: python demos/correct_a_model.py."""

from serac import FactOverlay

QUESTION = "In which city is the Space Needle located?"


def main() -> None:
    """Ask before the edit, under it, and after it is gone."""
    with FactOverlay.open(":memory:") as overlay:
        print("before: ", overlay.ask(QUESTION).text)
        edit = overlay.add("The Space Needle is located in Paris.")
        reply = overlay.ask(QUESTION)
        print("edited: ", reply.text, f"  [{reply.decision.route}: {reply.decision.reason}]")
        overlay.remove(edit.id)
        print("removed:", overlay.ask(QUESTION).text)


if __name__ == "__main__":
    main()
