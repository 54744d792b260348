"""Single answers and traces, kept to be read: they hold records of the data, and are not shared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rows import RESULTS

PRIVATE = Path(__file__).parent / "private"


def keep(told: Sequence[dict[str, Any]], out: Path, name: str) -> None:
    """Write what was asked and answered, if anything was.

    Args:
        told: The records.
        out: Folder of the rows: beside those that are shared it goes to the private folder.
        name: Name of the benchmark.
    """
    if told:
        folder = PRIVATE if out.resolve() == RESULTS.resolve() else out
        folder.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in told)
        (folder / f"told_{name}.jsonl").write_text(lines, encoding="utf-8")
