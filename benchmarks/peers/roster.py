"""The editors by name, each made when its turn comes."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from benchmarks.peers.costs import Cost, Original, measured
from benchmarks.peers.editor import Editor
from benchmarks.peers.evaluation import held_text
from benchmarks.peers.fine_tuning import FT, FT_L, FineTuning, FineTuningSettings
from benchmarks.peers.ike import Ike
from benchmarks.peers.in_place import InPlace
from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.mend import Mend, load_network
from benchmarks.peers.mend import read_config as read_mend
from benchmarks.peers.overlay import Overlay
from benchmarks.peers.rag import Rag
from benchmarks.peers.rome import Rome
from benchmarks.peers.rome_values import RomeSettings
from benchmarks.peers.scoring import PlainModel, Remembered
from benchmarks.peers.serac_rule import SeracRule
from benchmarks.peers.stuffing import Stuffing
from benchmarks.peers.unedited import Unedited
from classifiers import TrainedScorer, load_scope_classifier
from memory_store import EditMemory, Encoder, SentenceTransformerEncoder
from memory_store.errors import ErrataError
from serac.counterfactual import SHIPPED
from serac.counterfactual.model import CounterfactualModel, read_config
from serac.demonstrations import PAPER, IkeSettings
from serac.embedded import load_embedded_base
from serac.overlay import FactOverlay
from serac.transformers_base import TransformersBase

PROBES = 4
"""Passages whose first sentences' logits are compared once edits were taken back."""


class Setup:
    """The models that all editors share, each loaded when it is first needed.

    Args:
        device: Where they run.
        base: The model that is edited; the embedded one when ``None``.
        encoder: Finds edits; the embedded one when ``None``.
        mend: Folder of a trained MEND.
        second_moments: Where ROME keeps its second moments; they are made anew when ``None``.
        rome_block: The block that ROME edits; its settings' own when ``None``.
        small: Whether editors shall do with less than their papers say, for a look.
    """

    def __init__(
        self,
        device: str,
        base: TransformersBase | None = None,
        encoder: Encoder | None = None,
        mend: Path | None = None,
        second_moments: Path | None = None,
        rome_block: int | None = None,
        small: bool = False,
    ) -> None:
        self.device, self.mend, self.second_moments = device, mend, second_moments
        self.rome_block = rome_block
        self._base, self._encoder, self.small = base, encoder, small
        self._numbers = itertools.count()
        self._folder = tempfile.TemporaryDirectory()
        self._overlays: list[FactOverlay] = []

    @cached_property
    def base(self) -> TransformersBase:
        """The model that is edited."""
        return self._base or load_embedded_base(self.device)

    @cached_property
    def plain(self) -> PlainModel:
        """The model that is edited, asked plain prompts."""
        return PlainModel(self.base.model, self.base.tokenizer)

    @cached_property
    def unedited(self) -> Remembered:
        """The same, asked each thing once; only to be asked while it is unedited."""
        return Remembered(self.plain)

    @cached_property
    def original(self) -> Original:
        """The copy that the model is held against."""
        probes = tuple(first for first, _ in held_text()[:PROBES])
        return Original(self.base.model, self.base.tokenizer, probes)

    @cached_property
    def encoder(self) -> Encoder:
        """Finds edits; it remembers nothing, since its time counts."""
        return self._encoder or SentenceTransformerEncoder.embedded(self.device, cache_size=0)

    @cached_property
    def scorer(self) -> TrainedScorer:
        """The shipped scope classifier."""
        return load_scope_classifier(self.encoder, None, self.device)

    @cached_property
    def counterfactual(self) -> PlainModel:
        """The shipped counterfactual model, asked plain prompts."""
        model = cast(TransformersBase, CounterfactualModel.load(self.base).model)
        return PlainModel(model.model, model.tokenizer)

    def check(self, names: Sequence[str]) -> None:
        """Refuse at once what editors would refuse when their turn comes, after hours.

        Raises:
            ArtifactError: The folder holds no MEND, or that of another model.
            ModelError: The base model has no such block, or is built otherwise.
        """
        if "mend" in names and self.mend is not None:
            load_network(LlamaBlocks(self.base.model), self.mend)
        if "rome" in names and self.rome_block is not None:
            LlamaBlocks(self.base.model).check_layer(self.rome_block)

    def models_of(self, name: str) -> dict[str, str]:
        """Return what names the trained models that an editor asks beside the base model."""
        told = {}
        if name == "mend" and self.mend is not None:
            told["mend"] = str(read_mend(self.mend)["model_sha256"])[:12]
        if name == "overlay":
            told["scope_classifier"] = self.scorer.fingerprint
        if name in ("overlay", "serac"):
            told["counterfactual_model"] = str(read_config(SHIPPED)["model_sha256"])[:12]
        return told

    def memory(self) -> EditMemory:
        """Return an empty memory in a file of its own."""
        path = Path(self._folder.name) / f"facts{next(self._numbers)}.db"
        return EditMemory.open(path, self.encoder)

    def overlay(self) -> FactOverlay:
        """Return an overlay over an empty memory."""
        made = FactOverlay(
            self.memory(),
            self.scorer,
            self.scorer.threshold_for(),
            base=self.base,
            device=self.device,
            recall_floor=self.scorer.recall_floor,
        )
        self._overlays.append(made)
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for overlay in self._overlays:
            overlay.close()
        self._folder.cleanup()


