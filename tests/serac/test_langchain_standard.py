"""LangChain's own standard suites over the chat models."""

from __future__ import annotations

from typing import Any

import pytest
from chat_fakes import FakeOverlay, RecordingModel
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from serac.chat_model import OverlayChatModel
from serac.local_chat import LocalChatModel


class TestOverlayUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return OverlayChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"inner": RecordingModel(), "overlay": FakeOverlay()}


class ToolCalling(ChatModelIntegrationTests):
    """The suite's tests of tools and structured output, over a model that can do both."""

    word: str

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return OverlayChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"inner": RecordingModel(), "overlay": FakeOverlay(word=self.word)}

    @property
    def model_override_value(self) -> str:
        return "another"


class TestToolsInScope(ToolCalling):
    word = ""


class TestToolsOutOfScope(ToolCalling):
    word = "no prompt of the suite holds this"


class EmbeddedModel(ChatModelIntegrationTests):
    """The embedded model writes text alone and has no other model to change to."""

    @pytest.fixture(autouse=True)
    def _loaded(self, embedded_base: Any) -> None:
        self.base = embedded_base

    @property
    def has_tool_calling(self) -> bool:
        return False

    @property
    def has_structured_output(self) -> bool:
        return False

    @property
    def supports_model_override(self) -> bool:
        return False


@pytest.mark.model
class TestLocalIntegration(EmbeddedModel):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return LocalChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"base": self.base, "max_tokens": 8}


@pytest.mark.model
class TestOverlayIntegration(EmbeddedModel):
    """A fact is in scope of some of the suite's prompts, and of others it is not."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return OverlayChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        inner = LocalChatModel(base=self.base, max_tokens=8)
        return {"inner": inner, "overlay": FakeOverlay(word="Hello")}
