"""What ``errata add --dry-run`` shows: what an edit would do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from serac.cli.options import err, open_overlay, show
from serac.overlay import FactOverlay
from serac.preview import BlastRadius


def show_preview(
    text: str,
    memory: Path,
    namespace: str,
    *,
    reference: Path | None,
    scope: Path | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Print what an edit would do; a memory that is not there is not begun."""
    from serac.query_files import read_query_texts

    questions = None if reference is None else read_query_texts(reference)
    with _overlay(memory, namespace, scope, device) as overlay:
        found = overlay.preview(text, questions)
    show(asdict(found), as_json, lambda: _told(found))
    if found.warning:
        err.print(f"errata: {found.warning}", soft_wrap=True)


@contextmanager
def _overlay(
    memory: Path, namespace: str, scope: Path | None, device: str | None
) -> Iterator[FactOverlay]:
    # Unlike Path.exists, false for any bad path.
    begun = os.path.exists(memory) and memory.stat().st_size > 0  # noqa: PTH110
    path = memory if begun else Path(":memory:")
    with open_overlay(path, namespace, scope=scope, device=device, create=True) as overlay:
        yield overlay


def _told(found: BlastRadius) -> str:
    lines = [
        f"would answer {found.fired} of {found.questions:,} reference questions: "
        f"{found.share:.2%} ({found.low:.2%} – {found.high:.2%})",  # noqa: RUF001
        f"closest (threshold {found.threshold:.3f}):",
        *(f"  {close.probability:.3f}  {close.question}" for close in found.closest),
    ]
    return "\n".join(lines)
