from dataclasses import FrozenInstanceError

import pytest

from mello import Answer, Finish, Hop, Trace


def test_an_answer_says_where_it_comes_from():
    assert Answer("Paris").source == "base"
    assert Answer("Paris", edit_id="needle", score=0.9).source == "edit #needle"


@pytest.mark.parametrize(
    ("ids", "edited"), [((), False), ((None, None), False), ((None, "e1"), True), (("",), True)]
)
def test_a_trace_is_edited_if_an_edit_answered_any_hop(ids, edited):
    hops = tuple(Hop(f"Q{n}", Answer("A", edit_id)) for n, edit_id in enumerate(ids))

    assert Trace("Q", hops, "A", "finished").edited is edited


def test_records_can_not_be_changed():
    with pytest.raises(FrozenInstanceError):
        Answer("Paris").text = "Rome"
    with pytest.raises(FrozenInstanceError):
        Finish().answer = "Rome"
