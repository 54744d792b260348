"""Any LangChain chat model with the overlay in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from langchain_core.caches import BaseCache
from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import (
    BaseChatModel,
    LangSmithParams,
    LanguageModelInput,
    ModelProfile,
)
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.runnables.base import RunnableBinding
from langchain_core.runnables.config import run_in_executor
from langchain_core.tracers.base import AsyncBaseTracer, BaseTracer
from pydantic import Field, field_validator

from serac.answerers import Answerer
from serac.bases import BaseModel
from serac.chat_messages import (
    as_chunk,
    decision_metadata,
    is_plain,
    last_of_user,
    message_text,
    turns_from_messages,
    view_of,
    with_decision,
    with_note,
)
from serac.conversation import Query
from serac.decision import Decision, Reply, Route
from serac.langchain_base import LangChainBase
from serac.local_chat import LocalChatModel, in_executor
from serac.prompts import MAX_EDITS, fact_note
from serac.short_answers import LONGEST_CHAT_ANSWER
from serac.stop_words import cut_at_stop

Manager = TypeVar("Manager", CallbackManager, AsyncCallbackManager)

PLAIN_SETTINGS = frozenset({"max_tokens", "temperature", "top_p", "top_k", "seed", "stream"})
"""Keyword arguments that ask for nothing but text; others the inner model must see."""


class Overlay(Protocol):
    """What is needed of :class:`serac.overlay.FactOverlay`."""

    def answerer(self, route: Route) -> Answerer:
        """Return who answers in scope on a route."""
        ...

    def decide(self, query: Query) -> Decision:
        """Return where a query would go; no model answers."""
        ...

    def ask_by_hops(self, query: Query, base: BaseModel | None = None) -> Reply | None:
        """Answer a multi-hop question that an edit comes into; ``None`` for any other query."""
        ...


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is done with a conversation: the messages for the inner model, and why."""

    messages: list[BaseMessage]
    decision: Decision | None = None
    counterfactual: Decision | None = None
    by_hops: Reply | None = None
    max_tokens: int | None = None


