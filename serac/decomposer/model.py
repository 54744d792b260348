"""The trained decomposer: it shares its body with the embedded base model, which stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mello.gate import MultiHopGate
from mello.plans import FIRST_STEP, plan_prompt
from serac.adapter_files import adapted, read_adapter_config
from serac.completing import complete_all
from serac.transformers_base import TransformersBase

SHIPPED = Path(__file__).parents[1] / "artifacts" / "decomposer"
ADAPTER = "decomposer"
LONGEST_PLAN = 160
"""Tokens."""

LONGEST_QUESTION = 1_000
"""Characters; what is longer is a message and is not taken apart."""

STOP = "\n\n"


class TrainedPlans:
    """Writes plans with the adapted body; ``write`` is what a ``PlannedDecomposer`` takes.

    The model may write that a question has but one hop; where the gate is sure that it has several,
    it is made to begin with a first step.

    Args:
        model: Continues the prompt.
        facts: What its artifact says of itself.
        gate: Tells the questions that surely have several hops.
    """

    def __init__(self, model: TransformersBase, facts: dict[str, Any], gate: MultiHopGate) -> None:
        self.model = model
        self.facts = facts
        self.gate = gate

    @property
    def fingerprint(self) -> str:
        """Name of the adapter's weights."""
        return f"{ADAPTER}@{self.facts['model_sha256'][:12]}"

    def write(self, question: str) -> str:
        """Return the plan of a question as text; nothing for a message that is too long."""
        if len(question) > LONGEST_QUESTION:
            return ""
        begun = self.begun(question)
        prompt = plan_prompt(question) + begun
        pieces = self.model.complete(prompt, stop=[STOP], max_new_tokens=LONGEST_PLAN)
        return begun + "".join(pieces)

    def write_all(self, questions: Sequence[str], progress: Callable[[int], None]) -> list[str]:
        """Return the same for many questions, read together.

        Args:
            questions: The questions.
            progress: Told how many more plans were written.
        """
        short = [question for question in questions if len(question) <= LONGEST_QUESTION]
        begun = list(map(self.begun, short))
        told = complete_all(
            self.model,
            [plan_prompt(question) + start for question, start in zip(short, begun, strict=True)],
            stop=[STOP],
            max_new_tokens=LONGEST_PLAN,
            progress=progress,
        )
        whole = map(str.__add__, begun, told)
        return [next(whole) if len(one) <= LONGEST_QUESTION else "" for one in questions]

    def begun(self, question: str) -> str:
        """Return how the plan of a question begins, before the model has written anything."""
        return FIRST_STEP if self.gate.is_sure(question) else ""


def load_plans(body: TransformersBase, folder: Path = SHIPPED) -> TrainedPlans:
    """Put an artifact's adapter beside the embedded body.

    Args:
        body: The embedded model, as :func:`serac.embedded.load_embedded_base` returns it.
        folder: Where the artifact lies.

    Raises:
        ArtifactError: A file is missing or damaged, or was made for another body.
    """
    return TrainedPlans(*adapted(body, folder, ADAPTER), load_gate(folder))


def load_gate(folder: Path = SHIPPED) -> MultiHopGate:
    """Return the gate of an artifact.

    Raises:
        ArtifactError: A file is missing or damaged.
    """
    return MultiHopGate.load(folder, read_adapter_config(folder, ADAPTER).get("gate", {}))
