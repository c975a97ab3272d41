"""Statistical forms: conditions, placing of facts, and what a run keeps of them."""

import json
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from string import ascii_uppercase

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from his.core.money import round0
from insurance.billing.effects import cash_of
from insurance.models import BenefitResult, CashEntry
from patients.models import Visit
from reports.datasets.grid import behind, plans
from reports.definition import Form, form_codes, latest, load_version
from reports.engine import query_of, run
from reports.export.pdf import to_pdf
from reports.grid.conditions import ConditionError, read
from reports.grid.placing import Asked, Shape, keys_by_condition, place, within
from reports.grid.rows import load_rows
from reports.grid.sets import FACTS
from reports.models import ReportBasis, ReportRun
from reports.period import Period
from reports.table import sums_of
from tests.cast import World, at
from tests.insurance import walk
from tests.reports.month import OCTOBER


@pytest.mark.parametrize(
    ("text", "fact", "holds"),
    [
        ("", {}, True),
        ("is_insured", {"is_insured": True}, True),
        ("not is_insured", {"is_insured": True}, False),
        ("sex = 2 and age < 15", {"sex": "2", "age": 14}, True),
        ("sex = 2 and age < 15", {"sex": "2", "age": 15}, False),
        ("sex = 2 or age < 15", {"sex": "2", "age": 80}, True),
        ("age >= 60", {"age": None}, False),
        ("age != 60", {"age": 61}, True),
        ("icd in I10-I15", {"icd": "I15.9"}, True),
        ("icd in I10-I15", {"icd": "I16"}, False),
        ("icd in A01.0-A01.4", {"icd": "A01.1"}, True),
        ("icd in A01.0-A01.4", {"icd": "A01"}, False),
        ("icd in A00", {"icd": "A00.1"}, True),
        ("icd in A00", {"icd": "A001"}, False),
        ("icd in B20-B24 A15 A16.2", {"icd": "A16.2"}, True),
        ("group in 8 18", {"group": "18"}, True),
        ("group in 8", {"group": "8.1"}, False),
    ],
)
def test_conditions_say_what_they_hold(text: str, fact: dict[str, object], holds: bool) -> None:
    assert read(text).holds(fact) is holds


@pytest.mark.parametrize("text", ["age < x", "sex == 2", "sex=2", "A00-A09", "age <"])
def test_a_condition_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ConditionError):
        read(text)


PEOPLE = st.lists(
    st.tuples(st.sampled_from("12"), st.integers(0, 90), st.sampled_from(["A00", "J06.9", "S72.0", "Z00"]))
)


@given(PEOPLE)
def test_exclusive_rows_add_up_to_all_facts_and_every_figure_names_them(people: list[tuple[str, int, str]]) -> None:
    facts = [(f"L{n}", *person, 1) for n, person in enumerate(people)]
    shape = Shape(("sex", "age", "icd"))
    keys, fields = keys_by_condition([("A-J", read("icd in A00-J99")), ("rest", read("icd in K00-Z99"))])
    asked = [Asked("ALL", read("")), Asked("CHILD", read("age < 15")), Asked("WOMEN", read("sex = 2"))]
    counted = place(facts, shape, keys, fields, asked)
    assert sum(counted.sums[row, "ALL"] for row in ("A-J", "rest")) == len(facts)
    assert not counted.nowhere
    assert not counted.twice
    for (row, tag), figure in list(counted.sums.items()):
        one = next(column for column in asked if column.tag == tag)
        assert len(within(facts, shape, keys, fields, one, frozenset([row]))) == figure


def form_in(tmp_path: Path, **texts: str) -> Path:
    """A made-up form of diseases and money, as somebody would add it."""
    folder = tmp_path / "form_thu" / "2026-01-01"
    folder.mkdir(parents=True)
    toml = (latest("BENH10N").folder / "form.toml").read_text(encoding="utf-8")
    start, rest = toml.split("[grid]")
    (folder / "form.toml").write_text(
        start.replace('"BENH10N"', '"THU"').replace("2011-08-01", "2026-01-01").split("screen =")[0]
        + 'screen = ["STT", "TEN", "TS", "NU", "QUY"]\n[grid]\nfacts = "visits"\nis_exclusive = true\n\n[paper]'
        + rest.split("[paper]")[1]
        + '\n[[checks]]\nkind = "flagged"\ntitle = "Mỗi lượt một dòng"\nseverity = "blocking"\nflag = "nowhere"\n',
        encoding="utf-8",
    )
    (folder / "columns.csv").write_text(
        "tag,type,max,source,heading,short,group,print_no,print_label,print_as,width,where\n"
        "STT,int,10,number,STT,STT,,1,1,number,5,\n"
        "TEN,text,1024,label,Tên,Tên,,2,2,text,40,\n"
        "TS,count,10,count,Tổng số,TS,,3,3,decimal,9,\n"
        "NU,count,10,count,Nữ,Nữ,,4,4,decimal,9,sex = 2\n"
        "QUY,money,15,sum fund_amount,Quỹ,Quỹ,,5,5,money,9,is_insured\n",
        encoding="utf-8",
    )
    (folder / "parts.csv").write_text(texts.get("parts", "part,title,is_added\nX,Hô hấp,1\nI,Tuần hoàn,1\n"), "utf-8")
    (folder / "rows.csv").write_text(
        texts.get("rows", "row,part,label,code,where\nhh,X,Bệnh hô hấp,J00-J99,icd in J00-J99\n"), encoding="utf-8"
    )
    return tmp_path


