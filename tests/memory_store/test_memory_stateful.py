"""Random sequences of calls against a model made of plain lists."""

import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hashed_encoder import HashedEncoder
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from memory_store import EditMemory, UnknownEditError
from memory_store.jsonl import format_line

TEXTS = st.text("abcdefgh ", min_size=1, max_size=12).filter(str.strip)
KEYS = st.one_of(
    st.none(), st.tuples(st.sampled_from(["tower", "Tower"]), st.sampled_from(["in", "by"]))
)


class MemoryMachine(RuleBasedStateMachine):
    held_ids = Bundle("held_ids")
    past_ids = Bundle("past_ids")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "facts.db"
        self.encoder = HashedEncoder()
        self.held = {}  # id -> (text, key), in order of storing
        self.ended = {}  # id -> (text, key, why, successor)

    @initialize(limit=st.sampled_from([50_000, 4]))
    def open(self, limit):
        self.limit = limit
        self.memory = EditMemory.open(self.path, self.encoder, flat_limit=limit)

    def end(self, name, why, successor=None):
        self.ended[name] = (*self.held.pop(name), why, successor)

    def take(self, edit, text, key):
        assert edit.text == " ".join(text.split())
        for name in [n for n, (_, other) in self.held.items() if key and other == key]:
            self.end(name, "superseded", edit.id)
        self.held[edit.id] = (edit.text, key)

    @staticmethod
    def fields(key):
        return {"subject": key[0], "relation": key[1]} if key else {}

    @rule(target=held_ids, text=TEXTS, key=KEYS)
    def add(self, text, key):
        edit = self.memory.add(text, **self.fields(key))
        self.take(edit, text, key)
        return edit.id

    @rule(target=held_ids, name=held_ids, text=TEXTS)
    def update(self, name, text):
        if name not in self.held:
            return multiple()
        key = self.held[name][1]
        edit = self.memory.update(name, text)
        self.end(name, "superseded", edit.id)
        self.take(edit, text, key)
        assert edit.supersedes == name
        return edit.id

    @rule(target=past_ids, name=consumes(held_ids))
    def remove(self, name):
        if name in self.held:
            assert self.memory.remove(name).id == name
            self.end(name, "removed")
        else:
            try:
                self.memory.remove(name)
            except UnknownEditError:
                return name
            raise AssertionError("removed twice")
        return name

    @rule(target=held_ids, name=past_ids)
    def add_again(self, name):
        text, key, *_ = self.ended[name]
        edit = self.memory.add(text, **self.fields(key))
        assert edit.id != name
        self.take(edit, text, key)
        return edit.id

    @rule()
    def import_own_export(self):
        file = self.path.with_suffix(".jsonl")
        count = self.memory.export_jsonl(file)
        result = self.memory.import_jsonl(file)
        assert (result.added, result.unchanged, result.superseded) == (0, count, 0)

    @rule(target=held_ids, texts=st.lists(st.tuples(TEXTS, KEYS), max_size=4))
    def import_new(self, texts):
        drafts = EditMemory.open(":memory:", self.encoder)
        file = self.path.with_suffix(".jsonl")
        new = [drafts.add(text, **self.fields(key)) for text, key in texts]
        file.write_text("".join(format_line(edit) + "\n" for edit in new), "utf-8")
        drafts.close()
        for edit, (text, key) in zip(new, texts, strict=True):
            # Within the scratch memory an earlier one may be superseded: named all the same.
            self.take(edit, text, key)
        assert self.memory.import_jsonl(file).added == len(new)
        return multiple(*(edit.id for edit in new))

    @rule()
    def reopen(self):
        self.memory.close()
        self.memory = EditMemory.open(self.path, self.encoder, flat_limit=self.limit)

    @rule()
    def rebuild(self):
        assert self.memory.rebuild() == len(self.held)

    @rule(name=held_ids)
    def search_own_text(self, name):
        hits = self.memory.search(self.held[name][0] if name in self.held else "abc", k=50)
        assert {h.edit.id for h in hits} == set(self.held)
        if name in self.held:
            best = hits[0].similarity
            assert name in [h.edit.id for h in hits if h.similarity >= best - 1e-5]

    @rule(name=held_ids)
    def history(self, name):
        entries = {e.edit.id: e for e in self.memory.history(name)}
        assert name in entries
        for other, entry in entries.items():
            if other in self.held:
                assert entry.ended_by is None
            else:
                _, _, why, successor = self.ended[other]
                assert (entry.ended_by, entry.superseded_by) == (why, successor)
                assert successor is None or successor in entries

    @invariant()
    def lists_agree(self):
        if hasattr(self, "memory"):
            assert [(e.id, e.text) for e in self.memory.list()] == [
                (name, text) for name, (text, _) in self.held.items()
            ]
            assert len(self.memory) == len(self.held)

    def teardown(self):
        if hasattr(self, "memory"):
            assert self.memory.check().ok
            self.memory.close()
        self.folder.cleanup()


TestMemoryAgainstAModel = MemoryMachine.TestCase
TestMemoryAgainstAModel.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
