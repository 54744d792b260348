"""The overlay: a base model with a memory of edits beside it."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from classifiers import ScopeScorer, Threshold, load_scope_classifier
from mello import Decomposer
from memory_store import Edit, EditDraft, EditMemory, Encoder, LazyEncoder
from memory_store.errors import ErrataError, InvalidQueryError, MissingModelError, ModelError
from memory_store.validation import clean_draft
from serac.answerers import Answerer, PromptAnswerer, auto_route, ike
from serac.bases import BaseModel, load_base
from serac.calibration import remembered
from serac.conversation import Query, Turn, as_turns
from serac.counterfactual import SHIPPED, CounterfactualModel
from serac.decision import Decision, Reply, Route, StreamedReply
from serac.decomposer import SHIPPED as DECOMPOSER
from serac.decomposer import load_gate
from serac.demonstrations import SCOPED, IkeSettings
from serac.embedded import FINGERPRINT, installed_gguf, load_embedded_base
from serac.hop_scope import HopScope, check_hop_scope, load_hop_scope, rate_of_hops
from serac.multi_hop import (
    DEFAULT_DECOMPOSER,
    MultiHop,
    check_name,
    prompted,
    question_of,
    trained,
)
from serac.preview import BlastRadius, preview, reference_questions
from serac.query_rewriting import (
    DEFAULT_REWRITER,
    LazyRewriter,
    PromptedRewriter,
    TrainedRewriter,
    check_rewriter,
    load_rewriter,
    read_config,
)
from serac.query_rewriting import SHIPPED as REWRITER
from serac.router import Router
from serac.second_scope import check_threshold
from serac.short_answers import ShortAnswers
from serac.transformers_base import TransformersBase
from serac.turn_scope import TurnScope, check_turn_scope, load_turn_scope
from serac.view import Rewriter, has_pronoun, may_refer_back

log = logging.getLogger(__name__)

ANSWERERS = ("auto", "counterfactual", "ike")
DEFAULT_ANSWERER = "auto"


class FactOverlay:
    """Answers queries through a memory of edits; the base model is never changed.

    A query in the scope of an edit is answered from the edit; any other query reaches
    the base model as if the overlay were not there. Models are loaded when first
    needed. One overlay may be called from many threads.

    ``ask``, ``stream`` and :class:`serac.chat_model.OverlayChatModel` take a multi-hop question
    apart if there is a decomposer; ``decide`` and ``decide_many`` judge every question as it is.

    Args:
        memory: The edits.
        scorer: Gives the probability that a query is in an edit's scope.
        threshold: Probability from which on an edit is in scope; it may depend on the number of
            edits in memory.
        base: The base model, or what :func:`serac.bases.load_base` finds one by.
        answerer: Who answers in scope: ``ike`` (the base model, with the edit in its
            prompt), ``counterfactual`` (a small model that reads the edit), or ``auto``: the
            latter for a short factual query about one edit, the former otherwise (and for every
            query where the embedded model, the counterfactual one's body, is not installed).
        counterfactual_model: The model behind ``counterfactual``: a ``Path`` to the folder of one
            that was trained, or what :func:`serac.bases.load_base` finds a model by, which gets
            the edit in a plain prompt; the shipped one when ``None``.
        ike_settings: Which demonstrations IKE shows; :data:`serac.demonstrations.PAPER` has the
            paper's.
        decomposer: Takes multi-hop questions apart: ``trained`` (the shipped one, or that of a
            ``Path``), ``prompted`` (the base model under MeLLo's prompt), or one of your own,
            which is asked about every question; with ``none`` or ``None`` each is asked as it is.
        device: Where local models run; chosen by itself when ``None``.
        recall_floor: Closeness below which an edit is not judged.
        rewriter: Makes turns that are only understood with those before them stand on their own:
            ``trained`` (the shipped one, or that of a ``Path``), ``prompted`` (the overlay's own
            base model, which costs a call a later turn; around another model
            :class:`serac.query_rewriting.PromptedRewriter`), or one of your own, with one guess at
            a turn (:class:`serac.view.Rewriter`) or several
            (:class:`serac.view.GuessingRewriter`); with ``none`` or ``None`` each turn is read as
            it was written.
        turn_threshold: Probability that the turns that were made to must reach, if the threshold is
            lower; what was measured for the rewriter, or else the scorer, when ``None``. With a
            ``turn_scope``, that by both, and all later turns must; its own threshold when ``None``.
        hop_scope: Judges the hops of a multi-hop question; the scorer does, with the same
            threshold, when ``None``.
        turn_scope: Judges later turns of a conversation too, as they stand in it; only where there
            is a rewriter.
    """

    def __init__(
        self,
        memory: EditMemory,
        scorer: ScopeScorer,
        threshold: float | Threshold,
        *,
        base: Any = None,
        answerer: str = DEFAULT_ANSWERER,
        counterfactual_model: Any = None,
        ike_settings: IkeSettings = SCOPED,
        decomposer: Decomposer | str | Path | None = None,
        device: str | None = None,
        recall_floor: float = -math.inf,
        rewriter: Rewriter | str | Path | None = None,
        turn_threshold: float | None = None,
        hop_scope: HopScope | None = None,
        turn_scope: TurnScope | None = None,
    ) -> None:
        if isinstance(decomposer, str):
            check_name(decomposer)
        if answerer not in ANSWERERS:
            raise ErrataError(f"unknown answerer {answerer!r}; use one of {', '.join(ANSWERERS)}")
        check_rewriter(rewriter)
        check_hop_scope(hop_scope)
        check_turn_scope(turn_scope)
        if turn_threshold is not None:
            check_threshold(turn_threshold)
        self._base, self.device = base, device
        self._loaded: dict[str, Any] = {}
        self._loading = threading.RLock()
        self._is_auto = answerer == "auto"
        route: Any = self._auto_route if self._is_auto else answerer
        self.memory = memory
        self.scorer = scorer
        self.router = Router(
            memory,
            scorer,
            threshold,
            route=route,
            recall_floor=recall_floor,
            rewriter=self._rewriter(rewriter),
            turn_threshold=turn_threshold,
            turn_scope=turn_scope if rewriter not in (None, "none") else None,
        )
        hops = hop_scope or HopScope(scorer, threshold, recall_floor=recall_floor)
        self.hop_router = Router(
            memory,
            hops.scorer,
            hops.threshold,
            route=route,
            recall_floor=hops.recall_floor,
            second=hops.second,
        )
        self.decomposer = decomposer
        self._counterfactual = counterfactual_model
        self._ike_settings = ike_settings

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        base: Any = None,
        namespace: str = "default",
        answerer: str = DEFAULT_ANSWERER,
        decomposer: Decomposer | str | Path | None = DEFAULT_DECOMPOSER,
        rewriter: Rewriter | str | Path | None = DEFAULT_REWRITER,
        false_fire: float | None = None,
        scope: str | Path | None = None,
        encoder: Encoder | None = None,
        device: str | None = None,
        **options: Any,
    ) -> Self:
        """Open the memory at ``path``, or begin one, with a trained scope classifier.

        Args:
            path: The memory's file; ``":memory:"`` for one that is not kept.
            base: See the constructor; the embedded model when ``None``.
            namespace: The group of edits to use.
            answerer: See the constructor.
            decomposer: See the constructor.
            rewriter: See the constructor. With one, and the shipped scope classifier, later turns
                are judged by the shipped turn classifier too, unless ``turn_scope=None``, or the
                rewriter has a ``turn_threshold`` of its own, as the prompted one has.
            false_fire: Share of out-of-scope queries that may fire; picks the threshold among
                those that the classifier was measured at. When ``None``, what the namespace was
                calibrated to (:mod:`serac.calibration`), or else the classifier's own default. Hops
                are held to half of a stated or default rate (:func:`serac.hop_scope.rate_of_hops`),
                and to that of a calibration where it is stricter. Later turns of a conversation
                must reach at least what was measured for them.
            scope: Folder of the scope classifier; the shipped one when ``None``, and then hops have
                two classifiers of their own. With one of yours, or ``hop_scope=None``, it judges
                hops alone, at half of the rate, or at the namespace's own threshold.
            encoder: Embeds edits and queries; the embedded one when ``None``.
            device: Where local models run; chosen by itself when ``None``.
            **options: Further arguments of the constructor.
        """
        encoder = encoder or LazyEncoder(device)
        folder = Path(scope) if scope is not None else None
        scorer = load_scope_classifier(encoder, folder, device)
        threshold = scorer.threshold_for(false_fire)  # first: what is refused begins no memory
        plans = decomposer not in (None, "none")
        apart = plans and folder is None and "hop_scope" not in options
        hops = options.pop("hop_scope", None)
        check_hop_scope(hops)
        per_hop = None if false_fire is None else rate_of_hops(false_fire)
        if apart:
            hops = load_hop_scope(per_hop, device)
        check_turn_scope(options.get("turn_scope"))
        own_threshold = rewriter == "prompted" or hasattr(rewriter, "turn_threshold")
        turns = rewriter not in (None, "none") and not own_threshold
        if folder is None and turns and "turn_scope" not in options:
            options["turn_scope"] = load_turn_scope(device)
        memory = EditMemory.open(path, encoder, namespace=namespace)
        try:
            own = remembered(memory, scorer) if false_fire is None else None
            if own is None:
                hops = hops or HopScope.of(scorer, per_hop)
            elif apart and own.false_fire < rate_of_hops(scorer.default_false_fire):
                hops = load_hop_scope(own.false_fire, device)  # no threshold: that is of queries
            return cls(
                memory,
                scorer,
                own or threshold,
                base=base,
                answerer=answerer,
                decomposer=decomposer,
                rewriter=rewriter,
                device=device,
                recall_floor=scorer.recall_floor,
                hop_scope=hops,
                **options,
            )
        except BaseException:
            memory.close()
            raise

    # The main flow

    def ask(self, query: Query, *, explain: bool = False) -> Reply:
        """Answer a question, or the last turn of a conversation.

        Args:
            query: The question or the conversation.
            explain: Ask the base model too about hops that an edit answers, for the trace.

        Raises:
            InvalidQueryError: The query can't be asked.
        """
        turns = as_turns(query)
        return self._by_hops(turns, None, explain) or self._ask_once(turns)

    def ask_by_hops(self, query: Query, base: BaseModel | None = None) -> Reply | None:
        """Answer a multi-hop question that an edit comes into; ``None`` for any other query.

        Args:
            query: The question, or a conversation whose last turn it is.
            base: Answers the hops that no edit does; the overlay's own when ``None``.

        Raises:
            InvalidQueryError: The query can't be asked.
        """
        return self._by_hops(as_turns(query), base, explain=False)

    def stream(self, query: Query) -> StreamedReply:
        """Decide now, and answer piece by piece; multi-hop questions come in one piece."""
        turns = as_turns(query)
        reply = self._by_hops(turns, None, explain=False)
        if reply is not None:
            return StreamedReply(reply.decision, iter([reply.text]))
        decision = self.router.decide(turns)
        return StreamedReply(decision, self._chunks(turns, decision))

    def decide(self, query: Query) -> Decision:
        """Return where a query would go; no model answers, though one may rewrite a later turn."""
        return self.router.decide(as_turns(query))

    def decide_many(self, queries: Sequence[Query]) -> list[Decision]:
        """Return where each query would go; lookups are done in one batch."""
        return self.router.decide_many([as_turns(query) for query in queries])

    def answer(self, query: Query, decision: Decision) -> str:
        """Answer a query on the path that was decided before."""
        if decision.route == "multi_hop":  # its edits answer the hops, not the question
            return self.ask(query).text
        return "".join(self._chunks(as_turns(query), decision))

    def _ask_once(self, turns: tuple[Turn, ...]) -> Reply:
        decision = self.router.decide(turns)
        if not decision.in_scope:
            return Reply(self.base.reply(turns), decision)
        return Reply("".join(self._chunks(turns, decision)), decision)

    def _chunks(
        self, turns: tuple[Turn, ...], decision: Decision, base: BaseModel | None = None
    ) -> Iterator[str]:
        if not decision.in_scope:
            return (base or self.base).stream(turns)
        if base is not None and decision.route == "ike":
            answerer: Answerer = ike(base, self.memory.encoder, self._ike_settings)
        else:
            answerer = self.answerer(decision.route)
        return answerer.stream(turns, decision.edits, decision.reading)

    def _by_hops(
        self, turns: tuple[Turn, ...], base: BaseModel | None, explain: bool
    ) -> Reply | None:
        """Return a reply if the question has hops and an edit answers one of them."""
        if self.decomposer in (None, "none") or not len(self.memory):
            return None
        multi_hop = self._multi_hop(base)
        question = turns[-1].content
        if multi_hop is None or not multi_hop.may_have_hops(question):
            return None
        rewritten = None
        if may_refer_back(turns):
            rewritten = next(iter(self.router.rewritten_readings([turns])[0]), None)
            question = rewritten.text if rewritten else question
            if not multi_hop.may_have_hops(question) or (not rewritten and has_pronoun(question)):
                return None
        short = ShortAnswers(lambda: base or self.base)

        @cache
        def whole() -> Decision:
            return self.hop_router.decide((Turn("user", question_of(question)),))

        def ask(subquestion: str) -> Reply:
            turn = (Turn("user", subquestion),)
            decision = self.hop_router.decide(turn)
            trusted = decision.refused and decision.refused & whole().likely
            if trusted:
                decision = self.hop_router.decide(turn, trusted)
            if not decision.in_scope:
                return Reply(short.answer(subquestion), decision)
            # A hop asks for one thing, so of several edits the most probable one answers.
            decision = replace(decision, edits=decision.edits[:1])
            if self._is_auto and self._has_counterfactual:
                decision = replace(decision, route="counterfactual")
            elif decision.route == "ike":
                turn = (Turn("user", short.asked(subquestion)),)
            return Reply("".join(self._chunks(turn, decision, base)), decision)

        tentative = short.answer if explain else None
        try:
            written = turns[-1].content if rewritten else None
            threshold = self.hop_router.threshold
            return multi_hop.reply(question, ask, threshold, tentative, written)
        except InvalidQueryError as error:  # of a hop; the question itself can be asked
            log.warning("asked as it is, since a hop can't be: %s", error)
            return None

    def _multi_hop(self, base: BaseModel | None) -> MultiHop | None:
        named = self.decomposer
        if named == "prompted":
            return prompted(lambda: base or self.base, self._once("gate", load_gate).passes)
        if isinstance(named, (str, Path)):
            return self._once(f"decomposer {named}", self._trained_decomposer)
        return MultiHop(named) if named is not None else None

    def _trained_decomposer(self) -> MultiHop | None:
        if not _is_embedded_installed("no decomposer, so questions are asked as they are"):
            return None
        folder = self.decomposer if isinstance(self.decomposer, Path) else DECOMPOSER
        return trained(self._embedded_body, folder)

    def _rewriter(self, named: Rewriter | str | Path | None) -> Rewriter | None:
        if named is None or named == "none":
            return None
        if named == "prompted":
            if self._base in (None, "embedded"):
                log.warning("the embedded model is too small to rewrite turns under a prompt")
            return PromptedRewriter.of(lambda: self.base)
        if not isinstance(named, (str, Path)):
            return named
        folder = named if isinstance(named, Path) else REWRITER
        read_config(folder)  # what is no rewriter is told now, not in the middle of a conversation

        def load() -> TrainedRewriter | None:
            without = "no query rewriter, so turns are read one by one"
            if not _is_embedded_installed(without):
                return None
            try:
                body = self._embedded_body()
            except ModelError as error:  # the base model may be another, and answer all the same
                log.warning("%s: %s", without, error)
                return None
            return load_rewriter(body, folder)

        return LazyRewriter(lambda: self._once("rewriter", load))

    # Models, loaded when first needed

    @property
    def base(self) -> BaseModel:
        """The base model."""
        return self._once("base", lambda: load_base(self._base, device=self.device))

    def answerer(self, route: Route) -> Answerer:
        """Return who answers on a route: ``counterfactual``, or ``ike``."""
        if route == "counterfactual":
            return self._once("counterfactual", self._counterfactual_answerer)
        return self._once("ike", lambda: ike(self.base, self.memory.encoder, self._ike_settings))

    def _auto_route(self, reading: str, edits: Sequence[Edit]) -> Route:
        """Return who answers by default; without the embedded model it is always the base's IKE."""
        route = auto_route(reading, edits)
        if route == "counterfactual" and not self._has_counterfactual:
            return "ike"
        return route

    @cached_property
    def _has_counterfactual(self) -> bool:
        if not (self._counterfactual is None or isinstance(self._counterfactual, Path)):
            return True
        return _is_embedded_installed("no counterfactual model, so IKE answers in scope")

    def _counterfactual_answerer(self) -> Answerer:
        chosen = self._counterfactual
        if chosen is None or isinstance(chosen, Path):
            return CounterfactualModel.load(self._embedded_body(), chosen or SHIPPED)
        return PromptAnswerer(load_base(chosen, device=self.device))

    def _embedded_body(self) -> TransformersBase:
        """Return the embedded model: the base, where that is it, since one in memory is enough."""
        near = self.base if self._base in (None, "embedded") else self._base
        for one in (near, getattr(near, "base", None)):  # of a LocalChatModel
            if isinstance(one, TransformersBase) and one.fingerprint == FINGERPRINT:
                return one
        return self._once("embedded body", lambda: load_embedded_base(self.device))

    def _once(self, name: str, load: Any) -> Any:
        with self._loading:
            if name not in self._loaded:
                self._loaded[name] = load()
            return self._loaded[name]

    # Edits

    def add(self, text: str, **fields: Any) -> Edit:
        """Add an edit; see :meth:`memory_store.EditMemory.add`."""
        return self.memory.add(text, **fields)

    def preview(self, text: str, reference: Sequence[str] | None = None) -> BlastRadius:
        """Return what an edit would do, without adding it.

        Args:
            text: The edit; checked as :meth:`add` does.
            reference: Questions to hold it against; the shipped everyday ones when ``None``.

        Raises:
            InvalidEditError: The text can't be an edit.
            InvalidQueryError: There are no reference questions.
        """
        return preview(
            clean_draft(EditDraft(text)).text,
            self.scorer,
            self.router.threshold,
            self.memory.encoder,
            reference_questions() if reference is None else reference,
            self.router.recall_floor,
        )

    def update(self, id: str, text: str, **fields: Any) -> Edit:
        """Replace an edit by a new version; see :meth:`memory_store.EditMemory.update`."""
        return self.memory.update(id, text, **fields)

    def remove(self, id: str) -> Edit:
        """Take an edit back; the next query sees the world without it."""
        return self.memory.remove(id)

    def close(self) -> None:
        """Close the memory."""
        self.memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _is_embedded_installed(otherwise: str) -> bool:
    """Say whether the embedded model is there; where it isn't, warn of what is done otherwise."""
    try:
        installed_gguf()
    except MissingModelError as error:
        log.warning("%s: %s", otherwise, error)
        return False
    return True
