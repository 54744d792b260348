import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_store.errors import InvalidQueryError
from serac.conversation import MAX_QUERY_LENGTH, Turn, as_turns


def test_a_text_is_one_turn_of_the_user():
    assert as_turns("Where is it?") == (Turn("user", "Where is it?"),)


def test_mappings_and_turns_may_be_mixed():
    turns = as_turns(
        [
            {"role": "system", "content": "Be brief."},
            Turn("user", "Hi"),
            {"role": "assistant", "content": "Hello", "name": "ignored"},
            {"role": "user", "content": "Who are you?"},
        ]
    )

    assert [turn.role for turn in turns] == ["system", "user", "assistant", "user"]
    assert turns[-1] == Turn("user", "Who are you?")


def test_turns_may_come_from_a_generator():
    assert as_turns(Turn("user", word) for word in ("a", "b")) == (
        Turn("user", "a"),
        Turn("user", "b"),
    )


def test_nothing_of_a_turn_is_changed():
    text = "  two  spaces\r\n\ttab \u200b ünïcödé 🎈  "

    assert as_turns(text)[0].content == text


def test_an_earlier_turn_may_be_empty():
    turns = as_turns([Turn("system", ""), Turn("user", "Hi")])

    assert turns[0].content == ""


def test_the_longest_turn_is_accepted():
    assert as_turns("a" * MAX_QUERY_LENGTH)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "the query is empty"),
        (" \n\t ", "the query is empty"),
        ([], "must end with a turn of the user"),
        ([Turn("user", "Hi"), Turn("assistant", "Hello")], "must end with a turn of the user"),
        ([Turn("tool", "x"), Turn("user", "Hi")], "unknown role 'tool'"),
        ([Turn("User", "Hi")], "must end with a turn of the user"),
        ("a" * (MAX_QUERY_LENGTH + 1), "100,001 characters; the limit is 100,000"),
        ([Turn("user", "a" * (MAX_QUERY_LENGTH + 1)), Turn("user", "Hi")], "the limit is"),
        ([{"role": "user"}], "needs the keys 'role' and 'content'"),
        ([{"content": "Hi"}], "needs the keys 'role' and 'content'"),
        ([("user", "Hi")], "needs the keys 'role' and 'content'"),
        (["Hi"], "needs the keys 'role' and 'content'"),
        ([None], "needs the keys 'role' and 'content'"),
        ([{"role": "user", "content": None}], "must be text"),
        ([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}], "must be text"),
        ([Turn("user", None)], "must be text"),
        (None, "not NoneType"),
        (7, "not int"),
        (b"Hi", "not bytes"),
        ({"role": "user", "content": "Hi"}, "not dict"),
        (Turn("user", "Hi"), "not Turn"),
        ("broken \ud83d half", "lone surrogate"),
        ([Turn("system", "\udc00"), Turn("user", "Hi")], "lone surrogate"),
    ],
)
def test_what_can_not_be_asked_is_refused_in_one_line(query, message):
    with pytest.raises(InvalidQueryError, match=message) as caught:
        as_turns(query)

    assert "\n" not in str(caught.value)


@given(
    st.one_of(
        st.text(),
        st.none(),
        st.integers(),
        st.lists(st.one_of(st.text(), st.dictionaries(st.text(), st.text()), st.integers())),
        st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(["user", "system", "x"]), "content": st.text()}
            )
        ),
    )
)
def test_anything_is_either_turns_or_an_error_of_ours(query):
    try:
        turns = as_turns(query)
    except InvalidQueryError:
        return
    assert turns[-1].role == "user"
    assert turns[-1].content.strip()
