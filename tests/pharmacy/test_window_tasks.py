"""The other tasks of the window on its screen: parts, a second person, calling, sending back, counselling, returns."""

import pytest
from django.urls import reverse

from his.catalogs.models import Drug
from his.demo.places import DEMO_PASSWORD
from pharmacy.models import Counselling, Dispense, NotGiven, PatientReturn, WindowCall
from pharmacy.queries_given import standing_refusal
from tests.cast import at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL
from tests.pharmacy.test_window_screen import open_page, text_of
from tests.scenes import scene


@scene
def place(world):
    return world.station


@scene
def store(world, place):
    made = shelf.dispensary(place)
    lots = shelf.goods(world, place, quantity=12), shelf.goods(world, place, code=AMLODIPIN, lot="A1")
    shelf.receive(place, made, *lots)
    return made


@scene
def lan(world, place, store):
    return shelf.lan_prescription(world, place, (PARACETAMOL, 20), (AMLODIPIN, 10))


@pytest.fixture
def window(client, place, time_machine):
    time_machine.move_to(at(10), tick=False)
    client.force_login(place.users["pharmacist"])
    return client


def send(window, name, row, data=None, **kwargs):
    return window.post(reverse(f"dispensing-{name}", args=[row.pk]), data or {}, follow=True, **kwargs)


def typed(prescription, **fields) -> dict[str, str]:
    """What the form of the short line sends."""
    line = prescription.lines.get(drug__code=PARACETAMOL)
    return {f"line-{line.pk}-{name}": value for name, value in {"quantity": "12", **fields}.items()}


def test_a_part_keeps_what_was_typed_until_it_has_a_reason(window, lan):
    refused = send(window, "hand-out", lan, typed(lan, note="một vỉ"))
    assert refused.status_code == 422
    assert 'value="một vỉ"' in text_of(refused)
    assert "hãy chọn lý do cấp thiếu" in text_of(refused)
    wrong = send(window, "hand-out", lan, typed(lan, quantity="mười hai", reason="x"))
    assert wrong.status_code == 422
    assert "Hãy gõ một số" in text_of(wrong)
    done = send(window, "hand-out", lan, typed(lan, reason="out_of_stock", later="on"))
    assert "Cấp một phần" in text_of(done)
    assert "Hết thuốc" in text_of(done)
    row = NotGiven.objects.get()
    left = send(window, "leave-out", lan, {"reason": "declined", "note": ""})
    assert "Đã ghi không cấp phần còn lại" in text_of(left)
    final = NotGiven.objects.exclude(pk=row.pk).get()
    again = send(window, "reopen", final)
    assert "Phần này chờ cấp lại" in text_of(again)
    assert send(window, "reopen", final).status_code == 409


def test_the_second_person_confirms_with_their_own_password(window, place, lan):
    Drug.objects.filter(code=AMLODIPIN).update(control_class="narcotic")
    fields = typed(lan, reason="declined")
    fields |= {"recipient_name": "Nguyễn Thị Lan", "recipient_id_number": "099154000123"}
    assert "cần người thứ hai xác nhận" in text_of(send(window, "hand-out", lan, fields))
    fields |= {"witness_username": place.users["doctor"].username, "witness_password": "sai-mat-khau"}
    wrong = send(window, "hand-out", lan, fields)
    assert "mật khẩu của người xác nhận chưa đúng" in text_of(wrong)
    assert "sai-mat-khau" not in text_of(wrong)
    fields["witness_password"] = DEMO_PASSWORD
    done = send(window, "hand-out", lan, fields)
    assert f"{place.users['doctor'].display_name} xác nhận" in text_of(done)
    assert Dispense.objects.get().witnessed_by == place.users["doctor"]
    assert int(window.session["_auth_user_id"]) == place.users["pharmacist"].pk


