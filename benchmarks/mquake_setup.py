"""MQuAKE's cases, memory and models, put together once for all parts of a run."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from benchmarks.answers import memory_with
from benchmarks.knowing import KnowingBase, known_facts
from benchmarks.mquake import Cases
from benchmarks.mquake_data import EditedQuestions, read_cases, read_edits
from benchmarks.mquake_memory import Worlds
from benchmarks.mquake_models import (
    EditedHops,
    knows,
    multi_hop_run,
    plans_of,
    short_answers_of,
)
from benchmarks.mquake_peers import Peers
from benchmarks.multi_hop import MultiHopRun, Write, judged_by
from benchmarks.remembering import RememberingEncoder
from benchmarks.rows import Rows
from benchmarks.teaching import load_taught, taught_answers_of
from mello import PlannedDecomposer
from memory_store import SentenceTransformerEncoder
from serac.answerers import auto_route, ike
from serac.counterfactual import CounterfactualModel
from serac.decomposer.model import load_plans
from serac.demonstrations import PAPER
from serac.embedded import load_embedded_base
from serac.hop_scope import load_hop_scope
from serac.multi_hop import MultiHop

Answerer = Literal["auto", "counterfactual"]
SPLITS = ("train", "dev", "test")


class Setup(ExitStack):
    """The cases, the memory and the models; closes the memory.

    Args:
        data: The data folder.
        seed: Decides which cases are asked.
        cases: How many, at most, with edits and without.
        decomposer: Folder of the decomposer.
        counterfactual: Folder of the counterfactual model.
        taught: Folder of the taught base, if there is one.
        answerer: Who answers a hop in scope: ``counterfactual``, as in the overlay, or ``auto``,
            which asks IKE where several edits are in scope.
        gated: Whether the gate says which questions are taken apart, as in the overlay.
        split: The split whose cases are asked.
        false_fire: The stated rate that both classifiers of a hop are held to; as in the overlay
            when ``None``.

    Raises:
        ArtifactError: An artifact is missing or damaged, or was taught other cases.
    """

    def __init__(
        self,
        data: Path,
        seed: int,
        cases: int,
        decomposer: Path,
        counterfactual: Path,
        taught: Path | None = None,
        *,
        answerer: Answerer = "counterfactual",
        gated: bool = True,
        split: str = "test",
        false_fire: float | None = None,
    ) -> None:
        super().__init__()
        self.seed = seed
        test = read_cases(data, split, seed)
        others = [case for one in SPLITS if one != split for case in read_cases(data, one, seed)]
        self.cases = Cases(test, others, EditedQuestions(data), cases)
        self.body = load_embedded_base()
        plans = load_plans(self.body, decomposer)
        model = CounterfactualModel.load(self.body, counterfactual)
        bases: dict[str, Write] = {"embedded": short_answers_of(self.body)}
        if taught is not None:
            base = load_taught(self.body, taught, cases, seed)
            bases["taught"] = taught_answers_of(base)
        self.encoder = RememberingEncoder(SentenceTransformerEncoder.embedded())
        hops = load_hop_scope(false_fire)
        folder = self.enter_context(tempfile.TemporaryDirectory())
        edits = [
            {"id": edit.id, "text": edit.text, "subject": edit.subject} for edit in read_edits(data)
        ]
        memory = self.enter_context(memory_with(edits, Path(folder) / "facts.db", self.encoder))
        self.worlds = Worlds(
            memory,
            memory.list(),
            self.encoder,
            hops.scorer,
            hops.threshold,
            hops.recall_floor,
            auto_route if answerer == "auto" else answerer,
            hops.second,
        )
        facts = known_facts([*self.cases.asked, *self.cases.unedited])
        bases["knowing"] = knows(KnowingBase(facts, self.encoder))
        edited = EditedHops(model, ike(self.body, self.encoder), self.body)
        gate = MultiHop(PlannedDecomposer(plans.write), plans.gate.passes).may_have_hops
        self.run: MultiHopRun = multi_hop_run(
            self.worlds.decide,
            plans_of(plans),
            edited,
            bases,
            gate if gated else None,
        )
        self._setting: dict[str, Any] = {
            **judged_by(hops),
            "counterfactual_model": model.fingerprint,
            "decomposer": plans.fingerprint,
            "gated": gated,
            "hops_answered_by": answerer,
            "cases": len(self.cases.asked),
            "edits": len(edits),
        }
        if taught is not None:
            self._setting["taught_base"] = base.name

    @cached_property
    def peers(self) -> Peers:
        """The peers, over the embedded base."""
        return Peers(self.body, ike(self.body, self.encoder, PAPER), self.worlds)

    def rows(self, part: str, command: str) -> Rows:
        """Return the rows of a part, without any yet."""
        extra = {"left_out": self.cases.left_out} if part == "unedited" else {}
        return Rows(f"mquake_{part}", self.seed, command, **self._setting, **extra)
