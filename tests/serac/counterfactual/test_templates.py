import random
import re

from serac.counterfactual.templates import Template, templates


def test_slots_of_one_list_are_filled_with_different_things():
    template = Template(
        "k", "{town} is not {town2}.", (("Is it {town3}?", "{town}."),), {"town": ["a", "b", "c"]}
    )
    for seed in range(20):
        edit, query, answer = template.filled(random.Random(seed))
        first, second = re.fullmatch(r"(\w) is not (\w)\.", edit).groups()
        assert len({first.lower(), second, query[6]}) == 3
        assert answer == f"{first.upper()}."


def test_the_answer_to_a_cloze_begins_as_it_stands():
    template = Template("k", "{place} is red.", (("{place} is", "red"),), {"place": ["the pool"]})
    assert template.filled(random.Random(0)) == ("The pool is red.", "The pool is", "red")


def test_every_template_can_be_filled_and_its_answer_stands_in_the_edit_s_slots():
    chance = random.Random(0)
    found = templates()
    assert len({template.kind for template in found}) == 9 and len(found) > 250
    for template in found:
        for query, answer in template.asks:
            one = Template(template.kind, template.edit, ((query, answer),), template.fillers)
            filled = one.filled(chance)
            assert not any("{" in text or "\n" in text for text in filled)
            slots = set(re.findall(r"\{\w+\}", answer))
            assert slots <= set(re.findall(r"\{\w+\}", template.edit)), template.edit


def test_training_templates_are_other_than_the_test_cases():
    from benchmarks.own import beyond_triples

    chance = random.Random(0)
    tests = {case.edit for case in beyond_triples()} | {case.query for case in beyond_triples()}
    for template in templates():
        assert not tests & set(template.filled(chance)[:2])
