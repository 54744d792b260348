import pytest
from data_folder import write

from benchmarks import data as loaders
from classifiers.pairs import part_of, read_scope_data
from memory_store.errors import ErrataError


def kinds(benchmark):
    return {case.kind for case in benchmark.cases}


def test_counterfact_has_all_edits_and_asks_only_the_test_split(folder):
    benchmark = loaders.counterfact(folder)
    assert len(benchmark.edits) == 60
    assert kinds(benchmark) == {"exact", "paraphrase", "neighborhood", "everyday"}
    exact = [case for case in benchmark.cases if case.kind == "exact"]
    assert len(exact) == 30
    assert all(case.edit in case.right for case in exact)
    assert all("Mor10ton" not in case.query for case in benchmark.cases)
    texts = {edit["id"]: edit["text"] for edit in benchmark.edits}
    assert all(texts[min(case.right)] == f"{case.query} {case.new}" for case in exact)


def test_a_neighbour_that_is_edited_itself_is_dropped_and_counted(folder):
    file = folder / "counterfact" / "test.jsonl"
    text = file.read_text()
    file.write_text(text.replace("Stranger40 Unknown was born", "Those say Ael0 was born"))
    first = next(iter(loaders.records(folder / "counterfact" / "facts.jsonl")))["subject"]
    file.write_text(file.read_text().replace("Those say Ael0", first))
    benchmark = loaders.counterfact(folder)
    assert benchmark.notes["out_of_scope_dropped"] == 1


def test_a_prompt_of_several_edits_is_right_for_any_of_them(folder):
    file = folder / "zsre" / "test.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines, lines[0].replace("Maker30", "Maker99")]) + "\n")
    benchmark = loaders.zsre(folder)
    assert benchmark.notes["prompts_in_several_edits"] == 1
    first = benchmark.cases[0]
    assert (first.edit, first.right) == ("0", {"0", "30"})
    assert (first.new, first.also) == ("Maker30", {"Maker99"})


def test_everyday_questions_are_those_no_threshold_was_chosen_on(folder):
    chosen_on = {query.text for query in read_scope_data(folder).queries}
    reported = [record["question"] for record in loaders.everyday(folder)]
    assert len(reported) == 60
    assert not chosen_on & set(reported)


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("load", [loaders.wiki_counterfact, loaders.wiki_recent])
def test_of_wiki_counterfact_and_wiki_recent_what_was_held_back_is_reported(folder, load, seed):
    queries = read_scope_data(folder, seed).queries
    fitted = {query.text for query in queries if query.part in ("fit", "calibrate")}
    benchmark = load(folder, seed)
    assert len(benchmark.edits) == 60
    assert kinds(benchmark) == {"exact", "alias", "relation_specificity"}
    assert not fitted & {case.query for case in benchmark.cases}


def test_a_question_that_is_another_edit_s_prompt_is_dropped_and_counted(folder):
    file = folder / "knowedit" / "wiki_recent_train.jsonl"
    names = [record["subject"] for record in loaders.records(file)]
    held_back = next(name for name in names if part_of(name, 0) == "dev")
    fitted = next(name for name in names if part_of(name, 0) == "fit")
    for name in (held_back, fitted):
        asked = f"The capital of {names[8]} is"
        file.write_text(file.read_text().replace(f"The anthem of {name} is", asked))
    assert loaders.wiki_recent(folder, 0).notes["out_of_scope_dropped"] == 1


def test_the_other_sets_of_knowedit(folder):
    assert kinds(loaders.knowedit_zsre(folder)) == {"exact", "rephrase", "relation_specificity"}


def test_mquake_asks_each_hop_of_the_test_cases_once(folder):
    benchmark = loaders.mquake(folder)
    assert len(benchmark.edits) == 60
    assert benchmark.edits[5] == {"id": "5", "text": "River5 flows into Sea5", "subject": "River5"}
    asked = [case for case in benchmark.cases if case.kind == "edited_hop"]
    assert len(asked) == len({case.query for case in asked}) == 20
    assert (asked[0].query, asked[0].right) == ("Where does River2 end?", {"2"})
    assert (asked[0].new, asked[0].old) == ("Sea2", "Lake2")
    unedited = [case.query for case in benchmark.cases if case.kind == "unedited_hop"]
    assert unedited[0] == "How deep is Sea2?"
    assert len(unedited) == benchmark.notes["out_of_scope_dropped"] == 20


