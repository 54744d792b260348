"""Query rewriting: the last turn of a conversation as a query that stands on its own."""

from serac.query_rewriting.model import (
    DEFAULT_REWRITER,
    REWRITERS,
    SHIPPED,
    LazyRewriter,
    TrainedRewriter,
    check_rewriter,
    load_rewriter,
    read_config,
)
from serac.query_rewriting.prompted import PromptedRewriter

__all__ = [
    "DEFAULT_REWRITER",
    "REWRITERS",
    "SHIPPED",
    "LazyRewriter",
    "PromptedRewriter",
    "TrainedRewriter",
    "check_rewriter",
    "load_rewriter",
    "read_config",
]