def made(world: World, root: Path) -> ReportRun:
    place = world.hospital
    actor = place.actor("claims")
    return run(form="THU", facility=place.facility, period=OCTOBER, actor=actor, at=at(17), definitions=root)


def figure(report: ReportRun, row: str, tag: str) -> Decimal:
    values = report.values
    return Decimal(values["rows"][values["refs"].index(row)][values["columns"].index(tag)])


def test_a_form_is_added_as_data_and_its_figures_name_their_visits(
    world: World, tmp_path: Path, hospital_month: list[walk.Walk]
) -> None:
    head = "row,part,label,code,where\n"
    lines = ("hh,X,Bệnh hô hấp,J00-J99,icd in J00-J99\n", "th,I,Bệnh tuần hoàn,I00-I99,icd in I00-I99\n")
    root = form_in(tmp_path, rows=head + "".join(lines))
    report = made(world, root)
    ended = Visit.objects.for_facility(world.hospital.facility).exclude(ended_at=None)
    assert figure(report, "hh", "TS") + figure(report, "th", "TS") == ended.count() == 5
    fund = sum(r.fund_amount for v in ended if v.is_insured for r in v.benefit_results.filter(is_current=True))
    assert figure(report, "hh", "QUY") + figure(report, "th", "QUY") == fund > 0
    assert [check["passed"] for check in report.checks] == [True]

    form = load_version("THU", "2026-01-01", root)
    query = query_of(form, world.hospital.facility, OCTOBER)
    basis = ReportBasis.objects.get(run=report).content
    for row, code in (("hh", "J"), ("th", "I")):
        refs = behind(form, basis, query, row, form.column("TS"))
        assert len(refs) == figure(report, row, "TS")
        mains = ended.filter(claim_code__in=refs, diagnoses__is_main=True).values_list("diagnoses__code", flat=True)
        assert {main[0] for main in mains} == {code}


def test_a_fact_without_a_row_fails_the_check_and_is_named(
    world: World, tmp_path: Path, hospital_month: list[walk.Walk]
) -> None:
    report = made(world, form_in(tmp_path))
    (check,) = report.checks
    assert not check["passed"]
    lost = Visit.objects.filter(claim_code__in=check["refs"], diagnoses__is_main=True)
    assert set(lost.values_list("diagnoses__code", flat=True)) == {"I10"}


def test_what_was_counted_is_kept_and_cannot_be_changed(
    world: World, tmp_path: Path, hospital_month: list[walk.Walk]
) -> None:
    report = made(world, form_in(tmp_path))
    basis = ReportBasis.objects.get(run=report)
    assert json.dumps(basis.content)
    basis.content = []
    with pytest.raises(DatabaseError), transaction.atomic():
        basis.save()


def test_an_empty_month_is_a_report_of_zeros(world: World, tmp_path: Path) -> None:
    report = made(world, form_in(tmp_path))
    assert figure(report, "hh", "TS") == 0
    assert report.checks[0]["passed"]


def test_the_facts_of_another_facility_are_not_counted(
    world: World, tmp_path: Path, station_month: list[walk.Walk]
) -> None:
    report = made(world, form_in(tmp_path))
    assert figure(report, "hh", "TS") == 0


def forms() -> list[Form]:
    """Forms that count facts."""
    return [form for code in form_codes() if (form := latest(code))["dataset"] == "grid"]


@pytest.mark.parametrize("form", forms(), ids=lambda form: form.code)
def test_every_form_asks_only_for_facts_that_there_are(form: Form) -> None:
    counted = {column.tag for column in form.columns if column.is_counted}
    asked: set[str] = set()
    for plan in plans(form):
        known = FACTS[plan.facts]
        assert set(plan.shape.fields) <= known.columns.keys()
        assert set(plan.shape.measures) <= known.measures.keys()
        asked |= {one.tag for one in plan.asked}
    assert asked == counted
    assert form.valid_from <= date(2026, 10, 1)


def test_every_code_falls_in_exactly_one_row_of_form_14_and_external_causes_stand_apart() -> None:
    rows = load_rows(latest("B14").folder, "visits")
    assert len(rows.rows) == 312
    added = rows.added()
    for letter in ascii_uppercase:
        for number in range(100):
            for end in ("", ".0", ".9"):
                code = f"{letter}{number:02d}{end}"
                fact = {"icd": "" if letter in "VWXY" else code, "external_icd": code if letter in "VWXY" else ""}
                taken = [row.key for row in rows.rows if row.where.holds(fact)]
                assert len(taken) == 1, code
                assert (taken[0] in added) is (letter not in "VWXY"), code


