"""Query rewriting: the last turn of a conversation as a query that stands on its own."""

from serac.query_rewriting.model import SHIPPED, LazyRewriter, TrainedRewriter, load_rewriter

__all__ = ["SHIPPED", "LazyRewriter", "TrainedRewriter", "load_rewriter"]
