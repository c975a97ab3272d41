"""Registering people and cards: what is stored, what is refused, and where."""

from datetime import date

import pytest

from his.core.dates import BirthDate
from his.core.errors import NotFound, PermissionRefused, Refusal
from patients.models import Patient, Source
from patients.queries import card_for, find_patients
from patients.services.counters import next_number
from patients.services.people import add_card, register_patient, update_patient
from tests.cast import DAY, World, anh_hung, at, ba_lan

YEAR_1990 = BirthDate(date(1990, 1, 1), "year")


def register(world: World, name: str = "Lê Thị Thử", **facts):
    values = {"full_name": name, "birth": YEAR_1990, "sex": "2", "actor": world.station.actor("reception"), "at": at()}
    return register_patient(**{**values, **facts})


def card_of(world: World, patient: Patient, **facts):
    values = {
        "number": "GD4999900000001",
        "registered_facility_code": "99001",
        "valid_from": date(2026, 1, 1),
        "valid_to": date(2026, 12, 31),
        "actor": world.station.actor("reception"),
        "at": at(),
    }
    return add_card(patient=patient, **{**values, **facts})


def test_codes_count_up_for_each_facility(world):
    assert [register(world).code for _ in range(2)] == ["99001.000001", "99001.000002"]
    assert register(world, actor=world.hospital.actor("reception")).code == "99002.000001"


def test_texts_are_stored_as_typed_and_composed(world):
    decomposed = "Nguyê\u0303n  Thị <b>O'Brien</b>"
    patient = register(world, decomposed, address="'; DROP TABLE x; --", allergies="<script>alert(1)</script>")
    patient.refresh_from_db()
    assert patient.full_name == "Nguyễn Thị <b>O'Brien</b>"
    assert (patient.address, patient.allergies) == ("'; DROP TABLE x; --", "<script>alert(1)</script>")
    assert patient.search_name == "nguyen thi <b>o'brien</b>"


def test_unknown_parts_of_the_birth_date_stay_unknown(world):
    assert register(world).birth.text() == "1990"


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"full_name": "  "}, "full_name"),
        ({"full_name": "123"}, "full_name"),
        ({"full_name": "A" * 256}, "full_name"),
        ({"birth": BirthDate(date(2026, 10, 7), "day")}, "birth"),
        ({"birth": BirthDate(date(1890, 1, 1), "year")}, "birth"),
        ({"sex": ""}, "sex"),
        ({"sex": "9"}, "sex"),
        ({"citizen_id": "12345"}, "citizen_id"),
        ({"citizen_id": "٩٩٩٠٧٩٠٠٠١٢٣"}, "citizen_id"),
        ({"old_id_number": "12345678"}, "old_id_number"),
        ({"social_insurance_no": "0000000000"}, "social_insurance_no"),
        ({"phone": "12"}, "phone"),
        ({"guardian_phone": "abc"}, "guardian_phone"),
        ({"ethnicity_code": "<"}, "ethnicity_code"),
        ({"address": "x" * 501}, "address"),
    ],
)
def test_refusals_name_the_field(world, facts, field):
    with pytest.raises(Refusal) as refused:
        register(world, **facts)
    assert refused.value.field == field
    assert not Patient.objects.exists()


def test_a_refused_registration_uses_up_no_number(world):
    with pytest.raises(Refusal):
        register(world, phone="12")
    assert register(world).code == "99001.000001"


def test_one_citizen_number_is_one_person_of_a_facility(world):
    first = register(world, citizen_id="099190000789")
    with pytest.raises(Refusal) as refused:
        register(world, citizen_id="099 190 000 789")
    assert refused.value.code == "already_known"
    assert refused.value.facts["patient_id"] == first.pk
    assert register(world, citizen_id="099190000789", actor=world.hospital.actor("reception")).pk != first.pk


def test_correcting_a_person_changes_what_is_named_only(world):
    patient = register(world, phone="0912345678", citizen_id="099190000789")
    actor = world.station.actor("reception")
    changed = update_patient(patient=patient, full_name="Đỗ Thị Thử", phone="+84 912 345 679", actor=actor, at=at())
    changed.refresh_from_db()
    assert (changed.search_name, changed.initials, changed.sort_name) == ("do thi thu", "dtt", "thu thi do")
    assert (changed.phone, changed.citizen_id, changed.birth) == ("0912345679", "099190000789", YEAR_1990)
    with pytest.raises(TypeError):
        update_patient(patient=patient, code="x", actor=actor, at=at())


def test_only_reception_registers(world):
    with pytest.raises(PermissionRefused):
        register(world, actor=world.station.actor("doctor"))


def test_a_card_again_is_the_same_card_and_fills_what_was_unknown(world):
    patient = register(world)
    first = card_of(world, patient, valid_to=None)
    again = card_of(world, patient, number=" gd4 9999 00000001", five_years_from=date(2026, 6, 1), source=Source.QR)
    assert again.pk == first.pk
    again.refresh_from_db()
    assert (again.valid_to, again.five_years_from, again.source) == (date(2026, 12, 31), date(2026, 6, 1), Source.TYPED)
    assert patient.cards.count() == 1
    patient.refresh_from_db()
    assert patient.social_insurance_no == "9900000001"


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"number": "GD9999900000001"}, "number"),
        ({"number": "GD499990000000"}, "number"),
        ({"number": "GD4999900000٠٠1"}, "number"),
        ({"registered_facility_code": "9900"}, "registered_facility_code"),
        ({"valid_to": date(2025, 12, 31)}, "valid_to"),
        ({"area_code": "K9"}, "area_code"),
    ],
)
def test_wrong_cards_are_refused_beside_their_field(world, facts, field):
    with pytest.raises(Refusal) as refused:
        card_of(world, register(world), **facts)
    assert refused.value.field == field


