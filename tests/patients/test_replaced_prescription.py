"""A signed prescription is never changed: another takes its place, and every desk goes on with the new one."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from his.catalogs.models import Drug
from his.core.errors import Refusal
from insurance.billing.queries import undispensed
from patients import hooks
from patients.models import PatientAllergy, Prescription, PrescriptionLine
from patients.printing.prescription import prescription_data, print_prescription
from patients.queries_clinical import prescription_of
from patients.services.prescriptions import LineInput
from patients.services.replacement import replace_prescription
from patients.services.safety import Reason
from patients.snapshot import fingerprint
from patients.views import prescription as view
from pharmacy.models import Dispense, Reservation
from pharmacy.queries import waiting_prescriptions
from pharmacy.queries_window import find_prescriptions
from pharmacy.services.dispensing import dispense, reverse_dispense
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.pharmacy import shelf
from tests.pharmacy.test_concurrency import at_once
from tests.scenes import scene

REASON = "Người bệnh đau dạ dày"


@scene
def lan(world: World) -> walk.Walk:
    facility = world.hospital.facility
    facility.prescribing_code = "vd992"
    facility.save()
    one = walk.lan(world, world.hospital).examine("I10").prescribe((walk.PARACETAMOL, 14), (walk.AMLODIPIN, 14)).sign()
    one.prescription.refresh_from_db()
    return one


def lines(world: World, *wanted: tuple[str, int]) -> list[LineInput]:
    return [
        LineInput(world.drug(world.hospital, code), morning=Decimal(1), days=days, usage="Sau ăn")
        for code, days in wanted
    ]


def replace(world: World, old: Prescription, *wanted: tuple[str, int], reason: str = REASON, hour: int = 10):
    return replace_prescription(
        prescription=old,
        lines=lines(world, *(wanted or ((walk.AMLODIPIN, 7),))),
        reason=reason,
        actor=world.hospital.actor("doctor"),
        at=at(hour),
    )


def test_the_new_one_takes_the_place_everywhere(world: World, lan: walk.Walk) -> None:
    old, facility = lan.prescription, world.hospital.facility
    new = replace(world, old)
    old.refresh_from_db()
    assert (old.voided_at, old.void_reason, old.replaced_by) == (at(10), REASON, new)
    assert new.number != old.number
    assert new.sheets.get().code != old.sheets.get().code
    assert prescription_of(lan.exam) == new
    assert list(waiting_prescriptions(facility, DAY)) == list(undispensed(lan.visit)) == [new]
    for text in (old.sheets.get().code, old.number, new.sheets.get().code, new.number):
        assert find_prescriptions(facility, text, DAY) == [new], text
    assert prescription_data(new)["replaces"] == old.sheets.get().code
    with pytest.raises(Refusal, match=new.number):
        print_prescription(prescription=old, actor=world.hospital.actor("doctor"), at=at(11))
    with pytest.raises(Refusal, match="đã được thay"):
        dispense(
            prescription=old,
            store=walk.stocked(world, world.hospital),
            actor=world.hospital.actor("pharmacist"),
            at=at(11),
        )


def test_what_was_signed_stays_and_the_new_signature_is_kept(world: World, lan: walk.Walk) -> None:
    lan.exam.refresh_from_db()
    before = lan.exam.snapshot
    new = replace(world, lan.prescription)
    lan.exam.refresh_from_db()
    assert lan.exam.snapshot == before
    amendment = lan.exam.amendments.get()
    assert (amendment.prescription, amendment.reason) == (new, REASON)
    assert fingerprint(amendment.snapshot) == amendment.snapshot_sha256
    assert amendment.snapshot["replaces"] == before["prescription"]["number"]
    assert [line["drug"]["code"] for line in amendment.snapshot["prescription"]["lines"]] == [walk.AMLODIPIN]


def test_stock_is_kept_for_the_new_one(world: World) -> None:
    store = walk.stocked(world, world.hospital)
    one = walk.lan(world, world.hospital).examine("I10").prescribe((walk.PARACETAMOL, 14)).sign()
    new = replace(world, one.prescription)
    held = Reservation.objects.filter(state=Reservation.State.HELD).select_related("prescription_line")
    assert [(row.prescription_line.prescription, row.quantity, row.store) for row in held] == [(new, 7, store)]


def test_what_is_not_safe_is_refused_and_a_reason_is_signed(world: World, lan: walk.Walk) -> None:
    drugs = Drug.objects.for_facility(world.hospital.facility).filter(code=walk.AMLODIPIN)
    drugs.update(control_class="narcotic")
    with pytest.raises(Refusal) as caught:
        replace(world, lan.prescription)
    assert caught.value.code == "rule_broken"
    drugs.update(control_class="")
    allergy = {"patient": lan.visit.patient, "item": "@", "name": "Amlodipin", "recorded_at": at(9)}
    allergy["item"] = next(one.code for one in hooks.allergens(DAY) if one.name.casefold() == "amlodipin")
    user = world.hospital.users["nurse"]
    PatientAllergy.objects.create(facility=world.hospital.facility, recorded_by=user, reaction="rash", **allergy)
    wanted = lines(world, (walk.AMLODIPIN, 7))
    given = {"prescription": lan.prescription, "lines": wanted, "reason": REASON, "at": at(10)}
    with pytest.raises(Refusal) as caught:
        replace_prescription(**given, actor=world.hospital.actor("doctor"))
    assert caught.value.code == "reason_needed"
    reasons = {key: Reason("tolerated") for key in caught.value.facts["keys"]}
    new = replace_prescription(**given, actor=world.hospital.actor("doctor"), reasons=reasons)
    (told,) = new.amendment.snapshot["safety"]["overrides"]
    assert (told["reason_code"], told["line"]) == ("tolerated", 1)


def test_it_can_be_replaced_again_but_only_the_valid_one(world: World, lan: walk.Walk) -> None:
    new = replace(world, lan.prescription)
    with pytest.raises(Refusal, match=new.number):
        replace(world, lan.prescription)
    third = replace(world, new, hour=11)
    assert prescription_of(lan.exam) == third


def test_drugs_that_were_handed_out_come_back_first(world: World, lan: walk.Walk) -> None:
    lan.dispense()
    with pytest.raises(Refusal, match="đã cấp phát"):
        replace(world, lan.prescription)
    actor = world.hospital.actor("pharmacist")
    reverse_dispense(dispense=Dispense.objects.get(), reason="Đổi thuốc", actor=actor, at=at(10))
    assert replace(world, lan.prescription, hour=11).replaces == lan.prescription


@pytest.mark.parametrize(
    ("wanted", "reason", "hour", "field"),
    [
        ([(walk.AMLODIPIN, 31)], REASON, 10, "lines-0-days"),
        ([(walk.AMLODIPIN, 7), (walk.AMLODIPIN, 7)], REASON, 10, "lines-1-drug"),
        ([(walk.AMLODIPIN, 7)], "  ", 10, "reason"),
        ([(walk.AMLODIPIN, 7)], "x" * 501, 10, "reason"),
        ([(walk.AMLODIPIN, 7)], REASON, 8, "at"),
    ],
)
def test_what_is_refused_changes_nothing(world: World, lan: walk.Walk, wanted, reason, hour, field) -> None:
    with pytest.raises(Refusal) as caught:
        replace(world, lan.prescription, *wanted, reason=reason, hour=hour)
    assert caught.value.field == field
    lan.prescription.refresh_from_db()
    assert (lan.prescription.is_void, Prescription.objects.count()) == (False, 1)


def test_the_database_keeps_signed_prescriptions(world: World, lan: walk.Walk) -> None:
    new = replace(world, lan.prescription)
    old, user = lan.prescription, world.hospital.users["doctor"]
    told = {"voided_at": at(11), "voided_by": user, "void_reason": "x"}
    rows = Prescription.objects
    for change in (
        lambda: rows.filter(pk=new.pk).update(note="khác"),
        lambda: rows.filter(pk=new.pk).update(**told, note="khác"),
        lambda: rows.filter(pk=new.pk).update(voided_at=at(11)),
        lambda: rows.filter(pk=old.pk).update(void_reason="khác"),
        lambda: rows.filter(pk=old.pk).update(voided_at=None, voided_by=None, void_reason=""),
        lambda: PrescriptionLine.objects.filter(prescription=new).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


@pytest.mark.django_db(transaction=True)
def test_replacing_and_handing_out_at_once_do_one_of_them(world: World) -> None:
    one = walk.lan(world, world.hospital).examine("I10").prescribe((walk.PARACETAMOL, 5)).sign()
    store, actor = walk.stocked(world, world.hospital), world.hospital.actor("pharmacist")
    old = Prescription.objects.get()
    results = at_once(
        lambda: dispense(prescription=old, store=store, actor=actor, at=at(10)),
        lambda: replace(world, old),
    )
    (refused,) = [result.code for result in results if isinstance(result, Refusal)]
    assert refused in {"already_dispensed", "replaced"}
    assert Dispense.objects.count() + Prescription.objects.filter(voided_at__isnull=False).count() == 1
    assert shelf.on_hand(store) is not None
    assert one.visit.pk == old.visit_id


def test_the_doctor_replaces_it_at_the_desk(world: World, lan: walk.Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "now", lambda: at(10))
    monkeypatch.setattr(view, "today", lambda: DAY)
    client = Client()
    client.force_login(world.hospital.users["doctor"])
    old = lan.prescription
    signed = client.get(reverse("doctor-visit", args=[lan.visit.pk])).content.decode()
    address = reverse("prescription-replace", args=[old.pk])
    assert address in signed
    assert old.sheets.get().code in signed
    grid = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert f"Thay đơn {old.number}" in grid
    assert 'value="TH0002"' in grid
    row = {"lines-TOTAL_FORMS": "1", "lines-0-drug": "TH0002", "lines-0-morning": "1", "lines-0-days": "7"}
    lacking = client.post(address, {**row, "note": "giữ <lại>"}, headers={"HX-Request": "true"})
    assert lacking.status_code == 422
    page = lacking.content.decode()
    assert "Hãy ghi lý do thay đơn" in page
    assert "giữ &lt;lại&gt;" in page
    done = client.post(address, {**row, "void_reason": REASON}, headers={"HX-Request": "true"})
    assert done["HX-Redirect"] == reverse("doctor-visit", args=[lan.visit.pk])
    assert Prescription.objects.get(replaces=old).lines.get().quantity == 7
    assert f"thay đơn {old.number}" in client.get(done["HX-Redirect"]).content.decode()


def test_the_interface_replaces_it_too(world: World, lan: walk.Walk) -> None:
    client = walk.signed_in(world.hospital, "doctor")
    body = {"reason": REASON, "lines": [{"drug_code": "TH0002", "morning": 1, "days": 7}]}
    path = f"/api/patients/prescriptions/{lan.prescription.pk}/replacement"
    answer = client.post(path, body, content_type="application/json")
    assert answer.status_code == 201
    assert answer.json()["replaces"] == lan.prescription.number
    assert client.post(path, body, content_type="application/json").json()["code"] == "replaced"
    assert walk.signed_in(world.station, "doctor").post(path, body, content_type="application/json").status_code == 404
    assert Prescription.objects.get(replaces=lan.prescription).signed_at <= timezone.now()
