"""LangChain messages as the overlay reads them: as turns, as text, and with a note after it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult

from memory_store.errors import InvalidQueryError
from serac.conversation import MAX_QUERY_LENGTH, Turn
from serac.decision import Decision

METADATA_KEY = "errata"
"""Where the decision stands in an answer's ``response_metadata``."""

_NOT_SAID = frozenset(
    {"tool_use", "tool_call", "function_call", "reasoning", "reasoning_content", "thinking"}
)
"""Blocks of an assistant's message that are no words of the conversation."""

_ROLES = {"system": "system", "user": "user", "human": "user", "assistant": "assistant"}


def turns_from_messages(messages: Sequence[BaseMessage]) -> tuple[Turn, ...]:
    """Return LangChain messages as turns.

    A tool call is told in the assistant's turn and its result in a turn of the user.
    Neighbouring messages of one role become one turn, since many chat templates want
    roles to take turns.

    Raises:
        InvalidQueryError: There is no message, or one holds something else than text.
    """
    turns: list[Turn] = []
    for message in messages:
        role, text = _role(message), _said(message)
        if turns and turns[-1].role == role:
            turns[-1] = Turn(role, f"{turns[-1].content}\n\n{text}")
        else:
            turns.append(Turn(role, text))
    if not turns:
        raise InvalidQueryError("there is no message to answer")
    return tuple(turns)


def text_blocks(message: BaseMessage) -> list[str]:
    """Return the pieces of text in a message's content."""
    if isinstance(message.content, str):
        return [message.content]
    return [text for text in map(_block_text, message.content) if text is not None]


def is_only_text(message: BaseMessage) -> bool:
    """Say whether a message's content is nothing but text."""
    return isinstance(message.content, str) or all(
        _block_text(block) is not None for block in message.content
    )


def last_of_user(messages: Sequence[BaseMessage]) -> int | None:
    """Return the place of the user's last message, or ``None`` where there is none."""
    return next((at for at in reversed(range(len(messages))) if is_user(messages[at])), None)


def is_user(message: BaseMessage) -> bool:
    """Say whether a message is the user's."""
    if isinstance(message, ChatMessage):
        return message.role in ("user", "human")
    return isinstance(message, HumanMessage)


def is_plain(message: BaseMessage) -> bool:
    """Say whether a small text model can read a message without a loss."""
    if isinstance(message, AIMessage) and (message.tool_calls or message.invalid_tool_calls):
        return False
    readable = isinstance(message, (SystemMessage, AIMessage)) or is_user(message)
    return readable and is_only_text(message)


def view_of(messages: Sequence[BaseMessage]) -> list[Turn]:
    """Return the turns to decide by; of an overlong one its end, where the question stands."""
    turns = []
    for message in messages:
        role = "user" if is_user(message) else message.type
        role = {"ai": "assistant", "AIMessageChunk": "assistant"}.get(role, role)
        if role in ("user", "assistant"):
            turns.append(Turn(role, message_text(message)[-MAX_QUERY_LENGTH:]))
    return turns


def message_text(message: BaseMessage) -> str:
    """Return a message's text, blocks joined by newlines."""
    return "\n".join(text_blocks(message))


def with_note(message: BaseMessage, note: str) -> BaseMessage:
    """Return a copy of a message with the note after its content."""
    if isinstance(message.content, str):
        content: Any = f"{message.content}\n\n{note}"
    else:
        content = [*message.content, {"type": "text", "text": note}]
    return message.model_copy(update={"content": content})


def decision_metadata(decision: Decision | None) -> dict[str, Any]:
    """Return what an answer's ``response_metadata`` says of the decision."""
    return {METADATA_KEY: decision.as_dict()} if decision is not None else {}


def _copied(message: BaseMessage, decision: Decision | None) -> Any:
    """Return a copy with the decision; the original may lie in a cache of the inner model."""
    metadata = {**message.response_metadata, **decision_metadata(decision)}
    return message.model_copy(update={"response_metadata": metadata})


def with_decision(result: LLMResult, decision: Decision | None) -> ChatResult:
    """Return the first prompt's answers as they are, with the decision in their metadata."""
    generations = [
        generation.model_copy(update={"message": _copied(generation.message, decision)})
        for generation in result.generations[0]
        if isinstance(generation, ChatGeneration)
    ]
    return ChatResult(generations=generations, llm_output=result.llm_output)


def as_chunk(message: BaseMessage, decision: Decision | None = None) -> ChatGenerationChunk:
    """Return a piece of an answer, or a whole one, with the decision in its metadata."""
    if not isinstance(message, AIMessageChunk):  # from a model that can't stream
        whole = message.model_dump(exclude={"type"})
        message = AIMessageChunk(**{**whole, "chunk_position": "last"})
    return ChatGenerationChunk(message=_copied(message, decision))


def _role(message: BaseMessage) -> str:
    if isinstance(message, SystemMessage):
        return "system"
    if isinstance(message, AIMessage):
        return "assistant"
    if isinstance(message, (HumanMessage, ToolMessage, FunctionMessage)):
        return "user"
    role = _ROLES.get(message.role) if isinstance(message, ChatMessage) else None
    if role is None:
        raise InvalidQueryError(f"a local chat model can't read a {type(message).__name__}")
    return role


def _said(message: BaseMessage) -> str:
    """Return a message's text, with calls and results of tools told in words."""
    parts = text_blocks(message)
    if not is_only_text(message):
        _refuse_other_media(message)
    if isinstance(message, AIMessage):
        parts += [
            f"Call of the tool {call['name']}: {json.dumps(call['args'], ensure_ascii=False)}"
            for call in message.tool_calls
        ]
    text = "\n".join(part for part in parts if part)
    if isinstance(message, (ToolMessage, FunctionMessage)):
        of = f" {message.name}" if message.name else ""
        return f"Result of the tool{of}: {text}"
    return text


def _refuse_other_media(message: BaseMessage) -> None:
    for block in message.content:
        if _block_text(block) is None:
            kind = block.get("type", "unnamed") if isinstance(block, dict) else "unnamed"
            if not (isinstance(message, AIMessage) and kind in _NOT_SAID):
                raise InvalidQueryError(
                    f"a local chat model reads text alone; take the {kind} block out"
                )


def _block_text(block: Any) -> str | None:
    if isinstance(block, str):
        return block
    if block.get("type", "text") == "text" and isinstance(block.get("text"), str):
        return str(block["text"])
    return None
