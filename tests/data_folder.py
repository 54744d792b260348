"""A small data folder of made-up records, in the formats of the benchmark data."""

import json
import random

TOWNS = ("Arden", "Bolthaven", "Cresk", "Dunmore", "Elvas", "Farrow", "Gild", "Harrow")


def write_data_folder(folder, people=60):
    chance = random.Random(5)
    names = [f"{chance.choice('ABCDEFGH')}el{n} Mor{n}ton" for n in range(people)]
    facts, full = [], []
    for number, name in enumerate(names):
        town, other = chance.sample(TOWNS, 2)
        facts.append(
            {
                "case_id": number,
                "prompt": f"{name} was born in",
                "subject": name,
                "target_new": town,
                "ground_truth": other,
                "locality_prompt": f"Settler{number} Unknown was born in",
                "split": "train" if number < people // 2 else "edit",
            }
        )
        full.append(
            {
                "case_id": number,
                "requested_rewrite": {
                    "prompt": "{} was born in",
                    "relation_id": "P19",
                    "subject": name,
                    "target_new": {"str": town},
                    "target_true": {"str": other},
                },
                "paraphrase_prompts": [f"It rained on day {number}. {name} is a native of"],
                "neighborhood_prompts": [f"Stranger{number} Unknown was born in"],
                "generation_prompts": [f"{name} grew up in"],
            }
        )
    write(folder / "counterfact" / "facts.jsonl", facts)
    write(folder / "counterfact" / "train.jsonl", full[: people // 2])
    write(folder / "counterfact" / "test.jsonl", full[people // 2 :])
    zsre = [
        {
            "subject": f"Works{n}",
            "src": f"Who made Works{n}?",
            "rephrase": f"Works{n} was made by whom?",
            "alt": f"Maker{n}",
            "answers": [f"Old{n}"],
            "loc": f"nq question: what is thing {n}",
        }
        for n in range(people)
    ]
    half = people // 2
    write(folder / "zsre" / "train.jsonl", zsre[:half])
    write(folder / "zsre" / "test.jsonl", zsre[half:])
    pairs = [
        {"edit": f"Club{n} plays chess", "questions": [f"Which sport does Club{n} play?"]}
        for n in range(people)
    ]
    write(folder / "mquake" / "scope_pairs.jsonl", pairs)
    write(folder / "mquake" / "cases.jsonl", [_case(n) for n in range(people)])
    wiki = [
        {
            "subject": f"Isle{n}",
            "prompt": f"The capital of Isle{n} is",
            "target_new": f"Port{n}",
            "ground_truth": f"Bay{n}",
            "portability": {"Subject_Aliasing": [{"prompt": f"The capital of Island{n} is"}]},
            "locality": {"Relation_Specificity": [{"prompt": f"The anthem of Isle{n} is"}]},
        }
        for n in range(people)
    ]
    write(folder / "knowedit" / "wiki_counterfact_train.jsonl", wiki)
    write(folder / "knowedit" / "wiki_recent_train.jsonl", _renamed(wiki, "Isl", "Ree"))
    knowedit = [
        {
            **record,
            "portability": {},
            "ground_truth": [record["ground_truth"]],
            "rephrase_prompt": f"What is the capital of {record['subject']}?",
        }
        for record in _renamed(wiki, "Isl", "Ban")
    ]
    write(folder / "knowedit" / "zsre.jsonl", knowedit)
    for name in ("nq_open", "webquestions"):
        questions = [{"question": f"how do i do {name} job {n}"} for n in range(people)]
        write(folder / "questions" / f"{name}.jsonl", questions)
    return folder


def write_plan_folder(folder, people=60):
    """The made-up data folder with cases of two hops, and with decompositions."""
    write_data_folder(folder, people)
    file = folder / "mquake" / "cases.jsonl"
    cases = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    write(file, [_with_second_hop(case) for case in cases])
    texts = [f"Work{n}" for n in range(people)]
    made = {
        "musique": musique_record,
        "2wiki": _two_wiki,
        "strategyqa_train": _strategy,
        "break_highlevel": break_record,
    }
    for name, record in made.items():
        write(folder / "decomposition" / f"{name}.jsonl", map(record, texts))
    return folder


def _with_second_hop(case):
    """A case of two hops with its questions; of every six one is for dev."""
    number = case["case_id"]
    lake = case["single_hops"][0]["answer"]
    hop = {"question": f"Which country is {lake} in?", "cloze": f"{lake} lies in"}
    hop |= {"answer": f"Land{number}", "answer_alias": []}
    return {
        **case,
        "split": "dev" if number % 6 == 1 else case["split"],
        "questions": [f"In which country does River{number} end? ", f"Where ends River{number}?"],
        "single_hops": [*case["single_hops"], hop],
        "new_single_hops": [*case["new_single_hops"], hop],
    }


def musique_record(name):
    """A record as MuSiQue has them."""
    return {
        "question": f"Who is the spouse of the writer of {name}?",
        "question_decomposition": [
            {"question": f"{name} >> writer", "answer": "Ada"},
            {"question": "#1 >> spouse", "answer": "Ivo"},
        ],
    }


def _two_wiki(name):
    return {
        "type": "compositional",
        "question": f"Where was the director of {name} born?",
        "evidences": [[name, "director", "Ada"], ["Ada", "place of birth", "Arden"]],
    }


def _strategy(name):
    steps = [f"How long is {name}?", "How long is a song?", "Is #1 shorter than #2?"]
    return {"question": f"Is {name} shorter than a song?", "decomposition": steps}


def break_record(name, steps=None, operators="['select', 'project']", source="CWQ"):
    """A record as Break has them."""
    return {
        "question_id": f"{source}_dev_{name}",
        "question_text": f"What is the size of the town where {name} plays?",
        "decomposition": steps or f"return town where {name} plays ;return size of #1",
        "operators": operators,
    }


def _case(number):
    """A case with one edit and one hop; every third is reported on."""
    river, old, new = f"River{number}", f"Lake{number}", f"Sea{number}"
    question, cloze = f"Where does {river} end?", f"{river} flows into"
    return {
        "case_id": number,
        "split": "test" if number % 3 == 2 else "train",
        "orig": {
            "triples": [[f"Q{number}", "P403", f"L{number}"]],
            "triples_labeled": [[river, "mouth of the watercourse", old]],
        },
        "requested_rewrite": [
            {
                "subject": river,
                "prompt": "{} flows into",
                "relation_id": "P403",
                "question": question,
                "target_new": {"str": new},
                "target_true": {"str": old},
            }
        ],
        "single_hops": [
            {"question": question, "cloze": cloze, "answer": old, "answer_alias": [f"{old} Water"]}
        ],
        "new_single_hops": [
            {"question": question, "cloze": cloze, "answer": new, "answer_alias": [f"{new} Water"]}
        ],
    }


def _renamed(records, old, new):
    return json.loads(json.dumps(records).replace(old, new))


def write(file, records):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
