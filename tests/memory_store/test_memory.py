import threading
from datetime import UTC, datetime, timedelta

import pytest
from hashed_encoder import HashedEncoder

from memory_store import (
    EditDraft,
    EditExistsError,
    EditMemory,
    EncoderMismatchError,
    InvalidEditError,
    InvalidQueryError,
    MemoryStoreError,
    ModelError,
    UnknownEditError,
)

PARIS = "The Space Needle is located in Paris."
ROME = "The Space Needle is located in Rome."
LOUVRE = "The Louvre was built by Ada Lovelace."
KEY = {"subject": "Space Needle", "relation": "located in"}


def texts(edits):
    return [edit.text for edit in edits]


def test_an_edit_is_stored_and_found(memory):
    before = datetime.now(UTC)
    edit = memory.add(f"  {PARIS}\n", source="a test")
    memory.add(LOUVRE)
    assert edit.text == PARIS and edit.source == "a test" and edit.namespace == "default"
    assert before <= edit.created_at <= datetime.now(UTC)
    assert len(edit.id) == 8 and len(memory) == 2
    assert memory.get(edit.id) == edit
    hits = memory.search(PARIS)
    assert hits[0].edit == edit and hits[0].similarity == pytest.approx(1, abs=1e-5)
    assert len(hits) == 2 and hits[1].similarity < hits[0].similarity


def test_the_memory_outlives_its_handle(open_memory):
    with open_memory() as first:
        edit = first.add(PARIS, **KEY, valid_from="2020-01-01", valid_to="2090-01-01")
    with pytest.raises(MemoryStoreError, match=r"closed; open it again"):
        first.search(PARIS)
    first.close()
    second = open_memory()
    assert second.list() == [edit]
    assert second.search(PARIS)[0].edit == edit


def test_a_memory_without_a_file(encoder):
    with EditMemory.open(":memory:", encoder) as memory:
        memory.add(PARIS)
        assert texts(h.edit for h in memory.search("needle")) == [PARIS]
        assert memory.check().ok


def test_an_empty_memory(memory):
    assert memory.search("anything") == [] and memory.list() == [] and len(memory) == 0
    assert memory.search_many([]) == [] and memory.search_many(["a", "b"]) == [[], []]
    with pytest.raises(InvalidEditError, match="add takes one text"):
        memory.add_many("abc")
    assert memory.add_many([]) == [] and memory.check().ok
    assert memory.encoder.encoded == 0


def test_several_queries_at_once(memory):
    memory.add_many([PARIS, LOUVRE])
    first, second = memory.search_many([LOUVRE, PARIS], k=1)
    assert texts(h.edit for h in first + second) == [LOUVRE, PARIS]


def test_same_subject_and_relation_supersede(memory):
    old = memory.add(PARIS, **KEY)
    new = memory.add(ROME, **KEY)
    assert new.supersedes == old.id
    assert memory.list() == [new]
    assert texts(h.edit for h in memory.search(PARIS)) == [ROME]
    entries = memory.history(old.id)
    assert entries == memory.history(new.id)
    assert [e.edit for e in entries] == [old, new]
    assert entries[0].ended_by == "superseded" and entries[0].superseded_by == new.id
    assert entries[0].ended_at is not None and entries[1].ended_at is None
    with pytest.raises(UnknownEditError, match=f"superseded by '{new.id}'"):
        memory.get(old.id)


@pytest.mark.parametrize(
    "other",
    [
        {"subject": "Space Needle"},
        {"relation": "located in"},
        {"subject": "space needle", "relation": "located in"},
        {"subject": "Space Needle", "relation": "built in"},
        {},
    ],
)
def test_nothing_else_supersedes(memory, other):
    memory.add(PARIS, **KEY)
    edit = memory.add(ROME, **other)
    assert edit.supersedes is None and len(memory) == 2


