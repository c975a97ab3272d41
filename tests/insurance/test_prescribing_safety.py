"""Prescribing safely through the services: typed, stored, signed, insured or not; reasons, and failing checks."""

import csv
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from math import ceil
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from his.accounts.models import Staff
from his.audit.models import AuditEntry
from his.catalogs.models import Drug, DrugIngredient
from his.core.errors import Refusal
from his.core.text import fold
from insurance import law
from insurance.rules import safety
from insurance.rules.engine.functions.safety import _CHECKS
from insurance.rules.safety import prescribing_report
from insurance.standards import select_standard
from patients.models import Exam, PrescriptionLine, SafetyGap, SafetyOverride
from patients.notices import Notice, Severity
from patients.queries_safety import signed_safety
from patients.services.prescriptions import LineInput, prescribe
from patients.services.safety import Reason, record_allergy, record_health_facts
from patients.services.signing import sign_exam
from patients.services.visits import open_visit
from pharmacy.handout import LineChoice
from pharmacy.services.dispensing import dispense, reverse_dispense
from tests.cast import World, at
from tests.insurance.walk import PARACETAMOL, Walk, hung, lan
from tests.pharmacy import shelf

GIVEN = Reason("benefit", "Theo dõi INR hằng tuần")


def add_drug(walk: Walk, code: str, ingredient: str, strength: str = "5mg", **more: object) -> Drug:
    like = walk.world.drug(walk.place, PARACETAMOL)
    like.pk, like.code, like.ingredient, like.strength = None, code, ingredient, strength
    like.name = f"{ingredient} {strength}"
    like.search_name = fold(like.name)
    like.ingredient_code = f"40.{code}"
    for name, value in more.items():
        setattr(like, name, value)
    like.save()
    return like


@pytest.fixture(params=[lan, hung], ids=["insured", "uninsured"])
def walk(request: pytest.FixtureRequest, world: World) -> Walk:
    step = request.param(world, world.station).examine("I10")
    add_drug(step, "WAR", "Warfarin natri")
    add_drug(step, "ASP", "Acid acetylsalicylic", "81mg")
    add_drug(step, "SIM", "Simvastatin", "20mg")
    add_drug(step, "CLA", "Clarithromycin", "500mg")
    return step


def line(walk: Walk, code: str, days: int = 7, **more: object) -> LineInput:
    return LineInput(drug=walk.world.drug(walk.place, code), morning=Decimal(1), days=days, **more)


def write(walk: Walk, *codes: str, days: int = 7, reasons: dict[str, Reason] | None = None) -> list[Notice]:
    lines = [line(walk, code, days) for code in codes]
    doctor = walk.place.actor("doctor")
    walk.prescription = prescribe(exam=walk.exam, lines=lines, reasons=reasons, actor=doctor, at=walk._later(1))
    return list(prescribing_report(walk.visit, doctor.staff, walk.now).notices)


def sign(walk: Walk, **how: object) -> Exam:
    return sign_exam(exam=walk.exam, actor=walk.place.actor("doctor"), at=walk._later(2), **how)


def ids(notices: list[Notice]) -> set[str]:
    return {notice.rule for notice in notices}


def test_signing_wants_a_reason_and_keeps_it_under_the_signature(walk):
    (notice,) = write(walk, "WAR", "ASP")
    assert (notice.rule, notice.severity, notice.needs_reason) == ("safety.interaction", Severity.WARNING, True)
    assert notice.line is not None
    assert notice.line.number == 2
    with pytest.raises(Refusal) as refused:
        sign(walk)
    assert refused.value.code == "reason_needed"
    assert refused.value.facts["keys"] == [notice.key]
    signed = sign(walk, reasons={notice.key: GIVEN})
    (kept,) = signed_safety(signed)["overrides"]
    assert (kept["rule"], kept["reason_code"], kept["words"]) == (notice.rule, "benefit", GIVEN.words)
    assert kept["by"]
    (row,) = SafetyOverride.objects.all()
    assert (row.exam_id, row.key, row.message) == (signed.pk, notice.key, notice.message)
    entry = AuditEntry.objects.filter(action="patients.sign_exam").latest("pk")
    assert "safety.interaction" in entry.facts["safety"]


