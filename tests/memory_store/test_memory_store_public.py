import logging
import subprocess
import sys

import memory_store


def test_public_names():
    assert memory_store.__all__ == [
        "MAX_FIELD_LENGTH", "MAX_ID_LENGTH", "MAX_TEXT_LENGTH", "ArtifactError", "CheckReport",
        "DamagedMemoryError", "Edit", "EditDraft", "EditExistsError", "EditIndex", "EditMemory",
        "Encoder", "EncoderMismatchError", "ErrataError", "FlatIndex", "HistoryEntry", "IVFIndex",
        "ImportFormatError", "ImportResult", "InvalidEditError", "InvalidQueryError", "LazyEncoder",
        "MemoryBusyError", "MemoryStoreError", "MissingExtraError", "MissingModelError",
        "ModelError", "NewerMemoryError", "NotAMemoryError", "SearchHit",
        "SentenceTransformerEncoder", "UnknownEditError", "build_index", "choose_device",
    ]  # fmt: skip
    for name in memory_store.__all__:
        assert hasattr(memory_store, name)


def test_importing_loads_no_model_library():
    code = (
        "import sys, memory_store; "
        "heavy = {'torch', 'sentence_transformers', 'transformers', 'sklearn'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_error_is_in_the_drawing():
    from memory_store import errors

    names = [n for n, v in vars(errors).items() if isinstance(v, type)]
    for name in names:
        assert name in errors.__doc__
        assert issubclass(getattr(errors, name), errors.ErrataError)


def test_loggers_are_named_after_their_modules():
    from memory_store import live

    assert live.logger is logging.getLogger("memory_store.live")