class OverlayChatModel(BaseChatModel):
    """A chat model that answers through a memory of edits.

    Out of scope the inner model receives the very same messages, stop words and keyword
    arguments, and its answer comes back as it was. In scope the facts are put, as quoted
    data, after the last message of the user, and the inner model answers, with tools and
    structured output as ever; on the counterfactual route a small model answers instead,
    unless the call asks for more than text. Where the overlay has a decomposer, a multi-hop
    question that an edit comes into is asked hop by hop, the inner model answering the hops that
    no edit does. Each message that comes back holds its decision
    in ``response_metadata["errata"]``; what ``with_structured_output`` returns is the inner
    model's own, and holds none.

    A cache, a rate limit and settings such as the temperature belong to the inner model.
    Tracers see its run inside the overlay's own; other callback handlers hear of one run,
    so that tokens are not counted twice. LangChain tells ``stream`` nothing of its run, so
    there the inner run is not part of the trace. A handler that LangChain takes from the
    context into every run, such as ``get_usage_metadata_callback()``, hears both runs:
    hand a ``UsageMetadataCallbackHandler`` over in ``callbacks`` instead.

    Args:
        inner: The chat model that answers.
        overlay: Decides; a :class:`serac.overlay.FactOverlay` or another
            :class:`Overlay`. Its own base model is not asked, unless ``prompted`` names it as
            rewriter; :class:`serac.query_rewriting.PromptedRewriter` takes the inner model.
    """

    inner: BaseChatModel
    overlay: Any = Field(exclude=True, repr=False)
    cache: BaseCache | bool | None = Field(default=False, exclude=True)

    @field_validator("cache")
    @classmethod
    def _no_cache_of_its_own(cls, cache: BaseCache | bool | None) -> bool:
        if cache:
            # A cache in front of the memory would go on answering from edits taken back.
            raise ValueError("give the cache to the inner model; edits change under this one")
        return False

    # What the inner model says of itself

    @property
    def _llm_type(self) -> str:
        return "errata-overlay"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {**self.inner._identifying_params, "inner": self.inner._llm_type}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.inner._get_ls_params(stop=stop, **kwargs)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return self.inner.profile

    def _combine_llm_outputs(self, outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        return self.inner._combine_llm_outputs(outputs)

    def _should_stream(self, *, async_api: bool, run_manager: Any = None, **kwargs: Any) -> bool:
        """Stream also where the inner model was set to: its tokens go out under our run."""
        if super()._should_stream(async_api=async_api, run_manager=run_manager, **kwargs):
            return True
        return not self._streaming_disabled(**kwargs) and self.inner._should_stream(
            async_api=async_api, **kwargs
        )

    def get_token_ids(self, text: str) -> list[int]:
        """Return the inner model's token ids of a text."""
        return self.inner.get_token_ids(text)

    def get_num_tokens(self, text: str) -> int:
        """Return the inner model's token count of a text."""
        return self.inner.get_num_tokens(text)

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Return the inner model's token count of a conversation, without any fact."""
        return self.inner.get_num_tokens_from_messages(messages, tools)

    # Answering

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        plan = self._plan(messages, kwargs, run_manager)
        if plan.by_hops is not None:
            return _as_result(plan.by_hops, stop)
        if plan.counterfactual is not None:
            return self._counterfactual_result(plan, plan.counterfactual, stop)
        inner = self.inner.generate(
            [plan.messages], stop=stop, callbacks=_nested(CallbackManager, run_manager), **kwargs
        )
        return with_decision(inner, plan.decision)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        plan = await run_in_executor(None, self._plan, messages, kwargs, run_manager)
        if plan.by_hops is not None:
            return _as_result(plan.by_hops, stop)
        if plan.counterfactual is not None:
            return await run_in_executor(
                None, self._counterfactual_result, plan, plan.counterfactual, stop
            )
        nested = _nested(AsyncCallbackManager, run_manager)
        inner = await self.inner.agenerate([plan.messages], stop=stop, callbacks=nested, **kwargs)
        return with_decision(inner, plan.decision)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        plan = self._plan(messages, kwargs, run_manager)
        if plan.by_hops is not None:
            yield as_chunk(_as_message(plan.by_hops, stop), plan.by_hops.decision)
            return
        if plan.counterfactual is not None:
            yield from self._counterfactual_chunks(plan, plan.counterfactual, stop)
            return
        # Without a list of its own the inner run would take the callbacks of the chain
        # around us, which already hear of each token from our run.
        config: RunnableConfig = {"callbacks": _nested(CallbackManager, run_manager) or []}
        decision = plan.decision
        for message in self.inner.stream(plan.messages, config, stop=stop, **kwargs):
            yield as_chunk(message, decision)
            decision = None  # merging chunks joins strings, so one chunk alone holds it

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        plan = await run_in_executor(None, self._plan, messages, kwargs, run_manager)
        if plan.by_hops is not None:
            yield as_chunk(_as_message(plan.by_hops, stop), plan.by_hops.decision)
            return
        if plan.counterfactual is not None:
            pieces = self._counterfactual_chunks(plan, plan.counterfactual, stop)
            async with aclosing(in_executor(pieces)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        config: RunnableConfig = {"callbacks": _nested(AsyncCallbackManager, run_manager) or []}
        decision = plan.decision
        answer = self.inner.astream(plan.messages, config, stop=stop, **kwargs)
        try:
            async for message in answer:
                yield as_chunk(message, decision)
                decision = None
        finally:
            close = getattr(answer, "aclose", None)  # ends the inner call with ours
            if close is not None:
                await close()

    def _plan(
        self,
        messages: list[BaseMessage],
        asked: Mapping[str, Any],
        run: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None = None,
    ) -> _Plan:
        """Decide by the last message of the user, and lay out what the inner model gets."""
        at = last_of_user(messages)
        if at is None or not message_text(messages[at]).strip():
            return _Plan(messages)
        view = view_of(messages[: at + 1])
        only_text = (
            at == len(messages) - 1
            and all(map(is_plain, messages))
            and all(_is_plain_setting(*one) for one in asked.items())
        )
        if only_text and (asked.get("max_tokens") or LONGEST_CHAT_ANSWER) >= LONGEST_CHAT_ANSWER:
            by_hops = self.overlay.ask_by_hops(view, _as_base(self.inner, run))
            if by_hops is not None:
                return _Plan(messages, by_hops.decision, by_hops=by_hops)
        decision = self.overlay.decide(view)
        if not decision.in_scope:
            return _Plan(messages, decision)
        if decision.route == "counterfactual" and only_text:
            return _Plan(messages, decision, decision, max_tokens=asked.get("max_tokens"))
        # The facts stay with the question also when results of tools follow it: nothing
        # may stand between a call and its result, and the prompt of a tool loop keeps its
        # prefix from step to step.
        stated = with_note(messages[at], fact_note(decision.edits[:MAX_EDITS]))
        return _Plan([*messages[:at], stated, *messages[at + 1 :]], decision)

    def _counterfactual_result(
        self, plan: _Plan, decision: Decision, stop: Sequence[str] | None
    ) -> ChatResult:
        text = "".join(self._counterfactual_pieces(plan, decision, stop)).strip()
        message = AIMessage(content=text, response_metadata=decision_metadata(decision))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _counterfactual_chunks(
        self, plan: _Plan, decision: Decision, stop: Sequence[str] | None
    ) -> Generator[ChatGenerationChunk, None, None]:
        yield as_chunk(AIMessageChunk(content=""), decision)
        for piece in self._counterfactual_pieces(plan, decision, stop):
            yield as_chunk(AIMessageChunk(content=piece))

    def _counterfactual_pieces(
        self, plan: _Plan, decision: Decision, stop: Sequence[str] | None
    ) -> Iterator[str]:
        turns = turns_from_messages(plan.messages)
        answerer = self.overlay.answerer(decision.route)
        pieces = answerer.stream(turns, decision.edits, decision.reading, plan.max_tokens)
        return cut_at_stop(pieces, stop or ())

    # Tools and structured output

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | Any],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools in the inner model's own way; the decision still goes before each call.

        Args:
            tools: What the inner model's ``bind_tools`` takes.
            tool_choice: Which tool must be called, in the inner model's words.
            **kwargs: Handed to the inner model's ``bind_tools``.

        Raises:
            NotImplementedError: The inner model can't call tools.
        """
        if tool_choice is not None:
            kwargs["tool_choice"] = tool_choice
        bound: Any = self.inner.bind_tools(tools, **kwargs)
        model = bound
        settings: dict[str, Any] = {}
        configs: list[RunnableConfig] = []
        while isinstance(model, RunnableBinding) and not model.config_factories:
            settings = {**model.kwargs, **settings}
            configs.append(model.config)
            model = model.bound
        if not isinstance(model, BaseChatModel):
            return self._facts_stated() | bound
        ours = self if model is self.inner else self._over(model)
        binding: Runnable[LanguageModelInput, AIMessage] = ours.bind(**settings)
        for config in filter(None, reversed(configs)):
            binding = binding.with_config(config)
        return binding

    def _over(self, inner: BaseChatModel) -> OverlayChatModel:
        copy = self.model_copy(update={"inner": inner})
        copy.__dict__.pop("_serialized", None)  # LangChain's cached description of the old one
        return copy

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Return the inner model's structured output, with the facts stated before it.

        Args:
            schema: What the inner model's ``with_structured_output`` takes.
            include_raw: Return a mapping with ``raw``, ``parsed`` and ``parsing_error``.
            **kwargs: Handed to the inner model's ``with_structured_output``.

        Raises:
            NotImplementedError: The inner model has no structured output.
        """
        structured = self.inner.with_structured_output(schema, include_raw=include_raw, **kwargs)
        return self._facts_stated() | structured

    def _facts_stated(self) -> RunnableLambda[LanguageModelInput, LanguageModelInput]:
        """Return a stage that states the facts in scope, and else hands its input on."""

        def state(model_input: LanguageModelInput) -> LanguageModelInput:
            messages = self._convert_input(model_input).to_messages()
            plan = self._plan(messages, {"response_format": True})
            return model_input if plan.messages is messages else plan.messages

        async def astate(model_input: LanguageModelInput) -> LanguageModelInput:
            return await run_in_executor(None, state, model_input)

        return RunnableLambda(state, astate, name="errata")


def _as_base(
    inner: BaseChatModel, run: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None
) -> BaseModel:
    """Return the inner model as what hops are asked of, in runs that tracers alone hear of."""
    if isinstance(inner, LocalChatModel):
        return inner.base
    return LangChainBase(inner, {"callbacks": _nested(CallbackManager, run) or []})


def _as_message(reply: Reply, stop: Sequence[str] | None) -> AIMessage:
    return AIMessage(content="".join(cut_at_stop([reply.text], stop or ())).strip())


def _as_result(reply: Reply, stop: Sequence[str] | None) -> ChatResult:
    message = _as_message(reply, stop)
    message.response_metadata = decision_metadata(reply.decision)
    return ChatResult(generations=[ChatGeneration(message=message)])


def _is_plain_setting(name: str, value: Any) -> bool:
    """Say whether a keyword argument asks for nothing but text, and is one that can be obeyed."""
    if value is None:
        return True
    if name == "max_tokens":  # what the inner model refuses it shall refuse itself
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    return name in PLAIN_SETTINGS


def _nested(
    kind: type[Manager], run: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None
) -> Manager | None:
    """Return callbacks for the inner run: inside ours, and for tracers alone."""
    if run is None:
        return None
    # The run of a chat model has no get_child, unlike that of a chain; this is the same.
    child = kind(handlers=[], parent_run_id=run.run_id)
    child.set_handlers(
        [h for h in run.inheritable_handlers if isinstance(h, BaseTracer | AsyncBaseTracer)]
    )
    child.add_tags(run.inheritable_tags)
    child.add_metadata(run.inheritable_metadata)
    return child
