"""The reception desk as the browser sees it: scan, choose, save, print; and what happens to bad input."""

from datetime import date

import pytest
import time_machine
from django.urls import reverse

from his.core.dates import BirthDate
from patients.models import Patient, Visit
from patients.services.people import register_patient, update_patient
from tests.cast import at, ba_lan, lan_visit
from tests.patients.reception_desk import find, form_of, new_person
from tests.patients.test_scan import CITIZEN_OLD

SCRIPT = "<script>alert('x')</script>"


@pytest.fixture(autouse=True)
def morning():
    with time_machine.travel(at(8, 30), tick=False):
        yield


@pytest.fixture
def desk(world, client):
    client.force_login(world.station.users["reception"])
    return client


def test_the_empty_desk_offers_one_box_and_the_waiting_rooms(desk):
    page = desk.get(reverse("reception"))
    html = page.content.decode()
    assert page.status_code == 200
    assert html.count("data-scan") == 1
    assert "Phòng khám bệnh" in html


def test_a_known_card_opens_its_person_with_everything_filled_in(desk, world):
    lan, card = ba_lan(world.station)
    found = find(desk, card.number)
    assert found.status_code == 200
    assert found.context["patient"] == lan
    sent = form_of(found)
    assert (sent["card"], sent["room"]) == (str(card.pk), str(world.station.rooms["PK1"].pk))
    assert "priority" not in sent  # 72: from 75 on


def test_known_person_from_scan_to_printed_number(desk, world):
    lan, card = ba_lan(world.station)
    found = find(desk, lan.citizen_id)
    saved = desk.post(reverse("reception-save-known", args=[lan.pk]), form_of(found))
    visit = Visit.objects.get()
    assert saved.status_code == 302
    assert (visit.card, visit.route, visit.is_insured) == (card, "registered", True)
    page = desk.get(saved["Location"]).content.decode()
    ticket = visit.tickets.get()
    assert "Đã đăng ký <b>Nguyễn Thị Lan</b>: số <b>001</b>, Phòng khám bệnh" in page
    assert f'data-print="{reverse("reception-slip", args=[ticket.pk])}" data-action="print"' in page
    slip = desk.get(reverse("reception-slip", args=[ticket.pk]))
    assert "001" in slip.content.decode()
    code = desk.get(reverse("reception-slip-code", args=[ticket.pk]))
    assert code["Content-Type"] == "image/svg+xml"
    assert code.content.startswith(b"<?xml")


def test_several_people_are_offered_to_choose_from(desk, world):
    for year in (1980, 1990):
        register_patient(
            full_name="Nguyễn Thị Hoa",
            birth=BirthDate(date(year, 1, 1), "year"),
            sex="2",
            actor=world.station.actor("reception"),
            at=at(7),
        )
    found = find(desk, "hoa")
    assert [person.born_on.year for person, _ in found.context["rows"]] == [1980, 1990]
    chosen = found.context["rows"][1][0]
    assert find(desk, "hoa", patient=chosen.pk).context["patient"] == chosen
    assert find(desk, "hoa", new="1").context["form"]["full_name"].value() == "hoa"


def test_the_same_name_and_birth_year_is_asked_about_once(desk, world):
    lan, _ = ba_lan(world.station)
    page = desk.get(reverse("reception-new"))
    facts = {"full_name": "nguyễn thị lan", "birth": "1954", "sex": "2", "phone": "0912345678"}
    asked = new_person(desk, page, **facts)
    assert asked.status_code == 409
    html = asked.content.decode()
    assert "Có thể trùng" in html
    assert lan.code in html
    assert 'value="0912345678"' in html  # nothing typed is lost
    confirmed = new_person(desk, page, **facts, confirm_duplicate=asked.context["asked"])
    assert confirmed.status_code == 302
    assert Patient.objects.count() == 2


def test_choosing_the_duplicate_keeps_the_visit_that_was_typed(desk, world):
    lan, card = ba_lan(world.station)
    page = desk.get(reverse("reception-new"))
    facts = {"full_name": "Nguyễn Thị Lan", "birth": "1954", "sex": "2", "reason": "Ho <3 ngày", "use_patient": lan.pk}
    opened = new_person(desk, page, **facts)
    assert opened.context["patient"] == lan
    assert opened.context["form"]["reason"].value() == "Ho <3 ngày"
    assert opened.context["form"]["card"].value() == str(card.pk)


