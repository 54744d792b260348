"""Settings that are kept beside the edits of a namespace, in the table ``meta``."""

from __future__ import annotations

import re
import threading

from memory_store.database import Database

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Settings:
    """What a memory keeps about the use of its edits, apart from the edits themselves.

    Settings belong to the file and the namespace: they are neither exported nor imported.
    """

    _database: Database
    _namespace: str
    _lock: threading.RLock

    def get_setting(self, name: str) -> str | None:
        """Return a setting of this namespace, as it is now in the file; ``None`` if not set.

        Args:
            name: Lower-case letters, digits and underscores.
        """
        key = self._key(name)
        with self._lock, self._database.reading():
            return self._database.get_meta(key)

    def set_setting(self, name: str, value: str | None) -> None:
        """Set a setting of this namespace durably; ``None`` removes it.

        Args:
            name: As for :meth:`get_setting`.
            value: Any text.

        Raises:
            MemoryBusyError: Another process was writing for too long.
            InvalidQueryError: The value can't be stored (broken UTF-16).
        """
        key = self._key(name)
        with self._lock, self._database.writing():
            if value is None:
                self._database.remove_meta(key)
            else:
                self._database.set_meta(key, value)

    def _key(self, name: str) -> str:
        # A namespace may hold colons; a name may not, so two keys never meet.
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} can't name a setting")
        return f"setting:{self._namespace}:{name}"