def test_a_card_belongs_to_one_person_at_a_time(world):
    card_of(world, register(world))
    with pytest.raises(Refusal) as refused:
        card_of(world, register(world, "Người Khác"))
    assert refused.value.code == "already_known"


def test_the_card_of_a_visit_is_chosen_by_its_day_then_by_level(world):
    ong_sau = register(world, "Lý Văn Sáu", sex="1")
    work = card_of(world, ong_sau, number="DN4999900000006", valid_to=date(2026, 6, 30))
    merit = card_of(world, ong_sau, number="CC1999900000006", valid_from=date(2026, 3, 1))
    assert card_for(ong_sau, date(2025, 12, 31)) is None
    assert card_for(ong_sau, date(2026, 2, 1)) == work
    assert card_for(ong_sau, date(2026, 4, 1)) == merit
    assert card_for(ong_sau, DAY) == merit
    assert card_for(ong_sau, date(2027, 1, 1)) is None


def found(world: World, text: str) -> list[str]:
    return [patient.full_name for patient in find_patients(world.station.facility, text, on=DAY)]


def test_people_are_found_by_every_number_they_have(world):
    lan, card = ba_lan(world.station)
    update_patient(
        patient=lan, phone="0912345678", old_id_number="099000123", actor=world.station.actor("reception"), at=at()
    )
    for text in ("099154000123", "099000123", "0912 345 678", card.number, "9912345678", lan.code):
        assert found(world, text) == ["Nguyễn Thị Lan"], text
    assert found(world, "099154000999") == []


def test_names_are_found_without_marks_in_any_order_by_year_and_by_initials(world):
    ba_lan(world.station)
    anh_hung(world.station)
    for name in ("Nguyễn Thị Hoa", "Nguyễn Thị Hòa"):
        register(world, name)
    assert found(world, "lan nguyen") == ["Nguyễn Thị Lan"]
    assert found(world, "ntl") == ["Nguyễn Thị Lan"]
    assert found(world, "tran 1990") == ["Trần Văn Hùng"]
    assert found(world, "tran 1991") == []
    assert found(world, "Nguyễn Thị Hòa") == ["Nguyễn Thị Hòa", "Nguyễn Thị Hoa"]
    assert found(world, "an") == []  # the middle of a word is no beginning
    assert found(world, "%_'\\") == []


def test_an_insurance_card_finds_the_registered_person_without_that_card(world):
    hung = anh_hung(world.station)
    name = hung.full_name.encode().hex()
    assert found(world, f"DN4999900000009|{name}|1990|1|-|99-001|01/01/2026|-|01/01/2026|x|-|4|-|x|$") == [
        "Trần Văn Hùng"
    ]


def test_nobody_of_another_facility_is_found_or_touched(world):
    lan, card = ba_lan(world.station)
    for text in (lan.citizen_id, card.number, lan.code, "lan", "ntl"):
        assert find_patients(world.hospital.facility, text, on=DAY) == []
    other = world.hospital.actor("reception")
    with pytest.raises(NotFound):
        update_patient(patient=lan, phone="", actor=other, at=at())
    with pytest.raises(NotFound):
        card_of(world, lan, actor=other)


def test_numbers_need_a_transaction_and_start_at_one(world):
    facility = world.station.facility
    assert [next_number(facility=facility, series="a") for _ in range(3)] == [1, 2, 3]
    assert next_number(facility=facility, series="b") == 1


@pytest.mark.django_db(transaction=True)
def test_a_number_outside_a_transaction_is_a_defect():
    with pytest.raises(RuntimeError):
        next_number(facility=None, series="a")


@pytest.mark.parametrize(
    ("number", "nationality", "stored"),
    [
        ("099190000789", "000", "099190000789"),
        ("c1234567", "000", "C1234567"),
        ("B 12345678", "000", "B12345678"),
        ("ab-123456", "000", "AB123456"),
        ("123456789", "005", "123456789"),
    ],
)
def test_a_passport_or_foreign_paper_is_an_identity(world, number, nationality, stored):
    assert register(world, citizen_id=number, nationality_code=nationality).citizen_id == stored


@pytest.mark.parametrize(
    "number", ["123456789", "09919000078", "C123456789012345", "A'1", "<b>1", "ABCDEFGH", "C123456\u0667", "A123"]
)
def test_other_numbers_are_no_identity(world, number):
    with pytest.raises(Refusal) as refused:
        register(world, citizen_id=number)
    assert (refused.value.code, refused.value.field) == ("number_shape", "citizen_id")


def test_province_and_commune_go_together(world):
    lan, _ = ba_lan(world.station)
    actor = world.station.actor("reception")
    for home in ({"commune_code": ""}, {"province_code": ""}, {"commune_code": "9900"}, {"province_code": "990"}):
        with pytest.raises(Refusal) as refused:
            update_patient(patient=lan, actor=actor, at=at(9), **home)
        assert refused.value.field == "commune"
    moved = update_patient(patient=lan, province_code="", commune_code="", actor=actor, at=at(9))
    assert moved.commune_code == ""