def test_a_reason_given_while_prescribing_stays_when_the_lines_are_turned_round(walk):
    (notice,) = write(walk, "WAR", "ASP")
    (again,) = write(walk, "ASP", "WAR", reasons={notice.key: GIVEN})
    assert again.key == notice.key
    write(walk, "ASP", PARACETAMOL, "WAR", reasons={notice.key: GIVEN})
    assert SafetyOverride.objects.count() == 1
    sign(walk)


def test_another_reason_is_another_row_and_the_last_counts(walk):
    (notice,) = write(walk, "WAR", "ASP")
    write(walk, "WAR", "ASP", reasons={notice.key: GIVEN})
    write(walk, "WAR", "ASP", reasons={notice.key: Reason("consulted")})
    assert SafetyOverride.objects.count() == 2
    assert signed_safety(sign(walk))["overrides"][0]["reason_code"] == "consulted"


@pytest.mark.parametrize(
    "reason", [Reason("other"), Reason("other", "  "), Reason("no_such"), Reason("benefit", "x" * 501)]
)
def test_a_reason_that_says_nothing_is_refused_beside_its_notice(walk, reason):
    (notice,) = write(walk, "WAR", "ASP")
    with pytest.raises(Refusal) as refused:
        sign(walk, reasons={notice.key: reason})
    assert refused.value.field == f"reason-{notice.key}"


def test_what_is_blocked_is_refused_whatever_the_reason(walk):
    (notice,) = write(walk, "SIM", "CLA")
    assert notice.severity == Severity.BLOCKING
    with pytest.raises(Refusal) as refused:
        sign(walk, reasons={notice.key: GIVEN})
    assert refused.value.code == "rule_broken"
    assert refused.value.facts["rule"] == "safety.interaction_blocked"
    assert not SafetyOverride.objects.exists()


