"""The counterfactual model: the embedded body with a LoRA adapter that reads an edit and answers.

SERAC's counterfactual model (Mitchell et al., ICML 2022) is a small model fine-tuned on edits;
here it shares its body with the embedded base model, which answers as ever when the adapter is
off. It and the base model of an overlay meet as text alone, so any tokenizers go together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from classifiers.artifact_files import CONFIG_FILE, FORMAT, check_numbers, read_hashed
from classifiers.lora_training import ADAPTER_FILE
from memory_store import Edit
from memory_store.errors import ArtifactError
from serac.adapters import AdaptedBase
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
        facts = read_config(folder)
        if facts["body"] != body.fingerprint:
            raise ArtifactError(
                f"the counterfactual model in {folder} was trained on {facts['body']}, not on "
                f"{body.fingerprint or body.name}; train it again with: errata train counterfactual"
            )
        adapter = read_hashed(folder / ADAPTER_FILE, facts["model_sha256"])
        name = f"{ADAPTER}-{facts['model_sha256'][:12]}"
        lora = {key: facts["lora"][key] for key in ("rank", "alpha", "first_layer")}
        return cls(AdaptedBase(body, name, adapter, **lora), facts)


def read_config(folder: Path) -> dict[str, Any]:
    """Return the config of an artifact.

    Raises:
        ArtifactError: It is missing, damaged, or of another version.
    """
    file = folder / CONFIG_FILE
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"), parse_constant=float)
        kind, lora = config["kind"], config["lora"]
        numbers = [lora["rank"], lora["alpha"], lora["first_layer"]]
        texts = [config["body"], config["model_sha256"]]
        readable = config["format"] == FORMAT and all(isinstance(text, str) for text in texts)
    except (FileNotFoundError, NotADirectoryError):
        raise ArtifactError(f"{folder} holds no counterfactual model; train one there") from None
    except OSError as error:
        raise ArtifactError(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{file} is damaged; train again") from error
    if kind != ADAPTER:
        raise ArtifactError(f"{folder} holds no counterfactual model but a {kind}")
    if not readable:
        raise ArtifactError(f"{folder} was made by another version; train again")
    check_numbers(file, numbers)
    if not (isinstance(lora["rank"], int) and isinstance(lora["first_layer"], int)):
        raise ArtifactError(f"{file} is damaged; train again")
    return config
