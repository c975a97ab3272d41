"""A claim is built from the stored split: clean, adding up by independent arithmetic, true to every text."""

from decimal import Decimal

import pytest

from his.accounts.models import FacilityStatus, Staff
from his.catalogs.models import Drug, PricedService
from his.core.dates import local
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.core.text import nfc
from insurance.billing.closing import reopen_visit
from insurance.claims.gather import gather
from insurance.claims.services import build, build_claim
from insurance.claims.stored import content_of
from insurance.models import BenefitResult, CashEntry, Claim, Finding
from insurance.rules.catalogs import rule_books
from insurance.standards import load, parse_envelope, select_standard
from patients.models import Visit
from patients.services.exams import set_diagnoses, start_exam
from patients.services.signing import sign_exam
from tests.cast import World, at
from tests.insurance import money_audit, walk
from tests.insurance.walk import CBC, GLUCOSE, HALF_PAID, PARACETAMOL, ULTRASOUND

pytestmark = pytest.mark.django_db


def built(step: walk.Walk, when: int = 15) -> Claim:
    return build_claim(visit=step.visit, actor=step.place.actor("claims"), at=at(when))


def findings(claim: Claim) -> list[str]:
    """What the portal would refuse; what is worth a look depends on the catalogues of the test."""
    blocking = claim.findings.filter(severity="blocking")
    return [f"{f.table}/{f.row} {f.field} {f.message}" for f in blocking]


@pytest.mark.parametrize("name", ["station", "hospital"])
def test_a_walked_visit_makes_a_clean_claim_that_adds_up(world: World, name: str) -> None:
    place = getattr(world, name)
    step = walk.lan_full(world, place)
    result = step.settled()
    claim = built(step)
    assert findings(claim) == []
    assert (claim.state, claim.version, claim.standard) == (Claim.State.CLEAN, 1, "qd1931")
    assert claim.row_counts == {"XML1": 1, "XML2": 2, "XML3": 3, "XML4": 2}
    content = content_of(claim)
    assert money_audit.faults(content) == []
    summary = money_audit.tables_of(content)["XML1"][0]
    assert Decimal(summary["T_BHTT"]) == result.fund_amount
    assert Decimal(summary["T_BNCCT"]) + Decimal(summary["T_BNTT"]) == result.patient_amount
    paid = CashEntry.objects.get(visit=step.visit).at
    assert (summary["MA_LK"], summary["NGAY_VAO"], summary["NGAY_TTOAN"]) == (
        step.visit.claim_code,
        "202610060800",
        local(paid).strftime("%Y%m%d%H%M"),
    )


def odd_visits(world: World) -> list[walk.Walk]:
    """Visits whose money is awkward: fractions, ceilings, half levels, second exams, nothing insured but the exam."""
    place = world.hospital
    Drug.objects.filter(code=PARACETAMOL).update(price=Decimal("1050.505"), insured_price=Decimal("1050.505"))
    PricedService.objects.filter(code=GLUCOSE).update(price=Decimal("27777.777"), insured_price=Decimal("22400.333"))
    lan = walk.lan_full(world, place)
    patient, card = walk.someone(place, "Lê Thị Nửa", card="HN3999900000001", registered="99077")
    half = walk.visit_of(world, place, patient, card, route="self").examine().order(CBC, GLUCOSE)
    half.prescribe((HALF_PAID, 7), (PARACETAMOL, 13)).sign().dispense()
    patient, card = walk.someone(place, "Vũ Thị Mai", card="DN4999900000002", registered="99001")
    sent = walk.visit_of(world, place, patient, card, route="referral", referral_facility_code="99001")
    sent.examine("Z34.9").order(ULTRASOUND, GLUCOSE).order(CBC, is_insured=False).sign()
    patient, card = walk.someone(place, "Bé Tí", card="TE1999900000003")
    child = walk.visit_of(world, place, patient, card, route="emergency").examine("J20.9")
    child.prescribe((HALF_PAID, 3)).sign().dispense()
    return [lan, half, sent, child]


