"""Who answers: the overlay over a base model, its routes and its answerers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serac.bases import BaseModel, load_base
    from serac.chat_model import OverlayChatModel
    from serac.conversation import Turn
    from serac.decision import Candidate, Decision, Reply, StreamedReply
    from serac.embedded import load_embedded_base
    from serac.langchain_base import LangChainBase
    from serac.local_chat import LocalChatModel
    from serac.overlay import FactOverlay
    from serac.transformers_base import TransformersBase

_HOMES = {
    "BaseModel": "serac.bases",
    "Candidate": "serac.decision",
    "Decision": "serac.decision",
    "FactOverlay": "serac.overlay",
    "LangChainBase": "serac.langchain_base",
    "LocalChatModel": "serac.local_chat",
    "OverlayChatModel": "serac.chat_model",
    "Reply": "serac.decision",
    "StreamedReply": "serac.decision",
    "TransformersBase": "serac.transformers_base",
    "Turn": "serac.conversation",
    "load_base": "serac.bases",
    "load_embedded_base": "serac.embedded",
}

__all__ = [
    "BaseModel",
    "Candidate",
    "Decision",
    "FactOverlay",
    "LangChainBase",
    "LocalChatModel",
    "OverlayChatModel",
    "Reply",
    "StreamedReply",
    "TransformersBase",
    "Turn",
    "load_base",
    "load_embedded_base",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: langchain-core alone takes a second."""
    if name not in _HOMES:
        raise AttributeError(f"module 'serac' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