def test_sending_twice_opens_one_visit(desk):
    found = find(desk, CITIZEN_OLD)
    sent = form_of(found)
    sent["confirm_duplicate"] = ""
    first = desk.post(reverse("reception-save-new"), sent)
    again = desk.post(reverse("reception-save-new"), {**sent, "confirm_duplicate": str(Patient.objects.get().pk)})
    assert first["Location"] == again["Location"]
    assert Visit.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("999079000123|999000123|Trần", "quét lại"),
        ("GD999991234567", "15 ký tự"),
        ("https://vi.du/x", "không đọc được"),
        ("12345", "chữ số"),
        ("", "Chưa có gì"),
    ],
)
@pytest.mark.parametrize("htmx", [True, False])
def test_damaged_and_wrong_codes_are_told_in_the_box(desk, text, message, htmx):
    answer = find(desk, text, htmx=htmx)
    assert answer.status_code == 422
    assert message in answer.content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"birth": "01012090"}, "birth"),
        ({"birth": "31021990"}, "birth"),
        ({"birth": ""}, "birth"),
        ({"sex": ""}, "sex"),
        ({"full_name": ""}, "full_name"),
        ({"citizen_id": "123"}, "citizen_id"),
        ({"phone": SCRIPT}, "phone"),
        ({"card_number": "GD99999"}, "card_registered_facility_code"),
        (
            {"card_number": "GD9999912345678", "card_registered_facility_code": "99001", "card_valid_from": "01012026"},
            "card_number",
        ),
        ({"card_valid_to": "01012026"}, "card_number"),
        ({"card_valid_from": "99999999"}, "card_valid_from"),
        ({"room": "999999999999999999999"}, "room"),
        ({"room": ""}, "room"),
        ({"route": "referral"}, "referral_facility_code"),
        ({"reason": "x" * 1001}, "reason"),
        (
            {
                "card_number": "GD4999912345678",
                "card_registered_facility_code": "99001",
                "card_valid_from": "01012025",
                "card_valid_to": "31122025",
            },
            "card_valid_to",
        ),
    ],
)
def test_bad_input_is_told_beside_its_field_and_nothing_typed_is_lost(desk, changes, field):
    page = desk.get(reverse("reception-new"))
    typed = {"full_name": "Lê O'Thử <b>", "birth": "1990", "sex": "1", "address": SCRIPT, "reason": "5 < 6", **changes}
    answer = new_person(desk, page, **typed)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert SCRIPT not in html
    assert answer.context["form"]["address"].value() == SCRIPT
    assert not Patient.objects.exists()


def test_awkward_characters_are_stored_exactly(desk):
    texts = {
        "full_name": "Lê O'Thử <b>",
        "address": SCRIPT,
        "reason": "5 < 6 && 'đau'",
        "allergies": '"penicillin"',
        "guardian_name": "D'Artagnan",
    }
    page = desk.get(reverse("reception-new"))
    assert new_person(desk, page, **texts, birth="1990", sex="1").status_code == 302
    visit = Visit.objects.get()
    stored = {name: getattr(visit.patient, name) for name in texts if name != "reason"}
    assert {**stored, "reason": visit.reason} == texts
    shown = desk.get(reverse("reception-known", args=[visit.patient_id])).content.decode()
    assert SCRIPT not in shown


def test_a_second_visit_of_the_day_wants_a_tick(desk, world):
    visit = lan_visit(world.station)
    page = desk.get(reverse("reception-known", args=[visit.patient_id]))
    assert visit.claim_code in page.content.decode()
    save = reverse("reception-save-known", args=[visit.patient_id])
    refused = desk.post(save, form_of(page))
    assert refused.status_code == 409
    assert "confirm_second" in refused.context["form"].errors
    assert desk.post(save, {**form_of(page), "confirm_second": "on"}).status_code == 302


def test_a_citizen_number_that_is_taken_leads_to_its_owner(desk, world):
    lan, _ = ba_lan(world.station)
    page = desk.get(reverse("reception-new"))
    answer = new_person(desk, page, full_name="Người Khác", birth="1990", sex="1", citizen_id=lan.citizen_id)
    assert answer.status_code == 409
    assert answer.context["same"] == [lan]


def test_cancelling_wants_a_reason_and_leaves_the_list(desk, world):
    visit = lan_visit(world.station)
    url = reverse("reception-cancel", args=[visit.pk])
    assert desk.post(url, {"reason": ""}).status_code == 422
    assert desk.post(url, {"reason": "Về <nhà>"}).status_code == 302
    visit.refresh_from_db()
    assert visit.state == "cancelled"
    assert desk.post(url, {"reason": "x"}).status_code == 409


def test_a_claim_code_opens_its_visit(desk, world):
    visit = lan_visit(world.station)
    assert find(desk, visit.claim_code).context["visit"] == visit
    assert find(desk, "99001.2610.999999").status_code == 404


def test_birth_dates_are_answered_in_words(desk):
    answers = {"15031954": "72 tuổi", "72t": "1954", "01012090": "tương lai", "": ""}
    for typed, words in answers.items():
        assert words in desk.post(reverse("reception-birth"), {"birth": typed}).content.decode()


def test_an_unchanged_list_is_not_sent_again(desk, world):
    lan_visit(world.station)
    url = reverse("reception-today")
    first = desk.get(url)
    assert desk.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 304
    Visit.objects.update(state="in_exam")
    assert desk.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize("people", [2, 25])
def test_the_desk_asks_the_database_as_often_for_many_as_for_few(desk, world, django_assert_max_num_queries, people):
    actor = world.station.actor("reception")
    lan = lan_visit(world.station).patient
    for n in range(people):
        person = register_patient(
            full_name=f"Nguyễn Thị Thử {n}", birth=BirthDate(date(1990, 1, 1), "year"), sex="2", actor=actor, at=at(7)
        )
        desk.post(
            reverse("reception-save-known", args=[person.pk]),
            {"room": world.station.rooms["PK1"].pk, "visit_type": "01", "key": str(n)},
        )
    update_patient(patient=lan, phone="0912345678", actor=actor, at=at(7))
    with django_assert_max_num_queries(10):
        desk.get(reverse("reception"))
    with django_assert_max_num_queries(8):
        find(desk, "thu")
    with django_assert_max_num_queries(15):
        find(desk, "0912345678")


def test_only_reception_opens_the_desk(world, client):
    client.force_login(world.station.users["technician"])
    assert client.get(reverse("reception")).status_code == 403
    client.logout()
    assert client.get(reverse("reception")).status_code == 302