def test_awkward_amounts_add_up_to_the_cent(world: World) -> None:
    FacilityStatus.objects.filter(facility=world.hospital.facility).update(points=60, former_line="")
    for step in odd_visits(world):
        step.settled()
        claim = built(step)
        assert findings(claim) == [], step.visit.patient.full_name
        assert money_audit.faults(content_of(claim)) == []


def test_the_audit_finds_a_wrong_cent(world: World) -> None:
    """The second opinion itself can fail."""
    step = walk.lan_full(world, world.hospital)
    step.settled()
    record = gather(step.place.facility, [step.visit])[0]
    record.lines[0].fund_amount += Decimal("0.01")
    record.lines[1].insured_amount -= Decimal("1")
    assert len(money_audit.faults(build(record, rule_books(step.place.facility)).content)) >= 3


def test_the_standard_may_be_chosen_and_each_one_parses_back(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    for name in ("qd130", "qd4750", "qd3176"):
        claim = build_claim(visit=step.visit, actor=step.place.actor("claims"), at=at(15), standard=name)
        (parsed,) = parse_envelope(load(name), content_of(claim))
        assert list(parsed.tables) == ["XML1", "XML2", "XML3", "XML4"]
        assert parsed.facility_code == "99002"


def test_hostile_text_in_every_field_survives_the_round_trip(world: World) -> None:
    text = nfc(walk.NASTY)
    step = walk.hostile(world, world.hospital, text)
    step.settled()
    content = content_of(built(step))
    standard = select_standard(at().date())
    (claim,) = parse_envelope(standard, content)
    one = claim.tables["XML1"][0]
    assert one["HO_TEN"].upper() == f"Nguyễn {text}".upper()
    for tag in ("DIA_CHI", "LY_DO_VV", "PP_DIEU_TRI", "GHI_CHU"):
        assert one[tag] == text, tag
    drug = next(row for row in claim.tables["XML2"] if row["MA_THUOC"] == "40.48")
    assert [drug[t] for t in ("TEN_THUOC", "HAM_LUONG", "CACH_DUNG", "SO_DANG_KY")] == [text, text, text, text[:20]]
    assert drug["TT_THAU"] == f"{text};G1;N4;2026"
    assert text in {row["TEN_DICH_VU"] for row in claim.tables["XML3"]}
    assert text in {row["GIA_TRI"] for row in claim.tables["XML4"]}
    assert text in {row["MO_TA"] for row in claim.tables["XML4"]}
    assert claim.tables["XML5"][0]["DIEN_BIEN_LS"] == text
    assert money_audit.faults(content) == []


def test_an_unchanged_claim_keeps_its_version_and_bytes(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    first, second = built(step, 15), built(step, 16)
    assert first.pk == second.pk
    assert Claim.objects.count() == 1


def test_reopening_makes_version_2_of_the_same_claim_code(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    first = built(step)
    reopen_visit(visit=step.visit, reason="Sai giá", actor=step.place.actor("manager"), at=at(16))
    with pytest.raises(Refusal) as refused:
        built(step)
    assert refused.value.code == "not_closed"
    PricedService.objects.filter(code=CBC).update(price=40000, insured_price=40000)
    step.now = at(17)
    step.visit = Visit.objects.get(pk=step.visit.pk)
    step.close()
    second = built(step, 18)
    first.refresh_from_db()
    assert (first.state, first.is_current) == (Claim.State.SUPERSEDED, False)
    assert (second.version, second.claim_code) == (2, first.claim_code)
    assert second.sha256 != first.sha256
    assert second.result == BenefitResult.objects.get(is_current=True)


def test_a_fault_is_stored_as_a_finding_and_goes_when_it_is_mended(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    Drug.objects.filter(code=PARACETAMOL).update(route_code="99.99")
    step.settled()
    claim = built(step)
    assert claim.state == Claim.State.FINDINGS
    finding = Finding.objects.get(severity="blocking", table="XML2")
    assert (finding.table, finding.row, finding.field, finding.value) == ("XML2", 1, "DUONG_DUNG", "99.99")
    Drug.objects.filter(code=PARACETAMOL).update(route_code="1.01")
    mended = built(step)
    assert (mended.state, mended.version) == (Claim.State.CLEAN, 2)
    assert findings(mended) == []


def test_bytes_that_stay_are_checked_again(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    claim = built(step)
    Finding.objects.create(facility=claim.facility, claim=claim, key="old", rule="gone", severity="x", table="XML1")
    Claim.objects.update(state=Claim.State.FINDINGS)
    again = built(step)
    assert (again.pk, again.state) == (claim.pk, Claim.State.CLEAN)
    assert not Finding.objects.filter(key="old").exists()


def test_who_pays_himself_makes_no_claim(world: World) -> None:
    step = walk.hung(world, world.hospital).examine("J06.9").sign()
    step.close()
    with pytest.raises(Refusal, match="tự chi trả") as refused:
        built(step)
    assert refused.value.code == "not_claimed"


def test_the_weight_and_the_head_of_the_facility_are_named(world: World) -> None:
    step = walk.lan(world, world.hospital).examine().order(CBC).sign()
    step.settled()
    row = money_audit.tables_of(content_of(built(step)))["XML1"][0]
    head = Staff.objects.get(facility=step.place.facility, is_head=True)
    assert (row["CAN_NANG"], row["MA_TTDV"]) == ("48.50", head.licence_no)


def test_building_needs_the_permission_and_the_facility(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    with pytest.raises(PermissionRefused):
        build_claim(visit=step.visit, actor=step.place.actor("cashier"), at=at(15))
    with pytest.raises(NotFound):
        build_claim(visit=step.visit, actor=world.station.actor("claims"), at=at(15))


def test_gathering_many_visits_asks_as_often_as_gathering_one(
    world: World, django_assert_max_num_queries: object
) -> None:
    place = world.hospital
    steps = odd_visits(world)
    for step in steps:
        step.settled()
    visits = list(Visit.objects.select_related("patient", "card", "facility"))
    with django_assert_max_num_queries(13):  # type: ignore[operator]
        records = gather(place.facility, visits)
    assert len(records) == 4


def test_two_exams_make_one_claim(world: World) -> None:
    """The first doctor sends the person on; the claim names the last main disease and both exams, 100 % and 30 %."""
    place = world.hospital
    step = walk.lan(world, place).examine("I10", ["J06.9"]).order(GLUCOSE)
    step.sign(send_on_to=place.rooms["PK5"])
    assert (step.visit.state, step.visit.room) == (Visit.State.OPEN, place.rooms["PK5"])
    doctor = place.actor("doctor5")
    exam = start_exam(visit=step.visit, actor=doctor, at=at(10))
    set_diagnoses(exam=exam, main="E11.9", others=["J06.9"], actor=doctor, at=at(10, 5))
    sign_exam(exam=exam, actor=doctor, at=at(10, 10))
    step.visit.refresh_from_db()
    step.now = at(10, 15)
    step.settled()
    claim = built(step)
    assert findings(claim) == []
    content = content_of(claim)
    assert money_audit.faults(content) == []
    tables = money_audit.tables_of(content)
    summary = tables["XML1"][0]
    assert (summary["MA_BENH_CHINH"], summary["MA_BENH_KT"]) == ("E11.9", "J06.9;I10")
    assert summary["CHAN_DOAN_RV"].count("J06.9") == 1
    assert summary["NGAY_RA"] == "202610061010"
    exams = [row for row in tables["XML3"] if row["MA_NHOM"] == "13"]
    assert [(row["TYLE_TT_DV"], row["MA_BENH"]) for row in exams] == [("100", "I10"), ("30", "E11.9")]
    assert [row["MA_BENH"] for row in tables["XML3"] if row["MA_NHOM"] == "1"] == ["I10"]
