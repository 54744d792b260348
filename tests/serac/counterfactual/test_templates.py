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


def as_pattern(text, fillers):
    """A pattern that matches every filling of a template's text."""
    parts = re.split(r"\{([a-z]+)[2-9]?\}", text)
    for n in range(1, len(parts), 2):
        parts[n] = "|".join(map(re.escape, fillers[parts[n]]))
    return "".join(f"(?:{p})" if n % 2 else re.escape(p) for n, p in enumerate(parts))


def test_no_test_case_is_an_instance_of_a_template():
    from benchmarks.own import beyond_triples

    patterns = [
        re.compile(as_pattern(text, template.fillers), re.IGNORECASE)
        for template in templates()
        for text in (template.edit, *(query for query, _ in template.asks))
    ]
    assert patterns[0].fullmatch(templates()[0].filled(random.Random(0))[0])
    for case in beyond_triples():
        for text in (case.edit, case.query):
            assert not any(pattern.fullmatch(text) for pattern in patterns), text
