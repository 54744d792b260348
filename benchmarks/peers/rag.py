"""Plain retrieval: the edits nearest to the query stand before it, whatever it asks.

Lewis et al., "Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks", NeurIPS 2020, is
the paper that it is named after; ours has neither its trained retriever nor its marginalisation
over documents, but is what is commonly built: a vector store (LangChain's ``InMemoryVectorStore``
over the embedded encoder), and the k nearest texts put into the prompt of a model that was not
trained for it. No threshold, no demonstrations; k is 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

from benchmarks.peers.editor import EditedModel, PeerEdit
from benchmarks.peers.routed import Asked, KeptText, RoutedModel
from benchmarks.peers.stuffing import with_facts
from memory_store import Encoder
from serac.prompts import MAX_EDITS, sentence


class EncoderEmbeddings(Embeddings):
    """An encoder as LangChain's embeddings.

    Args:
        encoder: The encoder.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vector of each text."""
        # Rows of an array, since the store stacks them for every query: lists of numbers are slow.
        return cast(list[list[float]], list(self.encoder.encode(texts)))

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a text."""
        return self.embed_documents([text])[0]


class Rag:
    """Puts the nearest edits before every query; fits ``Editor``.

    Args:
        model: Continues the prompts; it is never changed.
        encoder: Finds the edits.
        k: How many are put before a query.
    """

    name = "plain RAG"

    def __init__(self, model: EditedModel, encoder: Encoder, k: int = MAX_EDITS) -> None:
        self.model, self.k = model, k
        self.embeddings = EncoderEmbeddings(encoder)
        self.store = InMemoryVectorStore(self.embeddings)
        self.kept = KeptText()

    def apply(self, edits: Sequence[PeerEdit]) -> EditedModel:
        """Store the edits, and return the model with prompts over all that are stored."""
        start = len(self.kept.edits)
        self.kept.keep(edits)
        new = self.kept.edits[start:]
        self.store.add_documents([Document(edit.text) for edit in new], [edit.id for edit in new])
        return RoutedModel(self._choose)

    def undo(self) -> None:
        """Delete all edits from the store."""
        self.store.delete([edit.id for edit in self.kept.edits])
        self.kept.undo()

    def bytes_kept(self) -> int:
        """Return how many bytes texts and vectors have, as float32."""
        return self.kept.bytes_kept() + 4 * self.embeddings.encoder.dimension * len(self.kept.edits)

    def _choose(self, queries: Sequence[str]) -> list[Asked]:
        vectors = self.embeddings.embed_documents(list(queries))
        asked = []
        for query, vector in zip(queries, vectors, strict=True):
            found = self.store.similarity_search_by_vector(vector, self.k)
            facts = [sentence(document.page_content) for document in reversed(found)]
            asked.append(Asked(self.model, with_facts(facts, query)))
        return asked