def _overlay(setup: Setup) -> Editor:
    return Overlay(setup.overlay(), setup.unedited, setup.counterfactual)


def _stuffing(setup: Setup) -> Editor:
    return Stuffing(setup.plain)


def _fine_tuning(settings: FineTuningSettings) -> Callable[[Setup], Editor]:
    def make(setup: Setup) -> Editor:
        return InPlace(FineTuning(setup.base.model, setup.base.tokenizer, settings), setup.plain)

    return make


def _rome(setup: Setup) -> Editor:
    settings = RomeSettings()
    if setup.rome_block is not None:
        settings = replace(settings, layer=setup.rome_block)
    if setup.small:
        settings = replace(settings, moment_tokens=2048, prefixes_each=1, steps=5)
    made = Rome(
        setup.base.model,
        setup.base.tokenizer,
        settings,
        second_moments_file=setup.second_moments,
    )
    made.moments()  # once a model, not once an edit
    made.prefixes()
    return InPlace(made, setup.plain)


def _mend(setup: Setup) -> Editor:
    if setup.mend is None:
        raise ErrataError(NO_MEND)
    return InPlace(Mend(setup.base.model, setup.base.tokenizer, setup.mend), setup.plain)


EDITORS: dict[str, Callable[[Setup], Editor]] = {
    "unedited": lambda setup: Unedited(setup.plain),
    "overlay": _overlay,
    "serac": lambda s: SeracRule(s.unedited, s.counterfactual, s.encoder),
    "ike": lambda s: Ike(s.plain, s.encoder, IkeSettings(4) if s.small else PAPER),
    "rag": lambda s: Rag(s.plain, s.encoder),
    "stuffing": _stuffing,
    "ft": _fine_tuning(FT),
    "ft+l": _fine_tuning(FT_L),
    "rome": _rome,
    "mend": _mend,
}
"""What makes each editor, in the order of the tables."""

OF_WEIGHTS = frozenset({"ft", "ft+l", "rome", "mend"})
"""The editors that change weights, and have to get ready for a model first."""

NO_MEND = "MEND has to be trained first; name its folder with --mend"


def chosen(names: list[str], mend: Path | None) -> list[str]:
    """Return the names of editors to run, all that can be made when none is given.

    Args:
        names: Those that were asked for.
        mend: Folder of a trained MEND, which can't be made without one.

    Raises:
        ErrataError: There is no editor of a name, or it can't be made.
    """
    for name in names:
        if name not in EDITORS:
            raise ErrataError(f"there is no {name}; use {', '.join(EDITORS)}")
    if ("mend" in names or mend is not None) and (mend is None or not mend.is_dir()):
        raise ErrataError(NO_MEND)
    return names or [name for name in EDITORS if name != "mend" or mend is not None]


def made(name: str, setup: Setup) -> tuple[Editor, Cost | None]:
    """Return an editor, ready for its first edit, and what it took to get it ready.

    The latter is ``None`` where most of it was done before: ROME's second moments are in a file.
    """
    _ = setup.original  # before any editor has the model, and outside what is timed
    kept = name == "rome" and setup.second_moments is not None and setup.second_moments.exists()
    with measured(setup.device) as cost:
        editor = EDITORS[name](setup)
    return editor, None if kept else cost