def test_edits_that_never_hold_together_both_stay(memory):
    first = memory.add(PARIS, **KEY, valid_to="2025-01-01")
    second = memory.add(ROME, **KEY, valid_from="2025-01-01")
    assert len(memory) == 2
    third = memory.add("It is in Oslo.", **KEY, valid_from="2024-06-01", valid_to="2024-07-01")
    assert memory.list() == [second, third]
    last = memory.add("It is in Bonn.", **KEY)
    assert memory.list() == [last] and last.supersedes == third.id
    assert [e.edit.id for e in memory.history(first.id)] == [
        e.id for e in (first, second, third, last)
    ]


def test_validity_is_heeded_by_search(memory):
    past = memory.add("The mayor is Ann.", valid_to="2020-01-01")
    now = memory.add("The mayor is Bob.", valid_from="2020-01-01", valid_to="2090-01-01")
    later = memory.add("The mayor is Eve.", valid_from="2090-01-01")
    assert [h.edit for h in memory.search("mayor")] == [now]
    assert [h.edit for h in memory.search("mayor", at="2019-12-31")] == [past]
    assert [h.edit for h in memory.search("mayor", at="2020-01-01")] == [now]
    assert [h.edit for h in memory.search("mayor", at=datetime(2091, 1, 1))] == [later]
    assert len(memory.list()) == 3


@pytest.mark.parametrize("flat_limit", [10**6, 50])
def test_search_looks_past_edits_that_do_not_hold(open_memory, flat_limit):
    memory = open_memory(flat_limit=flat_limit)
    memory.add_many([EditDraft(f"The mayor is {n}.", valid_to="2020-01-01") for n in range(100)])
    held = memory.add_many([LOUVRE, "Another thing entirely."])
    hits = memory.search("The mayor is 5.", k=2)
    assert {h.edit.id for h in hits} == {e.id for e in held}
    assert len(memory.search("The mayor is 5.", k=500)) == 2


def test_update_keeps_what_is_not_given(memory):
    old = memory.add(PARIS, **KEY, source="s", valid_to="2090-01-01")
    new = memory.update(old.id, ROME)
    assert (new.subject, new.relation, new.source) == ("Space Needle", "located in", "s")
    assert new.valid_to == old.valid_to and new.supersedes == old.id and new.id != old.id
    third = memory.update(new.id, PARIS, source=None, valid_to=None, subject="Needle", new_id="n3")
    assert (third.id, third.source, third.valid_to, third.subject) == ("n3", None, None, "Needle")
    assert [e.edit for e in memory.history("n3")] == [old, new, third]
    assert memory.list() == [third]
    with pytest.raises(UnknownEditError, match=r"superseded by"):
        memory.update(old.id, LOUVRE)
    with pytest.raises(UnknownEditError, match=r"there is no edit 'nope'"):
        memory.update("nope", LOUVRE)
    with pytest.raises(TypeError, match=r"colour"):
        memory.update("n3", LOUVRE, colour="red")
    with pytest.raises(InvalidEditError):
        memory.update("n3", "")
    assert memory.list() == [third]


def test_remove_does_not_revive(memory):
    old = memory.add(PARIS, **KEY)
    new = memory.add(ROME, **KEY)
    assert memory.remove(new.id) == new
    assert memory.search(PARIS) == [] and len(memory) == 0
    assert [e.ended_by for e in memory.history(old.id)] == ["superseded", "removed"]
    with pytest.raises(UnknownEditError, match=r"was removed; add it again"):
        memory.remove(new.id)
    with pytest.raises(UnknownEditError, match=r"there is no edit"):
        memory.remove("nope")
    with pytest.raises(UnknownEditError, match=r"there is no edit"):
        memory.history("nope")