def test_a_hop_with_the_subject_and_relation_of_an_edit_is_dropped(folder):
    file = folder / "mquake" / "cases.jsonl"
    text = file.read_text().replace("The depth of Sea2 is", "River9 flows  into")
    file.write_text(text.replace("River9 flows  into", "River9 flows into"))
    notes = loaders.mquake(folder).notes
    assert notes["out_of_scope_dropped"] == 21


def test_all_edits_of_one_fact_of_mquake_are_right(folder):
    file = folder / "mquake" / "edits.jsonl"
    edits = list(loaders.records(file))
    write(file, [*edits, {**edits[2], "edit_id": 60, "target_new": "Sea99"}])
    benchmark = loaders.mquake(folder)
    first = benchmark.cases[0]
    assert (first.edit, first.right, first.also) == ("2", {"2", "60"}, {"Sea99"})
    assert benchmark.notes["prompts_in_several_edits"] == 1


def test_cases_whose_edit_is_missing_are_refused(folder):
    file = folder / "mquake" / "edits.jsonl"
    write(file, list(loaders.records(file))[3:])
    with pytest.raises(ErrataError, match="River2 flows into Sea2"):
        loaders.mquake(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ErrataError, match="--data"):
        loaders.zsre(tmp_path)


def test_records_that_ask_for_one_fact_in_other_words_are_all_right(folder):
    file = folder / "zsre" / "test.jsonl"
    first, *others = loaders.records(file)
    again = {**first, "src": "Of whose making is it?", "alt": "Somebody else"}
    other = {**first, "src": "Where is it made?", "answers": ["Elsewhere"]}
    write(file, [first, *others, again, other])

    found = loaders.zsre(folder)

    right = {case.query: case.right for case in found.cases if case.kind == "exact"}
    last = len(others) + 2
    assert right[first["src"]] == right["Of whose making is it?"] == {"0", str(last - 1)}
    assert right["Where is it made?"] == {str(last)}
    assert found.notes["records_of_several_edits"] == 2


def test_a_neighbour_edited_under_a_near_synonym_is_a_kind_of_its_own(folder):
    counterfact = folder / "counterfact"
    facts = list(loaders.records(counterfact / "facts.jsonl"))
    speaks = {"case_id": 99, "prompt": "Una Field speaks", "subject": "Una Field"}
    write(counterfact / "facts.jsonl", [*facts, {**facts[0], **speaks}])
    first, *others = loaders.records(counterfact / "train.jsonl")
    known = {**first["requested_rewrite"], "prompt": "{} speaks", "relation_id": "P1412"}
    write(counterfact / "train.jsonl", [{**first, "requested_rewrite": known}, *others])
    asked, *more = loaders.records(counterfact / "test.jsonl")
    asked["requested_rewrite"]["relation_id"] = "P103"
    asked["neighborhood_prompts"] = [f"The mother tongue of {n} is" for n in ("UNA FIELD", "Bo")]
    write(counterfact / "test.jsonl", [asked, *more])

    cases = loaders.counterfact(folder).cases

    [nearly] = [case for case in cases if case.kind == "near_synonym"]
    assert (nearly.query, nearly.right) == ("The mother tongue of UNA FIELD is", frozenset())
    assert "The mother tongue of Bo is" in {c.query for c in cases if c.kind == "neighborhood"}


@pytest.mark.parametrize("answer", ["bay3.", ["Bay3", "Cove3"], [["Cove3"], ["Bay3"]]])
def test_a_question_with_the_answer_that_is_replaced_is_a_kind_of_its_own(folder, answer):
    file = folder / "knowedit" / "zsre.jsonl"
    found = list(loaders.records(file))
    found[3]["locality"]["Relation_Specificity"][0]["ground_truth"] = answer
    found[4]["locality"]["Relation_Specificity"][0]["ground_truth"] = "Elsewhere"
    write(file, found)

    cases = loaders.knowedit_zsre(folder).cases

    [same] = [case for case in cases if case.kind == "same_answer"]
    assert same.query == found[3]["locality"]["Relation_Specificity"][0]["prompt"]
    assert same.right == frozenset()
