"""Opening what is imported from, and writing what is exported to, safely."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

from memory_store.errors import MemoryStoreError


class TextWriter(Protocol):
    """An open text file."""

    def write(self, text: str, /) -> object:
        """Write text."""
        ...


SQLITE_MAGIC = b"SQLite format 3\x00"

Source = str | os.PathLike[str] | IO[bytes] | IO[str]
Target = str | os.PathLike[str] | TextWriter


@contextmanager
def reading_lines(source: Source) -> Iterator[tuple[Iterable[bytes | str], str]]:
    """Give the lines of a path or an open file, and its name.

    Raises:
        MemoryStoreError: The file can't be read.
    """
    if not isinstance(source, str | os.PathLike):
        # The bytes below a text file: what can't be decoded is then named by its line.
        yield getattr(source, "buffer", source), str(getattr(source, "name", "import"))
        return
    try:
        with Path(source).open("rb") as file:
            yield file, os.fspath(source)
    except (OSError, ValueError) as error:
        raise MemoryStoreError(
            f"{os.fspath(source)}: can't be read ({getattr(error, 'strerror', None) or error}); "
            "check the path"
        ) from error


@contextmanager
def writing_lines(target: Target) -> Iterator[Callable[[str], object]]:
    """Give a function that writes text; a path appears complete or not at all.

    Raises:
        MemoryStoreError: The path can't be written.
    """
    if not isinstance(target, str | os.PathLike):
        yield target.write
        return
    path = Path(target)
    aside: Path | None = None
    _refuse_databases(path)
    with _refusals_named(path):
        if path.exists() and not path.is_file():  # a pipe or a device can't be replaced
            file = path.open("w", encoding="utf-8", newline="\n")
        else:
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
            aside = Path(name)
            file = os.fdopen(handle, "w", encoding="utf-8", newline="\n")

    def write(text: str) -> None:
        with _refusals_named(path):
            file.write(text)

    try:
        yield write
        with _refusals_named(path):
            file.flush()
            if aside is not None:
                os.fsync(file.fileno())
                file.close()
                aside.chmod(_mode(path))
                aside.replace(path)
    except BaseException:
        if aside is not None:
            with suppress(OSError):
                aside.unlink()
        raise
    finally:
        with suppress(OSError):
            file.close()


def _refuse_databases(path: Path) -> None:
    """Refuse to write over a memory, or what belongs to one."""
    with _refusals_named(path):
        database = path.is_file() and _begins_like_sqlite(path)
    beside = Path(str(path).removesuffix("-wal").removesuffix("-shm"))
    if database or (beside != path and beside.exists()):
        raise MemoryStoreError(f"{path}: is a memory, or a part of one; name another file")


def _begins_like_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC


@contextmanager
def _refusals_named(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into our error; the block holds our own calls alone."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise MemoryStoreError(
            f"{path}: can't be written ({getattr(error, 'strerror', None) or error}); "
            "check the folder and its permissions"
        ) from error


def _mode(path: Path) -> int:
    """Return the permissions that a file written to ``path`` shall have."""
    with suppress(OSError):
        return path.stat().st_mode & 0o777
    # The mask can only be read by setting it, which other threads could notice: 644 it is.
    return 0o644
