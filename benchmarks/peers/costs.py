"""What an edit costs, and whether taking it back leaves the model as it was, bit for bit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from memory_store.errors import ErrataError

MIB = 2**20
BETWEEN_LOOKS = 0.005
"""Seconds between two looks at the memory in use."""


@dataclass(slots=True)
class Cost:
    """What something took.

    Attributes:
        seconds: Wall-clock time.
        mib: Growth of the memory in use at its peak, in MiB: of what torch has allocated on a
            GPU, of the process's resident set elsewhere.
    """

    seconds: float = 0.0
    mib: float = 0.0


@contextmanager
def measured(device: str) -> Iterator[Cost]:
    """Yield a cost that is filled in at the end of the block."""
    cost = Cost()
    look = _GpuMemory() if device.startswith("cuda") else _ResidentSet()
    started = time.perf_counter()
    try:
        yield cost
    finally:
        wait(device)
        cost.seconds = time.perf_counter() - started
        cost.mib = look.growth()


def wait(device: str) -> None:
    """Wait until a GPU has done what it was given."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()


class _GpuMemory:
    def __init__(self) -> None:
        import torch

        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        self._before = torch.cuda.memory_allocated()

    def growth(self) -> float:
        import torch

        return float(torch.cuda.max_memory_allocated() - self._before) / MIB


class _ResidentSet:
    def __init__(self) -> None:
        try:
            import psutil
        except ImportError:
            raise ErrataError(
                'memory is measured with psutil; run: pip install "errata[bench]"'
            ) from None
        self._process = psutil.Process()
        self._before = self._peak = self._now()
        self._done = threading.Event()
        self._looker = threading.Thread(target=self._look, daemon=True)
        self._looker.start()

    def _now(self) -> int:
        return int(self._process.memory_info().rss)

    def _look(self) -> None:
        while not self._done.wait(BETWEEN_LOOKS):
            self._peak = max(self._peak, self._now())

    def growth(self) -> float:
        self._done.set()
        self._looker.join()
        return (max(self._peak, self._now()) - self._before) / MIB


class Original:
    """A copy of a model's tensors and of its logits, to see what changes.

    Args:
        model: A causal LM of transformers.
        tokenizer: Its tokenizer.
        probes: Texts whose logits are compared.
    """

    def __init__(self, model: Any, tokenizer: Any, probes: tuple[str, ...]) -> None:
        self.model = model
        self._tokens = [tokenizer(probe, return_tensors="pt")["input_ids"] for probe in probes]
        self._tensors = {name: tensor.detach().clone() for name, tensor in self._named()}
        self._logits = self._told()

    def changed_bytes(self) -> int:
        """Return how many bytes the tensors have that differ from the copy."""
        return sum(
            tensor.nbytes
            for name, tensor in self._named()
            if name not in self._tensors or not _same(tensor, self._tensors[name])
        )

    def is_back(self) -> bool:
        """Say whether every tensor and every logit is what it was, bit for bit."""
        names = [name for name, _ in self._named()]
        if names != list(self._tensors) or self.changed_bytes():
            return False
        return all(_same(a, b) for a, b in zip(self._told(), self._logits, strict=True))

    def _named(self) -> Iterator[tuple[str, Any]]:
        yield from self.model.named_parameters()
        yield from self.model.named_buffers()

    def _told(self) -> list[Any]:
        import torch

        with torch.inference_mode():
            device = self.model.device
            return [self.model(input_ids=ids.to(device)).logits.clone() for ids in self._tokens]


def _same(one: Any, other: Any) -> bool:
    """Say whether two tensors have the same bits: a NaN is then like itself."""
    import torch

    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    bits = [tensor.detach().contiguous().view(-1).view(torch.uint8) for tensor in (one, other)]
    return bool(torch.equal(*bits))
