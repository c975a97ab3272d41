"""The store keeper's screens: expiring first, stock, cards, lots, goods in, documents."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from pharmacy.models import Lot, StockDocument, StockDraft, StockRequest
from pharmacy.services.stock import reverse_document
from tests.cast import at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL
from tests.pharmacy.stock_desk import begin, post, text_of, typed
from tests.scenes import scene


@scene
def place(world):
    return world.hospital


@scene
def store(place):
    return shelf.dispensary(place)


@pytest.fixture
def desk(client, place, time_machine):
    time_machine.move_to(at(10), tick=False)
    client.force_login(place.users["pharmacist"])
    return client


def test_goods_in_are_stored_as_typed(desk, store):
    rows = [
        {"invoice_quantity": "1.200", "vat_rate": "5", "registration_no": "VD-1", "bid_info": "Gói <1>"},
        {"drug": AMLODIPIN, "lot_number": "A'<1>", "quantity": "0,5", "unit_cost": "250,5"},
    ]
    blank = dict.fromkeys(("drug", "lot_number", "expires_on", "quantity", "unit_cost"), "")
    head = {"supplier": "Cty 'Thí Dụ' <A&B>", "invoice_number": "01", "invoice_symbol": "1C26TAA", "funding": "aid"}
    board = {"name_0": "Đinh Thị Khoa", "title_0": "Trưởng khoa Dược", "title_1": "Thủ kho", "temperature": "25 °C"}
    answer = post(desk, begin(desk), typed(store, *rows, blank, **head, **board), follow=True)
    page = text_of(answer)
    assert "Đã ghi sổ PN26-000001: 2 dòng, 150.125 đ" in page
    assert shelf.on_hand(store) == {"L1": Decimal(1000), "A'<1>": Decimal("0.5")}
    document = StockDocument.objects.get()
    assert (document.supplier, document.reference) == ("Cty 'Thí Dụ' <A&B>", "1C26TAA 01")
    assert document.detail.board == [{"name": "Đinh Thị Khoa", "title": "Trưởng khoa Dược"}]
    for shown in ("A&#x27;&lt;1&gt;", "Gói &lt;1&gt;", "1.200", "lệch", "Viện trợ", "25 °C"):
        assert shown in page
    assert Lot.objects.get(number="L1").expires_on == date(2027, 12, 31)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"quantity": "0"}, "Số lượng phải lớn hơn 0"),
        ({"quantity": "-3"}, "Số lượng phải lớn hơn 0"),
        ({"quantity": "mười"}, "Hãy gõ một số"),
        ({"quantity": ""}, "Hãy gõ số lượng"),
        ({"expires_on": "30022027"}, "Ngày không có thật"),
        ({"expires_on": "05102026"}, "đã hết hạn"),
        ({"drug": "", "text": "amlo"}, 'value="amlo"'),
        ({"drug": ""}, "Hãy chọn thuốc trong gợi ý"),
        ({"drug": "KHÔNG'CÓ"}, "không có trong danh mục"),
        ({"lot_number": " "}, "Hãy gõ số lô"),
        ({"unit_cost": "-1"}, "Đơn giá không âm"),
        ({"vat_rate": "101"}, "Thuế suất từ 0 đến 100"),
    ],
)
def test_a_slip_is_said_beside_the_field_and_nothing_typed_is_lost(desk, store, row, message):
    answer = post(desk, begin(desk), typed(store, {"lot_number": "GIỮ'LẠI", **row}, supplier="Cty <7>"))
    assert answer.status_code == 422
    page = text_of(answer)
    assert message in page
    assert "Cty &lt;7&gt;" in page
    assert row.get("lot_number") or "GIỮ&#x27;LẠI" in page
    assert not StockDocument.objects.exists()


def test_ten_times_is_asked_about_and_stored_when_confirmed(desk, world, place, store):
    shelf.receive(place, store, shelf.goods(world, place, lot="CŨ"))
    odd, pk = typed(store, {"unit_cost": "1500"}), begin(desk)
    asked = post(desk, pk, odd)
    assert asked.status_code == 422
    assert "lệch từ 10 lần" in text_of(asked)
    assert "vẫn ghi sổ" in text_of(asked)
    post(desk, pk, {**odd, "confirm_unusual": "on"})
    assert "L1" in shelf.on_hand(store)


def test_a_clock_that_is_behind_is_asked_about_and_its_prices_all_the_same(desk, world, place, store):
    """Who confirms the time has not confirmed the price."""
    later = timezone.now() + timedelta(days=40)
    shelf.receive(place, store, shelf.goods(world, place, lot="CŨ"), when=later)
    odd, pk = typed(store, {"unit_cost": "1500"}), begin(desk)
    asked = text_of(post(desk, pk, odd))
    assert "xác nhận nếu giờ máy đúng" in asked
    assert 'name="confirm_clock"' in asked
    assert 'name="confirm_unusual"' not in asked
    again = text_of(post(desk, pk, {**odd, "confirm_clock": "on"}))
    assert "lệch từ 10 lần" in again
    assert '<input type="hidden" name="confirm_clock" value="on">' in again
    post(desk, pk, {**odd, "confirm_clock": "on", "confirm_unusual": "on"})
    assert "L1" in shelf.on_hand(store)


def test_an_empty_receipt_is_refused(desk, store):
    answer = post(desk, begin(desk), {**typed(store), "lines-TOTAL_FORMS": "0"})
    assert answer.status_code == 422
    assert "chưa có dòng thuốc nào" in text_of(answer)


def test_a_receipt_sent_twice_is_stored_once(desk, store):
    pk = begin(desk)
    assert post(desk, pk, typed(store, {})).status_code == 302
    assert post(desk, pk, typed(store, {})).status_code == 409
    assert StockDocument.objects.count() == 1
    assert desk.get(reverse("stock-draft", args=[pk])).status_code == 302


def test_a_draft_is_kept_by_itself_reopened_and_put_away(desk, place, store, client):
    pk = begin(desk)
    half = typed(
        store,
        {"drug": "", "text": "para", "expires_on": "3002", "quantity": "", "unit_cost": "", "lot_number": "L'9"},
        {"DELETE": "on", "lot_number": "BỎ"},
        supplier="Cty A",
    )
    kept = desk.post(reverse("stock-draft-keep", args=[pk]), half)
    assert (kept.status_code, kept.content) == (204, b"")
    line = StockDraft.objects.get(pk=pk).lines.get()
    assert (line.typed, line.lot_number, line.expires_on) == ("para", "L'9", None)
    page = text_of(desk.get(reverse("stock-draft", args=[pk])))
    assert 'value="para"' in page
    assert "L&#x27;9" in page
    assert f"nháp {pk}" in text_of(desk.get(reverse("stock-documents")))
    client.force_login(place.users["keeper"])
    assert "Cty A" in text_of(client.get(reverse("stock-draft", args=[pk])))
    client.post(reverse("stock-draft-discard", args=[pk]))
    assert f"nháp {pk}" not in text_of(client.get(reverse("stock-documents")))
    again = client.post(reverse("stock-draft-keep", args=[pk]), half)
    assert (again.status_code, "đã bỏ" in again.content.decode()) == (409, True)


def test_who_may_not_post_saves_and_is_told_who_does(client, place, store, time_machine):
    time_machine.move_to(at(10), tick=False)
    client.force_login(place.users["nurse"])
    pk = begin(client, "loss")
    page = text_of(client.get(reverse("stock-draft", args=[pk])))
    assert "Người có quyền ghi sổ sẽ ghi sổ" in page
    assert "Ghi sổ <kbd>F9</kbd>" not in page
    assert client.post(reverse("stock-draft-start"), {"kind": "dispense"}).status_code == 404


def test_a_transfer_from_a_lot_to_the_end(desk, world, place, store):
    main = shelf.main_store(place)
    shelf.receive(place, main, shelf.goods(world, place))
    lot = shelf.lot("L1")
    pk = begin(desk, "transfer", lot=lot.pk)
    page = text_of(desk.get(reverse("stock-draft", args=[pk])))
    assert "lô L1" in page
    assert ">100</span>" in page, "how much there is stands beside the lot"
    row = {"lines-0-lot": lot.pk, "lines-0-quantity": "40", "lines-TOTAL_FORMS": "1", "lines-INITIAL_FORMS": "0"}
    head = {"store": main.pk, "target_store": main.pk}
    same = post(desk, pk, {**row, **head})
    assert "Kho nhận phải khác kho chuyển" in text_of(same)
    too_much = post(desk, pk, {**row, **head, "target_store": store.pk, "lines-0-quantity": "101"})
    assert too_much.status_code == 422
    assert 'id="id_lines-0-quantity_error">' in text_of(too_much)
    assert "chỉ còn 100" in text_of(too_much)
    post(desk, pk, {**row, **head, "target_store": store.pk})
    assert (shelf.on_hand(main), shelf.on_hand(store)) == ({"L1": Decimal(60)}, {"L1": Decimal(40)})


def test_goods_on_their_way_are_seen_received_in_part_and_written_off(desk, world, place, store):
    main = shelf.main_store(place)
    shelf.receive(place, main, shelf.goods(world, place))
    lot = shelf.lot("L1").pk
    rows = {"lines-0-lot": lot, "lines-TOTAL_FORMS": "1", "lines-INITIAL_FORMS": "0"}
    post(desk, begin(desk, "shipment"), {**rows, "lines-0-quantity": "40", "store": main.pk, "target_store": store.pk})
    shipment = StockDocument.objects.get(kind="shipment")
    assert shipment.number in text_of(desk.get(reverse("stock-transit")))
    pk = begin(desk, "arrival", origin=shipment.pk)
    assert 'value="40"' in text_of(desk.get(reverse("stock-draft", args=[pk])))
    post(desk, pk, {**rows, "lines-0-quantity": "37"})
    assert "<b>3</b>" in text_of(desk.get(reverse("stock-document", args=[shipment.pk])))
    lost = begin(desk, "loss", origin=shipment.pk)
    assert "Hãy ghi lý do" in text_of(post(desk, lost, {**rows, "lines-0-quantity": "3"}))
    post(desk, lost, {**rows, "lines-0-quantity": "3", "reason": "Vỡ"})
    assert "Không có hàng đang đi đường" in text_of(desk.get(reverse("stock-transit")))
    assert shelf.on_hand(store) == {"L1": Decimal(37)}


def test_a_receipt_goes_back_to_its_supplier(desk, world, place, store):
    receipt = shelf.receive(place, store, shelf.goods(world, place))
    pk = begin(desk, "supplier_return", origin=receipt.pk)
    data = {"store": store.pk, "lines-0-lot": shelf.lot("L1").pk, "lines-0-quantity": "10", "reason": "Sai"}
    done = post(desk, pk, {**data, "lines-TOTAL_FORMS": "1", "lines-INITIAL_FORMS": "1"}, follow=True)
    assert "Đã ghi sổ TN26-000001: 1 dòng, 1.500 đ" in text_of(done)
    assert desk.post(reverse("stock-draft-start"), {"kind": "arrival", "origin": receipt.pk}).status_code == 404


def test_a_request_from_the_ward_to_the_shipment(desk, client, world, place):
    main, ward = shelf.main_store(place), shelf.cabinet(place)
    shelf.receive(place, main, shelf.goods(world, place))
    client.force_login(place.users["nurse"])
    assert f'value="{ward.pk}" selected' in text_of(client.get(reverse("stock-request-new"))), (
        "her department's cabinet"
    )
    rows = {"lines-0-drug": PARACETAMOL, "lines-0-quantity": "", "lines-TOTAL_FORMS": "1", "lines-INITIAL_FORMS": "0"}
    asked = {"store": ward.pk, "source_store": main.pk, "idempotency_key": "k", "send": "1", **rows}
    wrong = client.post(reverse("stock-request-new"), asked)
    assert (wrong.status_code, "Hãy gõ số lượng" in text_of(wrong)) == (422, True)
    client.post(reverse("stock-request-new"), {**asked, "lines-0-quantity": "30"})
    request = StockRequest.objects.get()
    assert request.state == "sent"
    approve = reverse("stock-request-act", args=[request.pk, "approve"])
    line = request.lines.get().pk
    assert client.post(approve, {f"approved_{line}": "30"}).status_code == 403
    client.force_login(place.users["head"])
    assert request.number in text_of(client.get(reverse("stock-requests")))
    assert "Duyệt nhiều hơn yêu cầu" in text_of(client.post(approve, {f"approved_{line}": "31"}))
    assert "Hãy gõ một số" in text_of(client.post(approve, {f"approved_{line}": "x"}))
    client.post(approve, {f"approved_{line}": "20"})
    client.force_login(place.users["keeper"])
    pk = begin(client, "shipment", request=request.pk)
    draft = StockDraft.objects.get(pk=pk)
    assert (draft.target_store, draft.lines.get().quantity) == (ward, 20)
    data = {"store": main.pk, "target_store": ward.pk, "lines-0-lot": shelf.lot("L1").pk, "lines-0-quantity": "20"}
    post(client, pk, {**data, "lines-TOTAL_FORMS": "1", "lines-INITIAL_FORMS": "1"})
    page = text_of(client.get(reverse("stock-request", args=[request.pk])))
    assert "XC26-000001" in page
    assert "Lập phiếu xuất" not in page, "everything approved was shipped"


def test_a_cabinet_is_handed_over_at_the_screen(client, world, place):
    ward = shelf.cabinet(place)
    shelf.receive(place, ward, shelf.goods(world, place, lot="L'1"))
    client.force_login(place.users["nurse"])
    url, lot = reverse("stock-hand-over", args=[ward.pk]), shelf.lot("L'1").pk
    data = {"taken_by": place.users["doctor"].pk, f"counted_{lot}": "99", "idempotency_key": "k"}
    assert "Hãy gõ số đếm" in text_of(client.post(url, {**data, f"counted_{lot}": ""}))
    unexplained = client.post(url, data)
    assert (unexplained.status_code, "Lệch sổ: hãy ghi chú" in text_of(unexplained)) == (422, True)
    done = client.post(url, {**data, f"note_{lot}": "Vỡ 1"}, follow=True)
    assert "Đã bàn giao Tủ trực Khám bệnh cho Trần Quang Giả" in text_of(done)
    assert "-1" in text_of(done)


def test_the_list_of_documents_is_narrowed(desk, world, place, store):
    kept = shelf.receive(place, store, shelf.goods(world, place))
    gone = shelf.receive(place, store, shelf.goods(world, place, lot="L2"))
    reverse_document(document=gone, reason="Nhầm", actor=place.actor("pharmacist"), at=at(9))
    for query, shown in (
        ({"state": "posted", "kind": "receipt"}, [kept]),
        ({"state": "reversed"}, [gone]),
        ({"number": kept.number}, [kept]),
        ({"from": "07102026"}, []),
        ({"to": "06102026", "kind": "receipt"}, [gone, kept]),
        ({"state": "draft"}, []),
    ):
        assert list(desk.get(reverse("stock-documents"), query).context["page"].object_list) == shown


def test_a_document_is_reversed_with_a_reason(desk, world, place, store):
    document = shelf.receive(place, store, shelf.goods(world, place))
    url = reverse("stock-document-reverse", args=[document.pk])
    assert "Hãy ghi lý do" in text_of(desk.post(url, {"reason": ""}))
    assert "Đã hủy" in text_of(desk.post(url, {"reason": "Nhầm"}, follow=True))
    assert shelf.on_hand(store) == {"L1": Decimal(0)}
    again = desk.post(url, {"reason": "Lần nữa"})
    assert (again.status_code, "đã được hủy" in text_of(again)) == (409, True)
    listed = text_of(desk.get(reverse("stock-documents")))
    assert "HC26-000001" in listed
