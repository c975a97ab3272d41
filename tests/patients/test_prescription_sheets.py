"""The papers of a signed prescription: which drug stands where, under which code, and what each paper says."""

import re
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from his.accounts.models import Staff
from his.catalogs.models import Drug
from his.core.errors import Refusal
from patients import scan, sheets
from patients.models import PrescriptionSheet
from patients.printing.narcotic import print_commitment, print_continuation, print_return_record, sheet_data
from patients.printing.prescription import prescription_data, print_prescription
from patients.queries import find_patients
from patients.services import sheets as making
from pharmacy.queries_window import find_prescriptions
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.pdf_text import joined, pieces
from tests.scenes import scene

CLASSES = {"TH0001": "narcotic", "TH0002": "psychotropic", "TH0003": "toxic"}
CODE = re.compile(r"^vd992[0-9a-z]{7}-[NHCT]$")


def said(pdf: bytes) -> str:
    return joined(pieces(pdf))


def sign(one: walk.Walk) -> None:
    one.sign()
    one.prescription.refresh_from_db()


@scene
def lan(world: World) -> walk.Walk:
    """A prescription at the hospital with a narcotic, a psychotropic, an ordinary and a poisonous drug, not signed."""
    facility = world.hospital.facility
    facility.prescribing_code = "vd992"
    facility.save()
    Staff.objects.for_facility(facility).update(prescribes_controlled=True)
    Drug.objects.for_facility(facility).filter(code="TH0004").update(ingredient="Hoạt chất khác")
    for code, control_class in CLASSES.items():
        Drug.objects.for_facility(facility).filter(code=code).update(control_class=control_class)
    order = ("TH0004", 1), ("TH0003", 2), ("TH0002", 7), ("TH0001", 7)
    return walk.lan(world, world.hospital).examine("I10").prescribe(*order)


def test_each_kind_of_drug_has_its_own_paper_and_code(world: World, lan: walk.Walk) -> None:
    sign(lan)
    prescription = lan.prescription
    found = list(prescription.sheets.all())
    assert [sheet.kind for sheet in found] == ["N", "H", "C"]
    assert {line.drug.code: line.sheet.kind for line in prescription.lines.select_related("drug", "sheet")} == {
        "TH0001": "N", "TH0002": "H", "TH0003": "C", "TH0004": "C"
    }  # fmt: skip
    for sheet in found:
        assert CODE.match(sheet.code), sheet.code
        assert (sheet.code[-1], sheet.valid_until) == (sheet.kind, date(2026, 10, 11))
    lan.exam.refresh_from_db()
    signed = lan.exam.snapshot["prescription"]
    assert [paper["code"] for paper in signed["sheets"]] == [sheet.code for sheet in found]
    assert [line["sheet"] for line in signed["lines"]] == ["C", "C", "H", "N"]


def test_a_facility_without_a_code_gives_none_and_says_so(world: World, lan: walk.Walk) -> None:
    facility = world.hospital.facility
    facility.prescribing_code = ""
    facility.save()
    sign(lan)
    assert {sheet.code for sheet in lan.prescription.sheets.all()} == {""}
    pdf = print_prescription(prescription=lan.prescription, actor=world.hospital.actor("doctor"), at=at(12))
    assert "chưa được cấp" in said(pdf)


def test_a_code_that_is_taken_is_drawn_again(world: World, lan: walk.Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["vd9920000001-N", "vd9920000001-H", "vd9920000002-C"])
    monkeypatch.setattr(making, "new_code", lambda _code, _kind: next(drawn))
    sign(lan)
    again = iter(["VD9920000002-C", "vd9920000002-C", "vd9920000003-C"])
    monkeypatch.setattr(making, "new_code", lambda _code, _kind: next(again))
    other = walk.hung(world, world.hospital).examine("J06.9").prescribe(("TH0004", 1)).sign()
    assert other.prescription.sheets.get().code == "vd9920000003-C"
    endless = "vd9920000003-C"
    monkeypatch.setattr(making, "new_code", lambda _code, _kind: endless)
    third = (
        walk.visit_of(world, world.hospital, *walk.someone(world.hospital, "Đỗ Thị Ba"))
        .examine("J06.9")
        .prescribe(("TH0004", 1))
    )
    with pytest.raises(IntegrityError):
        third.sign()


