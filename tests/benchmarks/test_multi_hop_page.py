from benchmarks.mquake import AS_IT_IS, H_ACC, M_ACC, MEAN, NO_EDIT
from benchmarks.mquake_hops import AS_TAUGHT, RIGHT
from benchmarks.multi_hop_decompositions import AS_MANY, EQUIVALENT
from benchmarks.multi_hop_page import multi_hop_page
from benchmarks.rows import Rows

PARTS = {"scope_classifier": "cross-encoder@1", "decomposer": "decomposer@2"}


def test_without_rows_there_is_no_page(tmp_path):
    assert multi_hop_page(tmp_path) == ""


def test_figures_of_a_setting_stand_side_by_side(tmp_path):
    for part, memory in (("all", "all, masked edits hidden"), ("own", "the case's own")):
        rows = Rows(f"mquake_{part}", 3, f"python -m benchmarks mquake --only {part}", **PARTS)
        for base in ("knowing", "embedded"):
            for kind in ("edited: all", "edited: 2 hops"):
                notes = {"base": base, "memory": memory}
                rows.add(kind, M_ACC, [True, True, False, True], **notes)
                rows.add(kind, MEAN, [True, False], **notes)
                rows.add(kind, H_ACC, [False, False], **notes)
                rows.add(kind, AS_IT_IS, [False, False], **notes)
        rows.write(tmp_path)
    page = multi_hop_page(tmp_path)
    assert page.count("## ") == 2
    assert "| all, masked edits hidden | knowing | 0.75 (" in page
    assert "| the case's own | embedded | 0.75 (" in page
    assert "| edited: 2 hops | knowing | 0.75 (" in page
    assert page.count("| edited: 2 hops |") == 2  # only of the part with all edits
    assert "`python -m benchmarks mquake --only own` (seed 3; " in page
    assert "cross-encoder@1; decomposer@2" in page
    assert "multi_hop_errors.md" in page
    assert len({line.count("|") for line in page.splitlines() if line.startswith("| all")}) == 1


def test_every_part_has_its_section(tmp_path):
    rows = Rows("mquake_unedited", 0, "command", left_out=953)
    rows.add("unedited: all", NO_EDIT, [True, False], base="knowing", memory="all")
    rows.write(tmp_path)
    rows = Rows("mquake_hops", 0, "command")
    rows.add(AS_TAUGHT, RIGHT, [True, False], base="taught")
    rows.write(tmp_path)
    rows = Rows("mquake_peers", 0, "command")
    for answerer in ("ours", "IKE, nearest 4 edits"):
        rows.add("edited: all", M_ACC, [True, False], base="embedded", answerer=answerer)
    rows.write(tmp_path)
    rows = Rows("decompositions", 0, "command")
    rows.add("musique: all", AS_MANY, [True, False], left_out=0, of=8)
    rows.add("2wiki: all", AS_MANY, [True, True, False, False], left_out=103, of=974)
    rows.add("2wiki: all", EQUIVALENT, [True, False], left_out=103, of=974)
    rows.write(tmp_path)
    page = multi_hop_page(tmp_path)
    assert "953 cases of the split have another edit there and are left out." in page
    assert "103 of 974 records of 2Wiki's dev part are such and are left out." in page
    assert "| unedited hops, the data's wording | taught | 0.5 (" in page
    assert "| IKE, nearest 4 edits | 0.5 (" in page
    assert "| 2wiki: all | 0.5 (" in page
    assert page.count("## ") == 4
