from classifiers.conversation_view import LONGEST_BEFORE, conversation_view, searched_views


def test_each_turn_is_named_by_who_speaks_and_the_last_is_the_user_s():
    view = conversation_view([("user", "Tell me of Tosca."), ("assistant", " An opera. ")], "Who? ")

    assert view == "user: Tell me of Tosca.\nassistant: An opera.\nuser: Who?"


def test_of_earlier_turns_the_beginning_is_read_and_none_that_says_nothing():
    view = conversation_view([("user", "x" * 1000), ("assistant", "  ")], "y" * 300)

    assert view == f"user: {'x' * LONGEST_BEFORE}\nuser: {'y' * 300}"


def test_edits_are_looked_up_by_each_turn_and_by_the_last_ones_together():
    view = conversation_view([("user", "Of: Tosca"), ("assistant", "An\nopera.")], "Who?")

    assert searched_views(view) == ("Who?", "An opera.", "Of: Tosca", "Of: Tosca An opera. Who?")
    assert searched_views("user: Who?") == ("Who?",)


def test_turns_far_back_are_not_looked_up_by():
    views = searched_views(conversation_view([("user", str(n)) for n in range(40)], "Who?"))

    assert views == ("Who?", *map(str, range(39, 31, -1)), "38 39 Who?")
