"""What holds now: a memory of edits, kept as text in SQLite and found by meaning with FAISS."""

from memory_store.devices import choose_device
from memory_store.edit import Edit, EditDraft, HistoryEntry, SearchHit
from memory_store.encoder import Encoder, LazyEncoder, SentenceTransformerEncoder
from memory_store.errors import (
    ArtifactError,
    DamagedMemoryError,
    EditExistsError,
    EncoderMismatchError,
    ErrataError,
    ImportFormatError,
    InvalidEditError,
    InvalidQueryError,
    MemoryBusyError,
    MemoryStoreError,
    MissingExtraError,
    MissingModelError,
    ModelError,
    NewerMemoryError,
    NotAMemoryError,
    UnknownEditError,
)
from memory_store.indexes import EditIndex, FlatIndex, IVFIndex, build_index
from memory_store.memory import EditMemory
from memory_store.reports import CheckReport, ImportResult
from memory_store.validation import MAX_FIELD_LENGTH, MAX_ID_LENGTH, MAX_TEXT_LENGTH

__all__ = [
    "MAX_FIELD_LENGTH",
    "MAX_ID_LENGTH",
    "MAX_TEXT_LENGTH",
    "ArtifactError",
    "CheckReport",
    "DamagedMemoryError",
    "Edit",
    "EditDraft",
    "EditExistsError",
    "EditIndex",
    "EditMemory",
    "Encoder",
    "EncoderMismatchError",
    "ErrataError",
    "FlatIndex",
    "HistoryEntry",
    "IVFIndex",
    "ImportFormatError",
    "ImportResult",
    "InvalidEditError",
    "InvalidQueryError",
    "LazyEncoder",
    "MemoryBusyError",
    "MemoryStoreError",
    "MissingExtraError",
    "MissingModelError",
    "ModelError",
    "NewerMemoryError",
    "NotAMemoryError",
    "SearchHit",
    "SentenceTransformerEncoder",
    "UnknownEditError",
    "build_index",
    "choose_device",
]