def test_overrides_are_frozen(walk):
    (notice,) = write(walk, "WAR", "ASP")
    signed = sign(walk, reasons={notice.key: GIVEN})
    row = SafetyOverride.objects.get()
    for change in (
        lambda: SafetyOverride.objects.update(words="khác"),
        lambda: SafetyOverride.objects.all().delete(),
        lambda: SafetyOverride.objects.create(
            facility=row.facility, exam=signed, rule="x", key="y", severity="warning", message="z",
            reason_code="benefit", at=row.at, by=row.by,
        ),
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_a_typed_line_is_checked_before_it_is_stored(walk):
    doctor = walk.place.actor("doctor").staff
    typed = [
        PrescriptionLine(position=number, drug=walk.world.drug(walk.place, code), morning=1, days=5, quantity=5)
        for number, code in enumerate(("WAR", "ASP"), 1)
    ]
    report = prescribing_report(walk.visit, doctor, walk.now, typed)
    assert ids(report.notices) == {"safety.interaction"}
    assert not PrescriptionLine.objects.exists()


def test_allergies_pregnancy_and_kidneys_come_from_the_person(walk):
    nurse, patient = walk.place.actor("nurse"), walk.visit.patient
    add_drug(walk, "MET", "Metformin hydroclorid", "850mg")
    add_drug(walk, "AMO", "Amoxicilin", "500mg")
    record_allergy(patient=patient, item="@penicillin", reaction="anaphylaxis", actor=nurse, at=walk._later(1))
    record_health_facts(visit=walk.visit, kidneys="moderate", actor=nurse, at=walk._later(1))
    assert ids(write(walk, "MET", "AMO")) == {"safety.allergy_blocked", "safety.renal"}
    record_health_facts(visit=walk.visit, egfr=Decimal("25.5"), actor=nurse, at=walk._later(1))
    assert ids(write(walk, "MET")) == {"safety.renal_blocked"}
    patient.allergies = "Dị ứng aspirin"
    patient.save()
    walk.visit.patient.refresh_from_db()
    assert ids(write(walk, "ASP")) == {"safety.allergy"}


def next_visit(walk: Walk, days: int) -> Walk:
    """The same person comes again so many days later, examined."""
    when, reception = at(8) + timedelta(days=days), walk.place.actor("reception")
    visit = open_visit(
        patient=walk.visit.patient, room=walk.place.rooms["PK1"], confirm_second=True, actor=reception, at=when
    )
    return Walk(walk.world, walk.place, visit, now=when).examine("I10")


def test_what_is_left_of_an_earlier_prescription_is_still_at_home(world):
    walk = hung(world, world.station).examine("I10")
    add_drug(walk, "WAR", "Warfarin natri")
    add_drug(walk, "AML", "Amlodipine besylate", "5mg")
    write(walk, "AML", days=28)
    sign(walk)
    walk.visit.refresh_from_db()
    early = next_visit(walk, 10)
    (notice,) = write(early, "AML", days=28)
    assert notice.rule == "safety.still_at_home"
    assert "18 ngày (đến 03/11/2026)" in notice.message
    assert "đã kê" in notice.message
    assert ids(write(early, "WAR")) == set()
    sign(early)
    assert ids(write(next_visit(walk, 27), "AML")) == set()


def test_drugs_that_were_taken_back_are_not_at_home(world):
    walk = hung(world, world.station).examine("I10")
    walk.prescribe((PARACETAMOL, 56))
    sign(walk)
    walk.visit.refresh_from_db()
    walk.dispense()
    early = next_visit(walk, 1)
    assert ids(write(early, PARACETAMOL)) == {"safety.still_at_home"}
    reverse_dispense(dispense=walk.given, reason="Trả lại", actor=walk.place.actor("pharmacist"), at=walk._later())
    assert ids(write(early, PARACETAMOL)) == set()


def test_at_home_is_what_the_patient_has_of_every_part(world):
    walk = hung(world, world.station).examine("I10")
    walk.prescribe((PARACETAMOL, 56))
    sign(walk)
    walk.visit.refresh_from_db()
    store = shelf.dispensary(walk.place)
    shelf.receive(walk.place, store, shelf.goods(world, walk.place), when=at(6))
    giver = walk.place.actor("pharmacist")
    pk = walk.prescription.lines.get().pk
    parts = []
    for quantity in (12, 6):
        choice = LineChoice(pk, Decimal(quantity), reason="out_of_stock", is_final=False)
        parts.append(
            dispense(prescription=walk.prescription, store=store, choices=[choice], actor=giver, at=walk._later())
        )
    reverse_dispense(dispense=parts[1], reason="Nhầm", actor=giver, at=walk._later())
    early = next_visit(walk, 1)
    (notice,) = write(early, PARACETAMOL)
    assert notice.rule == "safety.still_at_home", "the first part stands"
    assert str(ceil(12 / line_a_day(walk)) - 1) + " ngày" in notice.message


def line_a_day(walk: Walk) -> Decimal:
    row = walk.prescription.lines.get()
    return row.morning + row.noon + row.afternoon + row.evening


def test_a_strength_that_a_pharmacist_wrote_is_the_one_that_is_checked(walk):
    drug = add_drug(walk, "PAX", "Paracetamol", "theo nhãn")
    assert ids(write(walk, "PAX")) == {"safety.dose_unchecked"}
    row = DrugIngredient.objects.create(
        facility=drug.facility,
        drug_code="PAX",
        position=1,
        name="Paracetamol",
        search_name="paracetamol",
        amount=Decimal("0.5"),
        unit="g",
        is_by_hand=True,
    )
    assert ids(write(walk, "PAX")) == set()
    row.amount = 5
    row.save()
    assert ids(write(walk, "PAX")) == {"safety.dose"}


def test_what_is_at_home_is_read_as_a_pharmacist_wrote_it_and_said_where_it_cannot(world):
    walk = hung(world, world.station).examine("I10")
    home = add_drug(walk, "NHA", "-", "theo nhãn")
    add_drug(walk, "ASP", "Acid acetylsalicylic", "81mg")
    add_drug(walk, "BOT", "-", "")
    assert ids(write(walk, "NHA", days=28)) == {"safety.unread"}
    sign(walk)
    walk.visit.refresh_from_db()
    later = next_visit(walk, 3)
    (said,) = write(later, "ASP")
    assert (said.rule, said.needs_reason) == ("safety.unread", False)
    assert "thuốc còn ở nhà" in said.message
    assert home.name in said.message
    DrugIngredient.objects.create(
        facility=home.facility,
        drug_code="NHA",
        position=1,
        name="Warfarin natri",
        search_name="warfarin natri",
        is_by_hand=True,
    )
    assert ids(write(later, "ASP")) == {"safety.interaction"}, "with Warfarin at home"
    assert ids(write(later, "BOT")) == {"safety.unread"}, "the line itself"


def test_controlled_drugs_have_fewer_days_and_few_prescribers(walk):
    add_drug(walk, "MOR", "Morphin sulfat", "10mg", control_class="narcotic")
    with pytest.raises(Refusal) as refused:
        write(walk, "MOR", days=8)
    assert (refused.value.code, refused.value.field, refused.value.facts["allowed"]) == ("days", "lines-0-days", 7)
    assert "safety.scope" in ids(write(walk, "MOR", days=7))
    with pytest.raises(Refusal, match="chưa được người đứng đầu phân công"):
        sign(walk)
    Staff.objects.filter(pk=walk.place.actor("doctor").staff.pk).update(prescribes_controlled=True)
    assert "safety.scope" not in ids(write(walk, "MOR", days=7))
    sign(walk)


# When a check cannot be made


@pytest.fixture
def decree(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "safety").mkdir()
    law.use(tmp_path)
    yield tmp_path / "safety"
    law.use()


def write_list(path: Path, columns: list[str], *rows: list[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


PAIRS = ["a", "b", "level", "effect", "management", "source", "valid_from", "valid_to"]


def test_a_folder_of_the_installation_replaces_and_adds_rows(decree, walk):
    write_list(
        decree / "interactions.csv", PAIRS,
        ["@anticoagulant", "aspirin", "note", "Nhẹ", "Theo dõi", "Quy định của cơ sở", "2026-06-01", ""],
        ["aspirin", "paracetamol", "reason", "Thử", "Thử", "Quy định của cơ sở", "2026-06-01", ""],
    )  # fmt: skip
    assert ids(write(walk, "WAR", "ASP")) == {"safety.interaction_note"}
    assert ids(write(walk, PARACETAMOL, "ASP")) == {"safety.interaction"}


def test_a_check_that_fails_is_said_recorded_and_stops_nobody(walk, monkeypatch):
    def broken(case: object, lists: object) -> list[object]:
        raise ZeroDivisionError

    monkeypatch.setitem(_CHECKS, "renal", ("renal", lambda rule: broken))
    safety._rules.cache_clear()
    try:
        (notice,) = write(walk, "WAR", "ASP")
        signed = sign(walk, reasons={notice.key: GIVEN})
    finally:
        safety._rules.cache_clear()
    titles = {"Thuốc chống chỉ định khi suy thận", "Thuốc thận trọng khi suy thận", "Thuốc cần chỉnh liều khi suy thận"}
    assert set(signed_safety(signed)["not_checked"]) == titles
    assert set(SafetyGap.objects.filter(stage="sign").values_list("title", flat=True)) == titles
    assert SafetyGap.objects.filter(stage="order").count() == 3
    for action in ("patients.prescribe", "patients.sign_exam"):
        assert titles < {*AuditEntry.objects.filter(action=action).latest("pk").facts["not_checked"].split("; "), ""}


def test_lists_that_cannot_be_read_are_said_for_every_check(decree, walk):
    write_list(decree / "interactions.csv", PAIRS, ["@no_such", "aspirin", "reason", "x", "x", "x", "2026-06-01", ""])
    write(walk, "WAR", "ASP")
    assert SafetyGap.objects.filter(stage="order").count() == len(
        safety._rules(law.roots(), select_standard(at(8).date()))
    )
    signed = sign(walk)
    assert "Tương tác thuốc nặng" in signed_safety(signed)["not_checked"]


def test_facts_that_cannot_be_read_leave_the_transaction_whole(walk, monkeypatch):
    def broken(*_: object) -> None:
        Drug.objects.extra(where=["no_such_column = 1"]).first()

    monkeypatch.setattr(safety, "gather", broken)
    write(walk, "WAR", "ASP")
    assert signed_safety(sign(walk))["not_checked"] == ["An toàn kê đơn"]
    assert SafetyGap.objects.count() == 2
