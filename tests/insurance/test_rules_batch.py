"""The rules that look across claims: each does what its examples say, and a month of them stays small."""

import tracemalloc

import pytest

from insurance.rules.engine import Finding, Rule, RuleBook, Stage, VisitFacts, load_rules
from insurance.standards import load
from tests.insurance.rule_catalogs import MemoryCatalogs
from tests.insurance.rule_claims import LATEST, claim

RULES = [rule for rule in load_rules() if Stage.BATCH in rule.stages]


def found(rules: list[Rule], overlays: str) -> list[tuple[object, Finding]]:
    """Findings over the claims whose overlays are joined by `||`, each with the number of its claim."""
    batch = RuleBook(load(LATEST), rules, MemoryCatalogs()).batch()
    for number, overlay in enumerate(overlays.split("||")):
        batch.feed(number, claim(overlay))
    return list(batch.finish())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_good_example_passes(rule: Rule) -> None:
    assert "||" in rule.good, "a rule across claims needs an example of two claims"
    assert found([rule], rule.good) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_bad_example_is_found_in_the_later_claim(rule: Rule) -> None:
    findings = found([rule], rule.bad)
    last = rule.bad.count("||")
    assert findings
    for place, finding in findings:
        assert (place, finding.table) == (last, rule.table)
        assert finding.field == rule.field
        assert "{" not in finding.message
        assert finding.value


def test_two_sound_visits_of_two_people_say_nothing() -> None:
    other = (
        "out; XML1.MA_LK=99001.2608.000018; XML1.MA_BN=99001.000043; XML1.MA_THE_BHYT=HT3999900000043;"
        "XML1.SO_CCCD=099154000043; XML1.HO_TEN=Trần Thị Khác; XML3[1].NGAY_TH_YL=202608030840;"
    )
    assert [finding.rule for _, finding in found(RULES, f"|| {other}")] == []


def test_one_person_coming_twice_on_other_days_says_nothing() -> None:
    later = "out; XML1.MA_LK=99001.2608.000018; XML1.NGAY_VAO=202608100805; XML1.NGAY_RA=202608101000; XML3=0"
    assert [finding.rule for _, finding in found(RULES, f"|| {later}")] == []


def test_a_course_of_chronic_treatment_may_run_beside_an_examination() -> None:
    rule = [rule for rule in RULES if rule.id == "batch.visits_overlap"]
    course = "out; XML1.MA_LOAI_KCB=05; XML1.NGAY_RA=202609022359"
    visit = "out; XML1.MA_LK=99001.2608.000018; XML1.NGAY_VAO=202608100805; XML1.NGAY_RA=202608101000"
    assert found(rule, f"{course} || {visit}") == []


def test_a_third_patient_is_held_against_the_one_who_is_still_there() -> None:
    rule = [rule for rule in RULES if rule.id == "batch.bed_shared"]
    short = "XML1.MA_BN=2; XML1.MA_LK=B; XML3[4].NGAY_YL=202608040930; XML3[4].NGAY_KQ=202608041030"
    third = "XML1.MA_BN=3; XML1.MA_LK=C; XML3[4].NGAY_YL=202608051030; XML3[4].NGAY_KQ=202608070930"
    assert [
        (place, finding.message.count("99001.2608.000017")) for place, finding in found(rule, f"|| {short} || {third}")
    ] == [(1, 1), (2, 1)]


def test_two_faults_of_one_claim_have_two_keys() -> None:
    rule = [rule for rule in RULES if rule.id == "batch.surgeon_overlap"]
    twice = (
        "XML1.MA_BN=2; XML1.MA_LK=B; XML3[2].MA_NHOM=8; XML3[2].NGAY_TH_YL=202608031040; XML3[2].NGAY_KQ=202608031050"
    )
    keys = [finding.key for _, finding in found(rule, f"|| {twice}")]
    assert len(keys) == len(set(keys)) == 3


def test_what_is_kept_of_a_claim_is_small() -> None:
    batch = RuleBook(load(LATEST), RULES, MemoryCatalogs()).batch()
    base = claim("")
    tables = {name: [dict(row.texts) for row in rows] for name, rows in base.tables.items()}

    def feed(number: int) -> None:
        summary = {**tables["XML1"][0], "MA_LK": f"C{number}", "MA_BN": f"P{number}", "SO_CCCD": f"{number:012d}"}
        batch.feed(number, VisitFacts(base.standard, {**tables, "XML1": [summary]}))

    feed(0)
    tracemalloc.start()
    for number in range(1, 1001):
        feed(number)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1000 * 6_000
