"""Every rule does what its examples say; sound claims give no finding; faulty rule data are named."""

import re
from pathlib import Path

import pytest

from insurance.rules.engine import Finding, NoCatalogs, Rule, RuleBook, RuleError, Stage, VisitFacts, load_rules
from insurance.rules.engine.book import needs_of
from insurance.rules.engine.kinds import structure  # noqa: F401 - registers the kinds
from insurance.rules.engine.load import COLUMNS
from insurance.standards import load
from tests.insurance.rule_catalogs import MemoryCatalogs
from tests.insurance.rule_claims import LATEST, claim

RULES = [rule for rule in load_rules() if Stage.BATCH not in rule.stages]
BOOK = RuleBook(load(LATEST), RULES, MemoryCatalogs())


def found(rule: Rule, facts: VisitFacts) -> list[Finding]:
    book = RuleBook(facts.standard, [rule], MemoryCatalogs())
    assert not book.cannot_run, f"the test catalogues lack {book.cannot_run}"
    return [finding for stage in rule.stages for finding in book.check(facts, stage)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_good_example_passes(rule: Rule) -> None:
    assert rule.good, "a rule needs a good example"
    assert found(rule, claim(rule.good)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_bad_example_is_found_where_it_lies(rule: Rule) -> None:
    assert rule.bad, "a rule needs a bad example"
    findings = found(rule, claim(rule.bad))
    assert findings, "nothing found"
    for finding in findings:
        assert rule.table in ("*", finding.table)
        assert not rule.fields or finding.field in rule.fields
        assert not re.search(r"\{[a-z_]+\}", finding.message), finding.message


@pytest.mark.parametrize("overlay", ["", "out"])
def test_a_sound_claim_has_no_finding(overlay: str) -> None:
    assert [f"{f.rule} {f.table}[{f.row}].{f.field}: {f.message}" for f in BOOK.check(claim(overlay))] == []


@pytest.mark.parametrize("overlay", ["qd3176", "out; qd3176"])
def test_a_sound_claim_of_the_former_standard_has_no_finding(overlay: str) -> None:
    facts = claim(overlay)
    book = RuleBook(facts.standard, RULES, MemoryCatalogs())
    assert [f"{f.rule} {f.table}[{f.row}].{f.field}: {f.message}" for f in book.check(facts)] == []


def test_a_rule_without_its_catalogue_cannot_run_and_finds_nothing() -> None:
    book = RuleBook(load(LATEST), RULES, NoCatalogs())
    lacking = {rule.id for rule in RULES if needs_of(rule)}
    assert {item.rule for item in book.cannot_run} == lacking
    assert not lacking & {finding.rule for finding in book.check(claim("XML1.MA_BENH_CHINH=ZZZ"))}


def test_a_finding_keeps_its_key_when_lines_move_and_changes_it_with_the_value() -> None:
    def key(overlay: str) -> str:
        (finding,) = [f for f in BOOK.check(claim(overlay)) if f.rule == "structure.bad_number"]
        return finding.key

    moved = "XML2=3; XML2[1].MA_THUOC=40.999; XML2[3].MA_THUOC=40.155; XML2[2].MA_THUOC=40.48"
    before = key("XML2[2].SO_LUONG=sáu")
    assert key(f"{moved}; XML2[3].NGAY_YL=202608031130; XML2[3].SO_LUONG=sáu") == before
    assert key("XML2[2].SO_LUONG=bảy") != before


def test_the_same_fault_twice_has_two_keys() -> None:
    keys = [f.key for f in BOOK.check(claim("XML2=3; XML2[2].SO_LUONG=x; XML2[3].SO_LUONG=x"))]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"kind": "no_such_kind"}, "unknown kind"),
        ({"severity": "grave"}, "grave"),
        ({"id": "Với dấu"}, "is no id"),
        ({"fix": ""}, "fix is empty"),
        ({"params": "list"}, "name=value"),
    ],
)
def test_a_faulty_row_is_named(tmp_path: Path, cells: dict[str, str], message: str) -> None:
    row = dict.fromkeys(COLUMNS, "") | {
        "id": "made.up", "title": "t", "kind": "required", "table": "XML1", "field": "HO_TEN", "severity": "blocking",
        "message": "m", "fix": "f", "law": "l", **cells,
    }  # fmt: skip
    (tmp_path / "made_up.csv").write_text(",".join(COLUMNS) + "\n" + ",".join(row[c] for c in COLUMNS) + "\n", "utf-8")
    with pytest.raises(RuleError, match=message):
        load_rules(tmp_path)
