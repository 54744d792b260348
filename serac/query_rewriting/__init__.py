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
from serac.query_rewriting.scope import (
    SHIPPED_SCOPE,
    RewrittenScope,
    check_rewritten_scope,
    load_hop_scope,
    load_rewritten_scope,
)

__all__ = [
    "DEFAULT_REWRITER",
    "REWRITERS",
    "SHIPPED",
    "SHIPPED_SCOPE",
    "LazyRewriter",
    "RewrittenScope",
    "TrainedRewriter",
    "check_rewriter",
    "check_rewritten_scope",
    "load_hop_scope",
    "load_rewriter",
    "load_rewritten_scope",
    "read_config",
]
