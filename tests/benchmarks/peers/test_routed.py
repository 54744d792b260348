from benchmarks.peers.routed import Asked, KeptText, NearestText, RoutedModel, asked_of, generate


def test_queries_go_where_they_are_sent_and_each_is_decided_on_once(said, other):
    chosen = []

    def choose(queries):
        chosen.extend(queries)
        return [Asked(other if "?" in q else said, f"put: {q}", ("\n",)) for q in queries]

    model = RoutedModel(choose)
    texts = model.generate(["who?", "x", "who?"], 4)
    assert texts == ["other of who?", "base of x", "other of who?"]
    assert list(model.log_probabilities([("x", "ab"), ("who?", "abc")])) == [-2, -3]
    assert other.scored == [("put: who?", "abc")]
    assert chosen == ["who?", "x"]


def test_an_answer_ends_at_its_stop_words(said):
    texts = generate([Asked(said, "a"), Asked(said, "b", ("\n",))], 4)
    assert texts == ["base of a\nMore", "base of b"]


def test_a_model_of_its_own_is_asked_the_query_itself(said):
    assert asked_of(said, ["x"]) == [Asked(said, "x")]


def test_text_is_kept_in_order_and_forgotten(edits):
    kept = KeptText()
    kept.keep(edits[:1])
    kept.keep(edits[1:])
    assert [edit.text for edit in kept.edits] == [edit.text for edit in edits]
    assert len({edit.id for edit in kept.edits}) == 3
    assert kept.bytes_kept() > sum(len(edit.text) for edit in edits)
    kept.undo()
    assert kept.bytes_kept() == 0


def test_the_nearest_text_is_found_first(edits, encoder):
    kept = NearestText(encoder)
    kept.keep(edits)
    found = kept.nearest(["Where is the Louvre?", "And Needle?"], 2)
    assert [edits[0].subject for edits in found] == ["Louvre", "Needle"]
    assert {len(edits) for edits in found} == {2}
    assert kept.bytes_kept() > 3 * 4 * 512
    kept.undo()
    assert kept.bytes_kept() == 0
