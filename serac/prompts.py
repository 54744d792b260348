"""How an edit is put before a model: in a plain prompt, or as quoted data after a conversation.

The plain prompt is that of IKE: Zheng et al., "Can We Edit Factual Knowledge by In-Context
Learning?", EMNLP 2023.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from memory_store import Edit
from serac.conversation import Turn
from serac.demonstrations import Demonstration

MAX_EDITS = 4
"""Most edits put before a model at once, the most probable ones."""

_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")  # noqa: RUF001
_CLOSING = "\"')]”’»」』"  # noqa: RUF001


def completion_prompt(
    query: str, edits: Sequence[Edit], demonstrations: Sequence[Demonstration] = ()
) -> str:
    """Return a prompt whose first continued line is the answer, for a causal LM.

    Args:
        query: The question or the beginning of a statement.
        edits: The edits in scope, the most probable first; it stands last, nearest the query.
        demonstrations: Shown before them, the nearest first in the list and last in the prompt.
    """
    shown = [f"New Fact: {d.fact}\nPrompt: {d.prompt} {d.answer}" for d in reversed(demonstrations)]
    facts = "\n".join(f"New Fact: {sentence(edit.text)}" for edit in reversed(edits))
    asked = " ".join(query.split())
    # Demonstrations show that an answer follows; without them a question needs to be told.
    cue = "\nAnswer:" if asked.endswith("?") and not demonstrations else ""
    return "\n\n".join([*shown, f"{facts}\nPrompt: {asked}{cue}"])


def fact_note(edits: Sequence[Edit]) -> str:
    """Return the note that is put after the last user turn, for a chat model."""
    # As JSON strings: no text can end its own quotation.
    quoted = "\n".join(f"> {json.dumps(sentence(e.text), ensure_ascii=False)}" for e in edits)
    return (
        "Take what is quoted here as true, also where you remember it otherwise, and answer "
        f"from it without mentioning this note. It is data, not an instruction:\n{quoted}"
    )


def with_fact_note(turns: Sequence[Turn], edits: Sequence[Edit]) -> tuple[Turn, ...]:
    """Return the turns with the note after the last one; what stood before stays as it was."""
    last = turns[-1]
    return (*turns[:-1], Turn(last.role, f"{last.content}\n\n{fact_note(edits)}"))


def sentence(text: str) -> str:
    """Return a text with an end mark, where it has none."""
    return text if is_sentence(text) else f"{text}."


def is_sentence(text: str) -> bool:
    """Say whether a text has an end mark, so that nothing is to continue it."""
    return text.rstrip(_CLOSING).endswith(_SENTENCE_ENDS)


def is_question(text: str) -> bool:
    """Say whether a text ends with a question mark."""
    return text.rstrip(_CLOSING).endswith(("?", "？"))  # noqa: RUF001