def test_ids_belong_to_one_edit_for_ever(memory):
    edit = memory.add(PARIS, id="needle")
    assert memory.add(PARIS, id="needle") == edit
    assert len(memory) == 1
    with pytest.raises(EditExistsError, match=r"'needle' belongs to an edit that says something"):
        memory.add(ROME, id="needle")
    with pytest.raises(EditExistsError, match=r"says something else"):
        memory.add(PARIS, id="needle", source="elsewhere")
    memory.remove("needle")
    for text in (PARIS, ROME):
        with pytest.raises(EditExistsError, match=r"was removed, and ids are never used again"):
            memory.add(text, id="needle")
    assert len(memory) == 0


def test_many_are_stored_or_none(memory, encoder):
    told = []
    edits = memory.add_many([PARIS, EditDraft(LOUVRE, id="l", source="s")], told.append)
    assert texts(edits) == [PARIS, LOUVRE] and sum(told) == 2
    with pytest.raises(InvalidEditError, match=r"edit 2: text is empty.*nothing was stored"):
        memory.add_many(["A fact.", " "])
    with pytest.raises(EditExistsError, match=r"edit 2: id 'l'.*nothing was stored"):
        memory.add_many(["A fact.", EditDraft("Another.", id="l")])
    with pytest.raises(EditExistsError, match=r"edit 2: id 'twin'"):
        memory.add_many([EditDraft("One.", id="twin"), EditDraft("Two.", id="twin")])
    assert memory.list() == edits and memory.check().ok
    later = memory.add_many([EditDraft(PARIS, **KEY), EditDraft(ROME, **KEY)])
    assert memory.list() == [*edits, later[1]] and later[1].supersedes == later[0].id


def test_listing(memory):
    edits = memory.add_many([f"Fact number {n} about Straße." for n in range(10)])
    assert memory.list(offset=3, limit=2) == edits[3:5]
    assert memory.list(limit=0) == []
    assert memory.list(offset=8) == edits[8:]
    assert memory.list(contains="NUMBER 7") == [edits[7]]
    assert len(memory.list(contains="STRASSE")) == 10
    assert memory.list(contains="%") == []
    with pytest.raises(InvalidQueryError):
        memory.list(offset=-1)
    with pytest.raises(InvalidQueryError, match="whole numbers"):
        memory.list(offset=1.5)
    with pytest.raises(InvalidQueryError, match="whole numbers"):
        memory.list(limit="2")


def test_namespaces_do_not_see_each_other(open_memory):
    first, second = open_memory(namespace="a"), open_memory(namespace="b")
    edit = first.add(PARIS, id="x", **KEY)
    other = second.add(ROME, id="x", **KEY)
    assert first.list() == [edit] and second.list() == [other]
    assert [h.edit for h in first.search(ROME)] == [edit]
    first.remove("x")
    assert first.search(PARIS) == [] and [h.edit for h in second.search(PARIS)] == [other]
    assert first.check().ok and second.check().ok
    with pytest.raises(InvalidEditError, match=r"namespace is empty"):
        open_memory(namespace=" ")


@pytest.mark.parametrize("k", [0, -1, 1.5, "3", True, None])
def test_k_must_be_a_number(memory, k):
    with pytest.raises(InvalidQueryError, match=r"k must be a whole number"):
        memory.search("a", k=k)


def test_queries_that_cannot_be_used(memory):
    for query in ("", None, "\ud800"):
        with pytest.raises(InvalidQueryError):
            memory.search(query)
    with pytest.raises(InvalidQueryError, match=r"list of strings"):
        memory.search_many("abc")
    with pytest.raises(InvalidQueryError, match=r"at 'soon' is no date"):
        memory.search("a", at="soon")


def test_another_encoder_is_refused_until_rebuilt(open_memory):
    open_memory().add_many([PARIS, LOUVRE])
    open_memory(namespace="other").add(ROME)
    other = HashedEncoder(32, "smaller")
    told = r"hashed \(64 .* not from smaller \(32 .*: errata rebuild \(in Python: .*rebuild=True\)"
    with pytest.raises(EncoderMismatchError, match=told):
        open_memory(encoder=other)
    told = []
    rebuilt = open_memory(encoder=other, rebuild=True, progress=told.append)
    assert rebuilt.search(LOUVRE)[0].edit.text == LOUVRE and sum(told) == 3
    assert rebuilt.check().ok
    assert open_memory(encoder=other, namespace="other").search(ROME)[0].edit.text == ROME


