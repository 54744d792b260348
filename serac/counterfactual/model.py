"""The counterfactual model: the embedded body with a LoRA adapter that reads an edit and answers.

SERAC's counterfactual model (Mitchell et al., ICML 2022) is a small model fine-tuned on edits;
here it shares its body with the embedded base model, which answers as ever when the adapter is
off. It and the base model of an overlay meet as text alone, so any tokenizers go together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from memory_store import Edit
from serac.adapter_files import adapted, read_adapter_config
from serac.bases import CompletionModel, at_most
from serac.conversation import Turn
from serac.counterfactual.prompt import STOP, counterfactual_prompt
from serac.prompts import MAX_EDITS
from serac.text_stream import stripped
from serac.transformers_base import TransformersBase

SHIPPED = Path(__file__).parents[1] / "artifacts" / "counterfactual"
ADAPTER = "counterfactual"
LONGEST_ANSWER = 64
"""Tokens."""


class CounterfactualModel:
    """Answers from edits; fits :class:`serac.answerers.Answerer`.

    Args:
        model: Continues the prompt.
        facts: What its artifact says of itself.
    """

    def __init__(self, model: CompletionModel, facts: dict[str, Any]) -> None:
        self.model = model
        self.facts = facts

    @property
    def fingerprint(self) -> str:
        """Name of the adapter's weights."""
        return f"{ADAPTER}@{self.facts['model_sha256'][:12]}"

    def answer(
        self,
        turns: Sequence[Turn],
        edits: Sequence[Edit],
        reading: str | None = None,
        max_new_tokens: int | None = None,
    ) -> str:
        """Return the answer to the last turn under the edits."""
        return "".join(self.stream(turns, edits, reading, max_new_tokens))

    def stream(
        self,
        turns: Sequence[Turn],
        edits: Sequence[Edit],
        reading: str | None = None,
        max_new_tokens: int | None = None,
    ) -> Iterator[str]:
        """Yield the same answer piece by piece."""
        prompt = self.prompt(reading or turns[-1].content, edits)
        most = at_most(LONGEST_ANSWER, max_new_tokens)
        return stripped(self.model.complete(prompt, stop=[STOP], max_new_tokens=most))

    def prompt(self, query: str, edits: Sequence[Edit]) -> str:
        """Return the prompt, the most probable edit nearest to the query."""
        told = [edit.text for edit in reversed(edits[:MAX_EDITS])]
        return counterfactual_prompt(query, told)

    @classmethod
    def load(cls, body: TransformersBase, folder: Path = SHIPPED) -> CounterfactualModel:
        """Put an artifact's adapter beside the embedded body.

        Args:
            body: The embedded model, as :func:`serac.embedded.load_embedded_base` returns it.
            folder: Where the artifact lies.

        Raises:
            ArtifactError: A file is missing or damaged, or was made for another body.
        """
        return cls(*adapted(body, folder, ADAPTER))


def read_config(folder: Path) -> dict[str, Any]:
    """Return the config of an artifact.

    Raises:
        ArtifactError: It is missing, damaged, or of another version.
    """
    return read_adapter_config(folder, ADAPTER)