def test_papers_are_never_changed(world: World, lan: walk.Walk) -> None:
    sign(lan)
    sheet = lan.prescription.sheets.first()
    for change in (
        lambda: PrescriptionSheet.objects.filter(pk=sheet.pk).update(code=""),
        lambda: PrescriptionSheet.objects.filter(pk=sheet.pk).delete(),
        lambda: PrescriptionSheet.objects.create(
            facility=sheet.facility, prescription=sheet.prescription, kind="T", code="vd9920000001-C", valid_until=DAY
        ),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_what_each_paper_says(world: World, lan: walk.Walk) -> None:
    sign(lan)
    narcotic, psychotropic, ordinary = prescription_data(lan.prescription)["sheets"]
    assert (narcotic["title"], len(narcotic["copies"]), narcotic["wants_recipient"]) == ("ĐƠN THUỐC “N”", 3, True)
    assert narcotic["lines"][0]["quantity"] == "Bảy (07) viên"
    assert psychotropic["lines"][0]["quantity"] == "07 viên"
    assert narcotic["period"].startswith("từ ngày 06/10/2026 đến hết ngày ")
    assert [line["quantity"] for line in ordinary["lines"]] == ["02 lọ", "01 chai"], "the poisonous drug comes first"
    assert (ordinary["period"], ordinary["valid_until"]) == ("", "11/10/2026")
    pdf = print_prescription(prescription=lan.prescription, actor=world.hospital.actor("doctor"), at=at(12))
    text = said(pdf)
    assert text.count("ĐƠN THUỐC “N”") == text.count("ĐƠN THUỐC “H”") == 3
    assert text.count("Cộng khoản") == 7


def test_herbs_for_decoction_stand_on_a_paper_by_the_decoction(world: World, lan: walk.Walk) -> None:
    Drug.objects.for_facility(world.hospital.facility).filter(code="TH0001").update(
        control_class="", kind="herb", unit="Gam", name="Đương quy"
    )
    sign(lan)
    (herbs,) = [paper for paper in prescription_data(lan.prescription)["sheets"] if paper["is_herbal"]]
    assert herbs["code"].endswith("-T")
    (line,) = herbs["lines"]
    days = lan.prescription.lines.get(drug__code="TH0001").days
    assert (line["name"], line["quantity"]) == ("Đương quy", "07 gam")
    assert herbs["decoctions"] == str(days)


def test_a_known_person_is_printed_short_where_the_facility_wants_it(world: World, lan: walk.Walk) -> None:
    sign(lan)
    facility, patient = world.hospital.facility, lan.visit.patient
    patient.citizen_id = "099154000123"
    patient.save()
    full = prescription_data(lan.prescription)
    assert all((full["sex"], full["birth"], full["address"]))
    facility.is_known_person_short = True
    facility.save()
    short = prescription_data(type(lan.prescription).objects.get(pk=lan.prescription.pk))
    assert (short["sex"], short["birth"], short["address"]) == ("", "", "")
    assert short["citizen_id"] == "099154000123"


def test_a_code_finds_its_prescription_in_any_style(world: World, lan: walk.Walk) -> None:
    sign(lan)
    facility, later = world.hospital.facility, date(2027, 3, 1)
    for sheet in lan.prescription.sheets.all():
        for text in (sheet.code, sheet.code.lower(), sheet.code.upper(), f" {sheet.code}\n"):
            assert find_prescriptions(facility, text, later) == [lan.prescription], text
            assert find_patients(facility, text, on=later) == [lan.visit.patient], text
    assert find_prescriptions(world.station.facility, lan.prescription.sheets.first().code, DAY) == []


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("vd992a1b2c3d-C", "vd992a1b2c3d-C"),
        ("vd992a1b2c3d-n", "vd992a1b2c3d-N"),
        ("VD992A1B2C3D-y", "VD992a1b2c3d-T"),
        ("vd992a1b2c3d-x", ""),
        ("vd992a1b2c3-c", ""),
        ("vd992a1b2c3dc", ""),
    ],
)
def test_codes_are_read_in_both_styles(typed: str, code: str) -> None:
    assert sheets.read_code(typed) == code
    assert (scan.read(typed).kind == "prescription_code") == bool(code)


def test_kinds_follow_the_law_of_the_day() -> None:
    before, now = sheets.rules_on(date(2026, 2, 28)), sheets.rules_on(DAY)
    assert sheets.kind_of(before, control_class="", item_kind="herb") == "C"
    assert sheets.kind_of(now, control_class="", item_kind="herb") == "T"
    for control_class, kind in {
        "narcotic": "N", "psychotropic": "H", "precursor": "H", "narcotic_combo": "C", "toxic": "C", "": "C"
    }.items():  # fmt: skip
        assert sheets.kind_of(now, control_class=control_class, item_kind="drug") == kind
    assert now["N"].valid_until(date(2026, 12, 30)) == date(2027, 1, 4)


def test_every_day_since_tt_52_has_its_papers_once() -> None:
    first, changed = date(2018, 3, 1), date(2025, 7, 1)
    assert sheets.rules_on(first - timedelta(days=1)) == {}
    for number in range((DAY - first).days + 1):
        day = first + timedelta(days=number)
        in_force = [rule.kind for rule in sheets._rules() if rule.valid_from <= day <= (rule.valid_to or day)]
        assert len(in_force) == len(set(in_force)), day
        assert {"N", "H", "C"} <= set(in_force), day
        assert in_force.index("C") == len(in_force) - 1, "what no other paper takes comes last"
        assert sheets.last_day(day) == day + timedelta(days=5)
        assert sheets.law_on(day) == ("TT 52/2017/TT-BYT" if day < changed else "TT 26/2025/TT-BYT")


def test_papers_beside_narcotics_only_where_they_belong(world: World, lan: walk.Walk) -> None:
    sign(lan)
    narcotic, psychotropic, ordinary = lan.prescription.sheets.all()
    doctor = world.hospital.actor("doctor")
    assert sheet_data(narcotic, DAY)["lines"] == [
        {"name": "Paracetamol (Paracetamol 500mg) 500mg", "unit": "Viên", "quantity": "07"}
    ]
    assert narcotic.code in said(print_commitment(sheet=narcotic, actor=doctor, at=at(12)))
    assert psychotropic.code in said(print_return_record(sheet=psychotropic, actor=doctor, at=at(12)))
    with pytest.raises(Refusal, match="ung thư, AIDS"):
        print_continuation(sheet=narcotic, actor=doctor, at=at(12))
    with pytest.raises(Refusal, match="đơn thuốc N"):
        print_commitment(sheet=psychotropic, actor=doctor, at=at(12))
    with pytest.raises(Refusal, match="N, H"):
        print_return_record(sheet=ordinary, actor=doctor, at=at(12))
