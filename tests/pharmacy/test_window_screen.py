"""The dispensing window: found by scan, number or name, handed out with one key, taken back with a reason."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from patients.models import QueueTicket, Visit
from pharmacy.models import Dispense
from pharmacy.services.stock import LotLine, record_loss
from tests.cast import at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL
from tests.scenes import scene


@scene
def place(world):
    return world.station


@scene
def store(world, place):
    made = shelf.dispensary(place)
    shelf.receive(place, made, shelf.goods(world, place), shelf.goods(world, place, code=AMLODIPIN, lot="A1"))
    return made


@scene
def lan(world, place, store):
    return shelf.lan_prescription(world, place)


@pytest.fixture
def window(client, place, time_machine):
    time_machine.move_to(at(10), tick=False)
    client.force_login(place.users["pharmacist"])
    return client


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def open_page(client, prescription):
    return client.get(reverse("dispensing-open", args=[prescription.pk]))


def test_the_queue_shows_signed_prescriptions_with_their_number(window, lan):
    page = text_of(window.get(reverse("dispensing")))
    label = QueueTicket.objects.get(visit=lan.visit).label
    assert "Nguyễn Thị Lan" in page
    assert f'<span class="no">{label}</span>' in page
    assert 'data-action="next"' in page


def test_the_proposed_lots_are_those_that_are_handed_out(window, lan, place):
    page = open_page(window, lan)
    proposed = [(part.lot.number, part.quantity) for line in page.context["lines"] for part in line.parts]
    assert "L1" in text_of(page)
    answer = window.post(reverse("dispensing-hand-out", args=[lan.pk]), {"idempotency_key": "k"}, follow=True)
    assert "Đã cấp phát cho Nguyễn Thị Lan, phiếu PC26-000001" in text_of(answer)
    assert [(line.lot.number, line.quantity) for line in shelf.current_dispense(lan).lines.all()] == proposed
    assert "Đã cấp phát" in text_of(open_page(window, lan))


def test_the_room_is_that_of_the_prescription_not_the_one_the_patient_was_sent_on_to(window, lan, place):
    Visit.objects.filter(pk=lan.visit_id).update(room=place.rooms["XN"])
    page = text_of(open_page(window, lan))
    assert f"{place.rooms['PK1'].name} · ký" in page
    assert f"{place.rooms['XN'].name} · ký" not in page


def test_a_double_click_hands_out_once(window, lan):
    for _ in range(2):
        window.post(reverse("dispensing-hand-out", args=[lan.pk]), {"idempotency_key": "k"})
    assert Dispense.objects.count() == 1


def test_a_lot_that_ran_out_is_said_and_the_page_stays(window, world, place, store, lan):
    broken = [LotLine(lot=shelf.lot("L1"), quantity=Decimal(95))]
    record_loss(store=store, lines=broken, reason="Vỡ", actor=place.actor("pharmacist"), at=at(9, 30))
    answer = window.post(reverse("dispensing-hand-out", args=[lan.pk]))
    assert answer.status_code == 422
    assert "chỉ còn 5" in text_of(answer)
    assert "Paracetamol 500mg" in text_of(answer)
    assert shelf.current_dispense(lan) is None


def test_a_prescription_already_handed_out_is_said(window, lan):
    url = reverse("dispensing-hand-out", args=[lan.pk])
    window.post(url)
    answer = window.post(url, {"idempotency_key": "another"})
    assert answer.status_code == 409
    assert "đã cấp phát lúc 10:00 06/10/2026" in text_of(answer)


@pytest.mark.parametrize(
    "what", ["claim", "number", "ticket", "patient", "citizen", "card", "name", "card_qr", "citizen_qr"]
)
def test_whatever_identifies_the_patient_opens_the_prescription(window, world, place, lan, what):
    shelf.hung_prescription(world, place)
    patient, card = lan.visit.patient, lan.visit.card
    typed = {
        "claim": lan.visit.claim_code,
        "number": lan.number,
        "ticket": str(QueueTicket.objects.get(visit=lan.visit).number),
        "patient": patient.code,
        "citizen": patient.citizen_id,
        "card": card.number,
        "name": "lan nguyen",
        "card_qr": card.number,
        "citizen_qr": f"{patient.citizen_id}||Nguyễn Thị Lan|15031954|Nữ|Xã Thí Dụ|01012021",
    }[what]
    answer = window.post(reverse("dispensing-find"), {"text": typed})
    assert answer.status_code == 302, typed
    assert answer.url == reverse("dispensing-open", args=[lan.pk])


def test_several_are_offered_and_none_is_said(window, world, place, lan):
    shelf.someone_prescription(world, place, "Lê Thị Lan")
    several = window.post(reverse("dispensing-find"), {"text": "lan"})
    assert "Lê Thị Lan" in text_of(several)
    assert "Nhiều đơn khớp" in text_of(several)
    for text in ("", "99001.2610.999999", "<script>alert('x')</script>", "x" * 1999, "999", "0|1|2"):
        none = window.post(reverse("dispensing-find"), {"text": text})
        assert none.status_code == 422, text
        assert "<script>alert" not in none.content.decode()


def test_taking_back_needs_a_reason_and_puts_it_back_into_the_queue(window, lan, store):
    window.post(reverse("dispensing-hand-out", args=[lan.pk]))
    done = shelf.current_dispense(lan)
    url = reverse("dispensing-take-back", args=[done.pk])
    unexplained = window.post(url, {"reason": ""})
    assert unexplained.status_code == 422
    assert "Hãy ghi lý do" in text_of(unexplained)
    answer = window.post(url, {"reason": "Người bệnh đổi ý 'không lấy' <b>"}, follow=True)
    assert "thuốc đã trả lại kho" in text_of(answer)
    assert shelf.current_dispense(lan) is None
    assert done.document.reversed_by.reason == "Người bệnh đổi ý 'không lấy' <b>"


def test_the_list_answers_only_news(window, lan):
    seen = window.get(reverse("dispensing")).context["seen"]
    url = reverse("dispensing-queue")
    assert window.get(url, {"seen": seen}).status_code == 204
    window.post(reverse("dispensing-hand-out", args=[lan.pk]))
    assert window.get(url, {"seen": seen}).status_code == 200


def test_another_day_is_looked_at(window, lan):
    assert "Nguyễn Thị Lan" not in text_of(window.get(reverse("dispensing"), {"day": "05102026"}))
    for bad in ("01010001", "31129999", "x", "32132026"):
        assert window.get(reverse("dispensing"), {"day": bad}).status_code == 200


def test_without_a_store_the_window_says_what_to_do(window, world, place):
    lan = shelf.lan_prescription(world, place)
    assert "chưa có kho cấp phát" in text_of(open_page(window, lan))
    assert window.post(reverse("dispensing-hand-out", args=[lan.pk])).status_code == 422


def test_the_chosen_store_is_kept(window, world, place, store, lan):
    second = shelf.dispensary(place, "CP2")
    page = window.get(reverse("dispensing-open", args=[lan.pk]), {"store": second.pk})
    assert page.context["is_short"]
    assert open_page(window, lan).context["store"] == second


def test_the_number_of_queries_does_not_grow_with_the_queue(
    window, world, place, store, lan, django_assert_max_num_queries
):
    for number in range(4):
        shelf.someone_prescription(world, place, f"Người Thử {number}", (PARACETAMOL, 5))
    with django_assert_max_num_queries(14):
        window.get(reverse("dispensing"))
    with django_assert_max_num_queries(26):
        open_page(window, lan)


def test_old_prescriptions_are_found_by_claim_code_only(window, world, place, lan, time_machine):
    time_machine.move_to(at(10) + timedelta(days=40), tick=False)
    window.force_login(place.users["pharmacist"])
    find = reverse("dispensing-find")
    assert window.post(find, {"text": lan.visit.patient.code}).status_code == 422
    assert window.post(find, {"text": lan.visit.claim_code}).status_code == 302
