"""The reception desk as the browser sees it: scan, choose, save, print; and what happens to bad input."""

import re
from datetime import date

import pytest
import time_machine
from django.urls import reverse

from his.core.dates import BirthDate
from patients.models import InsuranceCard, Patient, Visit
from patients.services.people import register_patient, update_patient
from tests.cast import at, ba_lan, lan_visit
from tests.patients.test_scan import CARD, CHILD_CARD, CITIZEN_OLD

SCRIPT = "<script>alert('x')</script>"


@pytest.fixture(autouse=True)
def morning():
    with time_machine.travel(at(8, 30), tick=False):
        yield


@pytest.fixture
def desk(world, client):
    client.force_login(world.station.users["reception"])
    return client


def find(client, text, htmx=True, **extra):
    headers = {"HX-Request": "true"} if htmx else {}
    return client.post(reverse("reception-find"), {"text": text, **extra}, headers=headers)


def form_of(response) -> dict[str, str]:
    """What a browser would send back from the form of a page."""
    form = response.context["form"]
    values = {bound.html_name: bound.value() for bound in form}
    values = {name: form[name].as_hidden() and value for name, value in values.items()}
    shown = {}
    for name, value in values.items():
        if value is True:
            shown[name] = "on"
        elif value not in (None, False, ""):
            prepared = form.fields[name].prepare_value(value)
            shown[name] = str(prepared)
    return shown


def new_person(client, response, **changes):
    return client.post(reverse("reception-save-new"), {**form_of(response), **changes})


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
