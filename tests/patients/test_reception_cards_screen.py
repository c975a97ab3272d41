"""Cards at the reception desk: what they fill in, which form they join, where the person lives."""

import re
from datetime import date

import pytest
import time_machine
from django.urls import reverse

from his.core.dates import BirthDate
from patients.models import InsuranceCard, Patient, Visit
from patients.services.people import register_patient, update_patient
from tests.cast import at, ba_lan
from tests.patients.reception_desk import find, form_of, new_person
from tests.patients.test_scan import CARD, CHILD_CARD, CITIZEN_OLD


@pytest.fixture(autouse=True)
def morning():
    with time_machine.travel(at(8, 30), tick=False):
        yield


@pytest.fixture
def desk(world, client):
    client.force_login(world.station.users["reception"])
    return client


def test_new_person_from_a_citizen_card_is_asked_nothing_that_the_card_says(desk):
    found = find(desk, CITIZEN_OLD)
    saved = new_person(desk, found)
    assert saved.status_code == 302
    person = Patient.objects.get()
    assert (person.full_name, person.citizen_id, person.source) == ("Trần Văn Mẫu", "999079000123", "qr")
    assert (person.born_on, person.sex, person.old_id_number) == (date(1979, 3, 5), "1", "999000123")
    assert not Visit.objects.get().is_insured


def test_new_person_from_an_insurance_card_gets_the_card(desk):
    new_person(desk, find(desk, CARD))
    card = InsuranceCard.objects.get()
    assert (card.number, card.registered_facility_code, card.source) == ("GD4999912345678", "99001", "qr")
    assert (card.valid_to, card.five_years_from) == (date(2026, 12, 31), date(2027, 6, 1))
    assert Visit.objects.get().route == "registered"


def test_a_child_from_a_card_has_priority_and_a_guardian(desk):
    new_person(desk, find(desk, CHILD_CARD))
    visit = Visit.objects.get()
    assert (visit.priority, visit.tickets.get().label, visit.route) == (True, "A001", "self")
    assert visit.patient.guardian_name == "Lê Thị Ví Dụ"


def test_a_new_card_of_a_known_person_is_added_to_the_history(desk, world):
    hung = register_patient(
        full_name="Trần Văn Mẫu",
        birth=BirthDate(date(1979, 3, 5), "day"),
        sex="1",
        citizen_id="999079000123",
        actor=world.station.actor("reception"),
        at=at(7),
    )
    candidates = find(desk, CARD)
    assert [person for person, _ in candidates.context["rows"]] == [hung]  # by name: the desk decides
    opened = find(desk, CARD, patient=hung.pk)
    desk.post(reverse("reception-save-known", args=[hung.pk]), form_of(opened))
    assert Visit.objects.get().card == hung.cards.get()


def test_paper_and_record_that_disagree_are_shown_never_merged(desk, world):
    lan, _ = ba_lan(world.station)
    other = CITIZEN_OLD.replace("999079000123", lan.citizen_id)
    opened = find(desk, other)
    html = opened.content.decode()
    assert "hồ sơ ghi Nguyễn Thị Lan" in html
    assert "Ngày sinh trên thẻ là 05/03/1979" in html


def test_the_commune_of_the_scanned_address_is_filled_in_or_left_empty(desk):
    named = find(desk, CARD).context["form"]  # "Thôn Giả Định, Xã Thí Dụ"
    assert (named["commune"].value(), named.commune_words) == ("99001", "Xã Thí Dụ, Tỉnh Ví Dụ")
    old = find(desk, CITIZEN_OLD).context["form"]  # an address of three levels
    assert old["commune"].value() is None
    saved = new_person(desk, find(desk, CARD))
    assert saved.status_code == 302
    person = Patient.objects.get()
    assert (person.province_code, person.commune_code, person.occupation_code) == ("99", "99001", "00")


