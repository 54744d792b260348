"""Which device a model runs on."""

from __future__ import annotations

from memory_store.errors import ModelError


def choose_device(name: str | None = None) -> str:
    """Return the name of the device to run on: the best there is, or the one named.

    Args:
        name: Such as ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; ``None`` or ``auto`` takes
            the first there is of cuda, mps and cpu.

    Raises:
        ModelError: There is no such device here; the message lists those there are.
    """
    available = available_devices()
    if name is None or name == "auto":
        return available[0]
    if name in available:
        return name
    raise ModelError(f"no device {name!r} here; choose one of: {', '.join(available)}")


def available_devices() -> list[str]:
    """Return the names of the devices there are, the one to prefer first."""
    import torch  # takes seconds, so only when a model is wanted

    devices = []
    if torch.cuda.is_available():
        devices += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def has_bfloat16_instructions() -> bool:
    """Say whether this processor multiplies bfloat16 itself; one that converts is slower."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
