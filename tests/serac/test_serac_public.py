import pytest

import serac


def test_public_names():
    assert serac.__all__ == [
        "BaseModel", "Candidate", "Decision", "FactOverlay", "LangChainBase", "LocalChatModel",
        "OverlayChatModel", "Reply", "StreamedReply", "TransformersBase", "Turn", "load_base",
        "load_embedded_base",
    ]  # fmt: skip
    for name in serac.__all__:
        assert getattr(serac, name).__name__ == name


def test_another_name_is_not_there():
    with pytest.raises(AttributeError, match="'serac' has no attribute 'nothing'"):
        _ = serac.nothing