def test_a_successor_of_form_14_is_a_folder_of_data(
    world: World, tmp_path: Path, hospital_month: list[walk.Walk]
) -> None:
    """From 2026-10 a made-up circular has two rows, another column and no chapters."""
    shutil.copytree(latest("B14").folder.parent, tmp_path / "form_b14")
    new = tmp_path / "form_b14" / "2026-10-01"
    shutil.copytree(tmp_path / "form_b14" / "2025-07-01", new)
    toml = (new / "form.toml").read_text(encoding="utf-8")
    (new / "form.toml").write_text(
        toml.replace("valid_from = 2025-07-01", "valid_from = 2026-10-01")
        .replace("Biểu số 14/BCT", "Biểu số 7/BC")
        .replace('"KKB_TE15", ', ""),
        encoding="utf-8",
    )
    columns = (new / "columns.csv").read_text(encoding="utf-8")
    kept = [line for line in columns.splitlines() if not line.startswith("KKB_TE15")]
    kept.append("KKB_BHYT,count,10,count,BHYT,BHYT,,18,18,decimal,6,is_insured")
    (new / "columns.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    (new / "parts.csv").write_text("part,title,is_added\n1,,1\n", encoding="utf-8")
    (new / "rows.csv").write_text(
        "row,part,label,code,where\nhh,1,Hô hấp,J00-J99,icd in J00-J99\nk,1,Khác,A00-I99,icd in A00-I99 K00-Z99\n",
        encoding="utf-8",
    )
    place = world.hospital
    how = {"facility": place.facility, "actor": place.actor("claims"), "at": at(17), "definitions": tmp_path}
    report = run(form="B14", period=OCTOBER, **how)
    assert report.values["definition"] == "2026-10-01"
    assert figure(report, "hh", "KKB") + figure(report, "k", "KKB") == 5
    assert figure(report, "hh", "KKB_BHYT") + figure(report, "k", "KKB_BHYT") == 4
    assert to_pdf(report_form(report, tmp_path), report.values, report.sha256).startswith(b"%PDF")
    before = run(form="B14", period=Period.parse_month("2026-09"), **how)
    assert (before.values["definition"], len(before.values["rows"])) == ("2025-07-01", 312)


def report_form(report: ReportRun, root: Path) -> Form:
    """The definition of a report that was made from another root."""
    return load_version(report.form, report.values["definition"], root)


def test_every_figure_on_the_screen_opens_the_visits_that_it_counts(
    world: World, hospital_month: list[walk.Walk]
) -> None:
    place = world.hospital
    report = run(form="B14", facility=place.facility, period=OCTOBER, actor=place.actor("claims"), at=at(17))
    row = report.values["refs"].index("168") + 1  # J00-J01, J05-J08
    assert figure(report, "168", "KKB") > 0
    page = walk.signed_in(place, "claims").get(reverse("report-run", args=[report.pk]), {"section": "X"})
    address = reverse("report-figure", args=[report.pk, row, "KKB"])
    assert address in page.content.decode()
    shown = walk.signed_in(place, "claims").get(address)
    assert len(shown.context["visits"]) == figure(report, "168", "KKB")
    (code,) = [visit.claim_code for visit in shown.context["visits"]][:1]
    assert walk.signed_in(place, "claims").get(reverse("report-visit", args=[code])).status_code == 200
    stranger = walk.signed_in(world.station, "claims")
    assert stranger.get(address).status_code == 404
    assert stranger.get(reverse("report-visit", args=[code])).status_code == 404
    assert walk.signed_in(place, "cashier").get(address).status_code == 403


def test_cash_by_cashier_by_day_and_in_the_ledger_is_the_same(world: World, hospital_month: list[walk.Walk]) -> None:
    place = world.hospital

    def total(form: str, tag: str) -> Decimal:
        actor = place.actor("claims")
        made = run(form=form, facility=place.facility, period=OCTOBER, actor=actor, at=at(17))
        assert all(check["passed"] for check in made.checks)
        return sums_of(latest(form), made.values["rows"])[tag]

    entries = CashEntry.objects.for_facility(place.facility)
    moved = sum((cash_of(entry) for entry in entries), Decimal(0))
    assert total("THUNGAN", "CON") == total("SOQUY", "CON") == moved > 0
    results = BenefitResult.objects.for_facility(place.facility).filter(is_current=True)
    whole = sum((result.total_hospital_amount for result in results), Decimal(0))
    assert total("DTKHOA", "TONG") == total("DTNGUON", "TONG") == whole > 0
    owing = sum((result.patient_amount for result in results), Decimal(0))
    assert total("CONGNO", "CON") == round0(owing) - moved > 0
