"""MEND: networks that turn an edit's gradient into a better update.

Mitchell et al., *Fast Model Editing at Scale*, ICLR 2022. Where ours departs: the edit rates begin
at the plain gradient's best on dev, the networks' second layer has no ramp at its beginning,
every fourth step of the training has eight edits share an update, since several are applied at
once here, and the training was short: 3,000 steps over 1,687 edits (the paper's sets have tens of
thousands), after which its losses on dev were still falling.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save

from benchmarks.peers.edited_weights import WeightEditor
from benchmarks.peers.editor import PeerEdit
from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.mend_network import MendNetwork, edited_matrices, gradient_factors
from benchmarks.peers.tokens import pad_token, tokenize
from classifiers.artifact_files import CONFIG_FILE, read_hashed, write_config
from memory_store.errors import ArtifactError

KIND = "mend"
NETWORK_FILE = "mend.safetensors"
BATCH = 32
"""Edits whose gradients are taken at once."""


class Mend(WeightEditor):
    """MEND. The edits of one ``apply`` are summed: all are gradients of the same model.

    Args:
        model: The model, built as Llama is, in float32, already on its device.
        tokenizer: Its tokenizer.
        folder: Where the trained networks lie; see ``python -m benchmarks train mend``.

    Raises:
        ArtifactError: There are none, or they are damaged or of another model.
        ModelError: The model is built otherwise.
    """

    name = "MEND"

    def __init__(self, model: Any, tokenizer: Any, folder: Path) -> None:
        super().__init__(model, tokenizer)
        self.network = load_network(self.blocks, folder)

    @classmethod
    def of(cls, model: Any, tokenizer: Any, network: MendNetwork) -> Mend:
        """Return the editor of networks that are at hand, on the model's device."""
        made = cls.__new__(cls)
        WeightEditor.__init__(made, model, tokenizer)
        made.network = network
        return made

    def edit(self, edits: Sequence[PeerEdit]) -> None:
        """Take the mapped gradients of all edits off the weights."""
        texts = [tokenize(self.tokenizer, edit.prompt, edit.target) for edit in edits]
        matrices = self.network.matrices
        total = [torch.zeros(m.outputs, m.inputs, device=self.blocks.device) for m in matrices]
        for start in range(0, len(texts), BATCH):
            part = texts[start : start + BATCH]
            raw, real = gradient_factors(self.blocks, matrices, part, pad_token(self.tokenizer))
            with torch.no_grad():
                for sum_so_far, factors in zip(total, self.network(raw, real), strict=True):
                    sum_so_far += factors.update()
        with torch.no_grad():
            for matrix, update in zip(matrices, total, strict=True):
                weight = self.blocks.weight(matrix.layer, matrix.name)
                self.kept.keep(weight)
                weight.sub_(update)


def save_network(network: MendNetwork, folder: Path, config: dict[str, Any]) -> int:
    """Write trained networks, and return the size of the file in bytes.

    The large matrices are kept in half precision; what pairs are normalised by is too small for it.

    Args:
        network: The networks.
        folder: Where to.
        config: What stands in the config beside the format, the kind, and the file's hash; it
            must have ``body``, ``blocks`` and ``rank``.
    """
    tensors = {
        name: (tensor.half() if name.startswith("networks.") else tensor).cpu().contiguous()
        for name, tensor in network.state_dict().items()
    }
    content = save(tensors, metadata={"format": "pt"})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NETWORK_FILE).write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    write_config(folder, {"kind": KIND, "model_sha256": sha256, **config})
    return len(content)


def read_config(folder: Path) -> dict[str, Any]:
    """Return what trained networks say of themselves.

    Raises:
        ArtifactError: There are none.
    """
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        kind, _, _ = (config[name] for name in ("kind", "body", "model_sha256"))
        config |= {name: int(config[name]) for name in ("blocks", "rank")}
    except (OSError, ValueError, KeyError, TypeError):
        kind = None
    if kind != KIND:
        raise ArtifactError(
            f"{folder} holds no MEND; make one with: python -m benchmarks train mend"
        )
    return config


def load_network(blocks: LlamaBlocks, folder: Path) -> MendNetwork:
    """Return trained networks on the model's device.

    Raises:
        ArtifactError: There are none, or they are damaged or of another model.
    """
    config = read_config(folder)
    if config["body"] != blocks.fingerprint():
        raise ArtifactError(f"{folder} was trained for another model; train again for this one")
    tensors = load(read_hashed(folder / NETWORK_FILE, config["model_sha256"]))
    network = MendNetwork(edited_matrices(blocks, config["blocks"]), config["rank"])
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise ArtifactError(
            f"{folder / NETWORK_FILE} doesn't fit its config; train again"
        ) from error
    return network.to(blocks.device).eval().requires_grad_(False)
