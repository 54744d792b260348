"""Files of what was written one by one to train on: records, of which some are for dev alone."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HELD_OUT = 10
"""Every so many records of a file, one is for dev alone."""


def written_records(folder: Path, kind: str) -> Iterator[tuple[bool, dict[str, Any]]]:
    """Yield the records of a folder's TOML files, each after whether it is for dev.

    Args:
        folder: The folder; its files are read by name.
        kind: What the records are called in them.
    """
    for file in sorted(folder.glob("*.toml")):
        with file.open("rb") as opened:
            records = tomllib.load(opened)[kind]
        for number, record in enumerate(records):
            yield number % HELD_OUT == HELD_OUT - 1, record