def test_calling_opens_the_next_and_handing_out_may_call_by_itself(window, world, place, lan):
    shelf.someone_prescription(world, place, "Trần Thị Bích Ngọc", (AMLODIPIN, 5))
    page = window.post(reverse("dispensing-next"), follow=True)
    assert page.context["prescription"] == lan
    assert "Đã mời" in text_of(page)
    wall = text_of(window.get(reverse("dispensing-board")))
    assert "N. T. Lan" in wall
    assert "Nguyễn Thị Lan" not in wall
    assert "Vắng" in text_of(send(window, "absent", lan))
    assert "Đang mời Nguyễn Thị Lan" in text_of(send(window, "call", lan))
    window.post(reverse("dispensing-auto"))
    done = send(window, "hand-out", lan, typed(lan, reason="declined"))
    assert "Đang mời Trần Thị Bích Ngọc" in text_of(done)
    assert done.context["prescription"].visit.patient.full_name == "Trần Thị Bích Ngọc"
    assert "Không còn ai chờ" in text_of(window.post(reverse("dispensing-next"), follow=True))
    assert WindowCall.objects.count() == 4


def test_a_prescription_sent_back_is_said_to_both_sides(window, client, place, lan):
    unexplained = send(window, "send-back", lan, {"reason": "dose", "note": ""})
    assert unexplained.status_code == 422
    assert "để bác sĩ biết cần sửa gì" in text_of(unexplained)
    sent = send(window, "send-back", lan, {"reason": "dose", "note": "Liều <quá> cao?"})
    assert "Liều &lt;quá&gt; cao?" in text_of(sent)
    assert "Đã trả lại bác sĩ" in text_of(sent)
    client.force_login(place.users["doctor"])
    assert "Nhà thuốc trả đơn" in text_of(client.get(reverse("doctor")))
    assert "Liều &lt;quá&gt; cao?" in text_of(client.get(reverse("doctor-visit", args=[lan.visit_id])))
    client.force_login(place.users["pharmacist"])
    assert "Ghi lý do rút" in text_of(send(window, "withdraw", lan))
    send(window, "withdraw", lan, {"withdrawn_note": "BS giữ nguyên liều"})
    assert standing_refusal(lan) is None
    assert send(window, "withdraw", lan, {"withdrawn_note": "x"}).status_code == 404


def test_what_was_told_is_shown_at_the_next_prescription(window, world, place, lan):
    send(window, "hand-out", lan, typed(lan, reason="declined"))
    done = Dispense.objects.get()
    assert send(window, "counsel", done).status_code == 422
    told = send(window, "counsel", done, {"told": ["Uống sau khi ăn no"], "counselling": "Tái khám nếu mệt"})
    assert Counselling.objects.get().text == "Uống sau khi ăn no\nTái khám nếu mệt"
    assert "Tái khám nếu mệt" in text_of(told)
    other = shelf.someone_prescription(world, place, "Người Khác", (AMLODIPIN, 1))
    assert "Tái khám nếu mệt" not in text_of(open_page(window, other))
    other.visit.patient = lan.visit.patient
    other.visit.save()
    assert "Tái khám nếu mệt" in text_of(open_page(window, other))


def test_a_return_is_taken_and_undone(window, place, store, lan):
    send(window, "hand-out", lan, typed(lan, reason="declined"))
    done = Dispense.objects.get()
    row = done.lines.get(lot__number="A1")
    assert "Người bệnh có" in text_of(window.get(reverse("dispensing-return", args=[done.pk])))
    assert "Hãy ghi lý do trả lại" in text_of(send(window, "return", done, {f"return-{row.pk}-quantity": "3"}))
    nothing = send(window, "return", done, {"reason": "Dị ứng"})
    assert "Hãy gõ số lượng trả lại" in text_of(nothing)
    fields = {"reason": "Dị ứng", f"return-{row.pk}-quantity": "3", f"return-{row.pk}-is_intact": "on"}
    assert "Đã nhận thuốc trả lại, phiếu TL26-000001" in text_of(send(window, "return", done, fields))
    assert shelf.on_hand(store)["A1"] == 93
    made = PatientReturn.objects.get()
    assert send(window, "take-back", done, {"reason": "x"}).status_code == 422
    assert send(window, "return-undo", made, {"reason": ""}).status_code == 422
    assert "Đã hủy phiếu trả lại" in text_of(send(window, "return-undo", made, {"reason": "Nhầm người"}))
    assert shelf.on_hand(store)["A1"] == 90
