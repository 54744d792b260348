"""What the counterfactual model reads: the edits, the query, and where its answer begins."""

from __future__ import annotations

from collections.abc import Sequence

from serac.prompts import sentence

STOP = "\n"
"""Where an answer ends, if the model doesn't end it itself."""


def counterfactual_prompt(query: str, edits: Sequence[str]) -> str:
    """Return the prompt; the answer continues it after a space.

    Args:
        query: The question, the beginning of a statement, or a request.
        edits: Texts of the edits, in any order.
    """
    told = "\n".join(f"Edit: {sentence(' '.join(text.split()))}" for text in edits)
    return f"{told}\nQuery: {' '.join(query.split())}\nAnswer:"