def test_a_handle_notices_a_rebuild_by_another(open_memory):
    first, second = open_memory(), open_memory()
    edit = first.add(PARIS)
    assert second.rebuild() == 1
    assert first.search(PARIS)[0].edit == edit and first.check().ok
    open_memory(encoder=HashedEncoder(32, "smaller"), rebuild=True)
    for action in (lambda: first.search(PARIS), lambda: first.add(ROME)):
        with pytest.raises(EncoderMismatchError):
            action()


def test_rebuild_takes_in_edits_stored_while_it_encodes(open_memory):
    class Meddling(HashedEncoder):
        def encode(self, texts):
            if self.meddle:
                self.meddle = False
                writer.add(ROME)
            return super().encode(texts)

    writer = open_memory()
    writer.add(PARIS)
    slow = Meddling()
    slow.meddle = False
    memory = open_memory(encoder=slow)
    slow.meddle = True
    assert memory.rebuild() == 2
    assert memory.check().ok and writer.search(ROME)[0].edit.text == ROME


def test_an_encoder_that_fails_loses_nothing(memory, encoder):
    memory.add(PARIS)
    encoder.encode = lambda texts: HashedEncoder(8).encode(texts)
    with pytest.raises(ModelError, match=r"returned \(1, 8\) where finite \(1, 64\)"):
        memory.add(ROME)
    assert texts(memory.list()) == [PARIS] and memory.check().ok


def test_the_index_follows_the_number_of_edits(open_memory):
    memory = open_memory(flat_limit=40)
    edits = [memory.add(f"Thing {n} is {n * n}.") for n in range(60)]
    for edit in edits:
        assert memory.search(edit.text, k=1)[0].edit == edit
    for edit in edits[:50]:
        memory.remove(edit.id)
    assert {h.edit.id for h in memory.search("thing", k=60)} == {e.id for e in edits[50:]}
    assert memory.check().ok


def test_adding_neither_reads_nor_encodes_the_rest(memory, encoder):
    memory.add_many([f"Thing {n}." for n in range(300)])
    encoder.encoded = 0
    statements = []
    memory._database._connection.set_trace_callback(statements.append)
    memory.add(PARIS, **KEY)
    assert encoder.encoded == 1
    assert sum("COMMIT" in s for s in statements) == 1
    assert not [s for s in statements if "FROM edits" in s and "WHERE" not in s]


def test_many_threads_use_one_memory(memory):
    errors = []

    def work(number):
        try:
            for step in range(12):
                edit = memory.add(f"Thread {number} says {step}.")
                assert memory.search(edit.text, k=1)[0].edit == edit
                if step % 3 == 0:
                    memory.remove(edit.id)
                    assert edit not in [h.edit for h in memory.search(edit.text, k=5)]
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(memory) == 6 * 8 and memory.check().ok


def test_no_lock_is_held_while_encoding(memory, encoder):
    """A slow encoder must not keep other threads from reading."""
    memory.add(PARIS, id="p")
    inside, proceed = threading.Event(), threading.Event()
    plain = encoder.encode

    def slow(texts):
        inside.set()
        proceed.wait(5)
        return plain(texts)

    encoder.encode = slow
    writer = threading.Thread(target=memory.add, args=(ROME,))
    writer.start()
    assert inside.wait(5)
    assert memory.get("p").text == PARIS
    proceed.set()
    writer.join()
    assert len(memory) == 2


def test_a_created_edit_holds_from_its_valid_from(memory):
    soon = datetime.now(UTC) + timedelta(days=1)
    edit = memory.add(PARIS, valid_from=soon)
    assert memory.search(PARIS) == []
    assert memory.search(PARIS, at=soon)[0].edit == edit