def test_an_insured_person_without_a_commune_is_asked_beside_the_field(desk, world):
    lan, card = ba_lan(world.station)
    update_patient(
        patient=lan, address="", province_code="", commune_code="", actor=world.station.actor("reception"), at=at(7)
    )
    found = find(desk, card.number)
    html = found.content.decode()
    assert html.count('name="commune"') == 1
    assert html.index('id="h_visit"') < html.index('name="commune"')  # in the panel of the visit
    save = reverse("reception-save-known", args=[lan.pk])
    refused = desk.post(save, form_of(found))
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["commune"])
    wrong = desk.post(save, {**form_of(found), "commune": "", "commune_text": "Xã <Lạ>"})
    assert "Chưa chọn xã, phường cho “Xã &lt;Lạ&gt;”" in wrong.content.decode()
    unknown = desk.post(save, {**form_of(found), "commune": "12345678901"})
    assert unknown.status_code == 422
    assert desk.post(save, {**form_of(found), "commune": "99003"}).status_code == 302
    lan.refresh_from_db()
    assert (lan.province_code, lan.commune_code) == ("99", "99003")
    # Who pays needs none, and a form without the box leaves the stored one.
    bare = {"room": world.station.rooms["PK1"].pk, "visit_type": "01", "confirm_second": "on", "key": "k2"}
    assert desk.post(save, bare).status_code == 302
    lan.refresh_from_db()
    assert lan.commune_code == "99003"


def test_the_commune_box_offers_where_people_live(desk, world):
    def offered(q: str) -> list[str]:
        html = desk.get(reverse("reception-communes"), {"q": q}).content.decode()
        return re.findall(r'data-label="([^"]*)"', html)

    assert offered("")[0] == "Xã Thí Dụ, Tỉnh Ví Dụ"  # the commune of the facility
    ba_lan(world.station)
    for n in range(2):
        register_patient(
            full_name=f"Lê Thử {n}",
            birth=BirthDate(date(1990, 1, 1), "year"),
            sex="1",
            province_code="99",
            commune_code="99003",
            actor=world.station.actor("reception"),
            at=at(7),
        )
    assert offered("") == ["Xã Mô Phỏng, Tỉnh Ví Dụ", "Xã Thí Dụ, Tỉnh Ví Dụ", "Phường Kiểm Thử, Tỉnh Ví Dụ"]
    assert offered("kiem vi du") == ["Phường Kiểm Thử, Tỉnh Ví Dụ"]
    assert offered("<'zz") == []


def test_the_citizen_card_and_the_insurance_card_fill_one_form(desk):
    first = find(desk, CITIZEN_OLD)
    both = find(desk, CARD, **form_of(first), reason="Ho")
    form = both.context["form"]
    assert (form["citizen_id"].value(), form["card_number"].value()) == ("999079000123", "GD4999912345678")
    assert form["reason"].value() == "Ho"
    assert new_person(desk, both).status_code == 302
    visit = Visit.objects.get()
    assert (visit.patient.citizen_id, visit.card.number) == ("999079000123", "GD4999912345678")


def test_the_card_of_another_person_begins_another_form(desk):
    other = find(desk, CHILD_CARD, **form_of(find(desk, CITIZEN_OLD))).context["form"]
    assert (other["full_name"].value(), other["citizen_id"].value()) == ("Lê Bé Ví Dụ", "")
    namesake = {**form_of(find(desk, CITIZEN_OLD)), "birth": "05/03/1980"}
    assert find(desk, CARD, **namesake).context["form"]["citizen_id"].value() == ""


def test_the_card_of_the_person_who_is_open_joins_the_open_form(desk, world):
    known = register_patient(
        full_name="Trần Văn Mẫu",
        birth=BirthDate(date(1979, 3, 5), "day"),
        sex="1",
        citizen_id="999079000123",
        actor=world.station.actor("reception"),
        at=at(7),
    )
    opened = find(desk, known.citizen_id)
    joined = find(desk, CARD, **form_of(opened), open_patient=known.pk, reason="Ho")
    assert joined.context["patient"] == known
    assert joined.context["form"]["card_number"].value() == "GD4999912345678"
    assert joined.context["form"]["reason"].value() == "Ho"


def test_a_damaged_code_leaves_the_open_form_as_it_is(desk):
    answer = find(desk, "999079000123|999000123|Trần", **form_of(find(desk, CITIZEN_OLD)))
    assert answer.status_code == 422
    assert "data-refusal" in answer.content.decode()


def test_a_number_is_named_after_its_paper(desk):
    said = {"999079000123": "Căn cước công dân", "c1234567": "Hộ chiếu Việt Nam", "AB123456": "Giấy tờ nước ngoài"}
    for number, words in said.items():
        assert words in desk.post(reverse("reception-identity"), {"citizen_id": number}).content.decode()
    assert "words" not in desk.post(reverse("reception-identity"), {"citizen_id": "12345'<"}).content.decode()
    page = desk.get(reverse("reception-new"))
    saved = new_person(desk, page, full_name="Lê Thử", birth="1990", sex="1", citizen_id="c1234567")
    assert saved.status_code == 302
    found = find(desk, "C1234567")
    assert found.context["patient"].full_name == "Lê Thử"
