"""What every training of a LoRA adapter shares: checkpoints, batches, the adapter's file."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from memory_store.errors import ErrataError

ADAPTER_FILE = "adapter_model.safetensors"
CHECKPOINTS = "checkpoints"
GROUPED_BATCHES = 50
"""Batches that are sorted by length together."""

T = TypeVar("T")


def begun(
    checkpoints: Path,
    settings: dict[str, Any],
    examples: Sequence[Any],
    start: bytes | None = None,
) -> bool:
    """Say whether there is a checkpoint to go on from; note what it is a checkpoint of.

    Args:
        checkpoints: Folder of the checkpoints.
        settings: What the training depends on, as plain JSON values.
        examples: What is trained on.
        start: The file of the adapter that training begins with, if it begins with one.

    Raises:
        ErrataError: There are checkpoints, but of another training.
    """
    note = checkpoints / "training.json"
    digest = hashlib.blake2b(repr(examples).encode(), digest_size=8).hexdigest()
    wanted = {**settings, "examples": digest}
    if start is not None:
        wanted["start"] = hashlib.sha256(start).hexdigest()
    if not any(checkpoints.glob("checkpoint-*")):
        checkpoints.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(wanted), encoding="utf-8")
        return False
    try:
        same = json.loads(note.read_text(encoding="utf-8")) == wanted
    except (OSError, ValueError):
        same = False
    if not same:
        raise ErrataError(
            f"{checkpoints} holds checkpoints of another training; remove it, or name another "
            "folder with --out"
        )
    return True


def check_out(out: Path) -> None:
    """Refuse a place for an artifact that can't be one: now, not after an hour.

    Raises:
        ErrataError: It is no folder, or nothing can be written there.
    """
    there = next(one for one in (out, *out.absolute().parents) if one.exists())
    if not there.is_dir():
        raise ErrataError(f"{out} is no folder; name another with --out")
    if not os.access(there, os.W_OK):
        raise ErrataError(f"nothing can be written in {there}; name another folder with --out")


class StepSettings(Protocol):
    """What steps, batches and looks at dev of a training are decided by."""

    @property
    def steps(self) -> int:
        """Optimizer steps at most."""
        ...

    @property
    def batch_size(self) -> int:
        """Examples in a step."""
        ...

    @property
    def learning_rate(self) -> float:
        """Its peak; it rises over the first steps and falls to 0."""
        ...

    @property
    def warmup_steps(self) -> int:
        """Over how many steps it rises."""
        ...

    @property
    def evaluate_every(self) -> int:
        """Steps between two looks at dev, each with a checkpoint."""
        ...


def training_arguments(
    checkpoints: Path,
    settings: StepSettings,
    seed: int,
    *,
    on_gpu: bool,
    show_bar: bool,
    **own: Any,
) -> Any:
    """Return ``transformers.TrainingArguments``; of the checkpoints the best on dev is kept.

    Args:
        checkpoints: Where they go.
        settings: How to train.
        seed: Decides every random choice.
        on_gpu: Whether a GPU is used.
        show_bar: Whether to show the trainer's progress bar.
        **own: What one training has of its own.
    """
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warmup_steps,
        lr_scheduler_type="linear",
        use_cpu=not on_gpu,
        train_sampling_strategy="sequential",
        eval_strategy="steps",
        eval_steps=settings.evaluate_every,
        save_steps=settings.evaluate_every,
        save_total_limit=2,
        restore_callback_states_from_checkpoint=True,
        load_best_model_at_end=True,
        metric_for_best_model="loss",
        greater_is_better=False,
        seed=seed,
        report_to=[],
        disable_tqdm=not show_bar,
        remove_unused_columns=False,
        label_names=["labels"],
        **own,
    )


def logs_to(logger: logging.Logger) -> Any:
    """Return a callback that tells a logger what the trainer would print."""
    from transformers import TrainerCallback

    class Logs(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            logger.info("step %d: %s", state.global_step, json.dumps(logs))

    return Logs()


def grouped_by_length(
    items: Sequence[T], length: Callable[[T], int], batch_size: int, seed: int
) -> list[T]:
    """Return the items so that those of a batch are of like length, and little is padded."""
    span = batch_size * GROUPED_BATCHES
    batches = []
    for start in range(0, len(items), span):
        part = sorted(items[start : start + span], key=length)
        batches += [part[n : n + batch_size] for n in range(0, len(part), batch_size)]
    random.Random(seed).shuffle(batches)  # noqa: S311
    # A short batch in the middle would shift all that follow it.
    batches.sort(key=lambda batch: len(batch) < batch_size)
    return [item for batch in batches for item in batch]


def write_adapter(model: Any, out: Path) -> str:
    """Write the tensors of a peft model's adapter in half precision; return the file's hash."""
    import torch
    from peft import get_peft_model_state_dict

    out.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: tensor.detach().cpu().to(torch.float16).contiguous()
        for name, tensor in get_peft_model_state_dict(model).items()
    }
    return _write(tensors, out)


def mix_adapter(out: Path, start: bytes, mixing: float) -> str:
    """Go back from an adapter part of the way to the one that it began with; return the hash.

    Weights on the way between a model and what further training made of it keep more of what the
    one knew, and most of what the other learned (WiSE-FT; Wortsman et al., CVPR 2022). Here
    LoRA's factors are mixed, each with its own.

    Args:
        out: Folder of the adapter.
        start: The file of the one that it began with.
        mixing: Share of the way that it keeps, in [0, 1].
    """
    import torch
    from safetensors.torch import load

    before, after = load(start), load((out / ADAPTER_FILE).read_bytes())
    mixed = {
        name: torch.lerp(before[name].float(), after[name].float(), mixing).half() for name in after
    }
    return _write(mixed, out)


def _write(tensors: dict[str, Any], out: Path) -> str:
    """Write the tensors of an adapter; return the file's hash."""
    from safetensors.torch import save

    content = save(tensors, metadata={"format": "pt"})
    (out / ADAPTER_FILE).write_bytes(content)
    return hashlib.sha256(content).hexdigest()
