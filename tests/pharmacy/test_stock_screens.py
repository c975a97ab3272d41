"""The store keeper's screens: expiring first, stock, cards, lots, goods in, documents."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from pharmacy.models import Lot, StockDocument, Store
from tests.cast import DAY, at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL


@pytest.fixture
def place(world):
    return world.hospital


@pytest.fixture
def store(place):
    return shelf.dispensary(place)


@pytest.fixture
def desk(client, place, time_machine):
    time_machine.move_to(at(10), tick=False)
    client.force_login(place.users["pharmacist"])
    return client


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def typed(store, *rows: dict[str, str], **head: str) -> dict[str, str]:
    """What the browser sends for a receipt."""
    data = {
        "store": str(store.pk),
        "idempotency_key": "k",
        "lines-TOTAL_FORMS": str(len(rows)),
        "lines-INITIAL_FORMS": "0",
        **head,
    }
    usual = {
        "drug": PARACETAMOL,
        "lot_number": "L1",
        "expires_on": "31122027",
        "quantity": "1.000",
        "unit_cost": "150",
    }
    for index, row in enumerate(rows):
        data |= {f"lines-{index}-{name}": value for name, value in {**usual, **row}.items()}
    return data


def test_goods_in_are_stored_as_typed(desk, store):
    rows = [{}, {"drug": AMLODIPIN, "lot_number": "A'<1>", "quantity": "0,5", "unit_cost": "250,5"}]
    blank = dict.fromkeys(("drug", "lot_number", "expires_on", "quantity", "unit_cost"), "")
    answer = desk.post(
        reverse("stock-receipt"),
        typed(store, *rows, blank, supplier="Cty 'Thí Dụ' <A&B>", reference="HĐ 01"),
        follow=True,
    )
    page = text_of(answer)
    assert "Đã nhập kho PN26-000001: 2 dòng, 150.125 đ" in page
    assert shelf.on_hand(store) == {"L1": Decimal(1000), "A'<1>": Decimal("0.5")}
    assert StockDocument.objects.get().supplier == "Cty 'Thí Dụ' <A&B>"
    assert "A&#x27;&lt;1&gt;" in page
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
        ({"drug": "", "drug_text": "amlo"}, 'value="amlo"'),
        ({"drug": ""}, "Hãy chọn thuốc trong gợi ý"),
        ({"drug": "KHÔNG'CÓ"}, "không có trong danh mục"),
        ({"lot_number": " "}, "Hãy gõ số lô"),
        ({"unit_cost": "-1"}, "Đơn giá không âm"),
    ],
)
def test_a_slip_is_said_beside_the_field_and_nothing_typed_is_lost(desk, store, row, message):
    answer = desk.post(reverse("stock-receipt"), typed(store, {"lot_number": "GIỮ'LẠI", **row}, reference="HĐ <7>"))
    assert answer.status_code == 422
    page = text_of(answer)
    assert message in page
    assert "HĐ &lt;7&gt;" in page
    assert row.get("lot_number") or "GIỮ&#x27;LẠI" in page
    assert not StockDocument.objects.exists()


def test_ten_times_is_asked_about_and_stored_when_confirmed(desk, world, place, store):
    shelf.receive(place, store, shelf.goods(world, place, lot="CŨ"))
    odd = typed(store, {"unit_cost": "1500"})
    asked = desk.post(reverse("stock-receipt"), odd)
    assert asked.status_code == 422
    assert "lệch từ 10 lần" in text_of(asked)
    assert "vẫn nhập kho" in text_of(asked)
    desk.post(reverse("stock-receipt"), {**odd, "confirm_unusual": "on"})
    assert "L1" in shelf.on_hand(store)


def test_an_empty_receipt_is_refused(desk, store):
    answer = desk.post(reverse("stock-receipt"), {**typed(store), "lines-TOTAL_FORMS": "0"})
    assert answer.status_code == 422
    assert "chưa có dòng thuốc nào" in text_of(answer)


def test_a_receipt_sent_twice_is_stored_once(desk, store):
    for _ in range(2):
        desk.post(reverse("stock-receipt"), typed(store, {}))
    assert StockDocument.objects.count() == 1


def test_the_desk_opens_with_what_expires_first(desk, world, place, store):
    early = at(6, day=DAY - timedelta(days=30))
    for number, days in (("GẦN", 20), ("HẾT", -1), ("XA", 400)):
        line = shelf.goods(world, place, lot=number, expires_on=DAY + timedelta(days=days))
        shelf.receive(place, store, line, when=early)
    page = text_of(desk.get(reverse("stock")))
    assert page.index("HẾT") < page.index("GẦN")
    assert "XA" not in page
    assert "XA" in text_of(desk.get(reverse("stock"), {"within": "3650"}))


def test_on_hand_and_usable_are_told_apart(desk, world, place, store):
    early = at(6, day=DAY - timedelta(days=30))
    shelf.receive(place, store, shelf.goods(world, place, expires_on=DAY - timedelta(days=1)), when=early)
    shelf.receive(place, store, shelf.goods(world, place, lot="L2", quantity=7))
    (row,) = desk.get(reverse("stock-drugs"), {"q": "PARACETAMOL"}).context["page"].object_list
    assert (row.on_hand, row.usable, row.expired) == (107, 7, 100)
    assert list(desk.get(reverse("stock-drugs"), {"q": "không có"}).context["page"].object_list) == []


def test_the_next_page_keeps_the_filters(desk, world, place, store):
    shelf.receive(place, store, *(shelf.goods(world, place, lot=f"L{i}") for i in range(60)))
    page = text_of(desk.get(reverse("stock"), {"within": "3650", "store": store.pk}))
    assert f'href="?within=3650&amp;store={store.pk}&amp;page=2"' in page
    second = desk.get(reverse("stock"), {"within": "3650", "store": store.pk, "page": "2"})
    assert len(second.context["lines"]) == 10


def test_the_card_page_shows_opening_and_closing(desk, world, place, store):
    shelf.receive(place, store, shelf.goods(world, place))
    url = reverse("stock-card", args=[world.drug(place, PARACETAMOL).pk])
    page = desk.get(url, {"from": "01102026", "to": "31102026", "store": store.pk})
    assert (page.context["card"].opening, page.context["card"].closing) == (0, 100)
    assert desk.get(url, {"from": "rác", "to": "32132026"}).status_code == 200


def test_a_lot_is_moved_lost_and_blocked(desk, world, place, store):
    main = shelf.main_store(place)
    shelf.receive(place, main, shelf.goods(world, place))
    pk = shelf.lot("L1").pk
    move = {"store": main.pk, "target_store": store.pk, "quantity": "40", "idempotency_key": "m"}
    desk.post(reverse("stock-lot-transfer", args=[pk]), move)
    lose = {"store": store.pk, "quantity": "1", "reason": "Vỡ 'một' <viên>", "idempotency_key": "l"}
    desk.post(reverse("stock-lot-loss", args=[pk]), lose)
    assert (shelf.on_hand(main), shelf.on_hand(store)) == ({"L1": Decimal(60)}, {"L1": Decimal(39)})
    too_much = desk.post(reverse("stock-lot-loss", args=[pk]), {**lose, "quantity": "40", "idempotency_key": "n"})
    assert too_much.status_code == 422
    assert "chỉ còn 39" in text_of(too_much)
    same = desk.post(
        reverse("stock-lot-transfer", args=[pk]), {**move, "target_store": main.pk, "idempotency_key": "s"}
    )
    assert "Kho nhận phải khác kho chuyển" in text_of(same)
    blocked = desk.post(reverse("stock-lot-block", args=[pk]), {"reason": "Thu hồi"}, follow=True)
    assert "đã khóa" in text_of(blocked)
    assert Lot.objects.get(pk=pk).is_blocked
    desk.post(reverse("stock-lot-block", args=[pk]), {"reason": "Đạt"})
    assert not Lot.objects.get(pk=pk).is_blocked


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


def test_stores_are_listed_and_made(desk, place):
    made = desk.post(reverse("stock-stores"), {"code": "T'1", "name": "Tủ <trực>", "kind": "cabinet"}, follow=True)
    assert "Tủ &lt;trực&gt;" in text_of(made)
    again = desk.post(reverse("stock-stores"), {"code": "T'1", "name": "Tủ khác", "kind": "cabinet"})
    assert (again.status_code, "Đã có kho mang mã" in text_of(again)) == (409, True)
    assert Store.objects.count() == 1


def test_the_drug_box_says_what_is_left(desk, world, place, store):
    shelf.receive(place, store, shelf.goods(world, place, quantity=12))
    page = text_of(desk.get(reverse("stock-receipt-drugs"), {"q": "paracetamol 500"}))
    assert "Viên · tồn 12" in page
    assert 'data-fill-unit="Viên"' in page


def test_a_reader_sees_stock_but_no_forms(client, world, place, store):
    document = shelf.receive(place, store, shelf.goods(world, place))
    client.force_login(place.users["doctor"])
    lot = shelf.lot("L1")
    page = text_of(client.get(reverse("stock-lot", args=[lot.pk])))
    assert "Ghi hao hụt" not in page
    assert "Hủy chứng từ" not in text_of(client.get(reverse("stock-document", args=[document.pk])))
    for url in (
        reverse("stock-lot-loss", args=[lot.pk]),
        reverse("stock-document-reverse", args=[document.pk]),
        reverse("stock-receipt"),
    ):
        assert client.post(url, {"reason": "x"}).status_code == 403
    assert client.post(reverse("stock-stores"), {"code": "x", "name": "x", "kind": "main"}).status_code == 403
    client.force_login(place.users["reception"])
    assert client.get(reverse("stock")).status_code == 403
    assert client.get(reverse("dispensing")).status_code == 403


def test_lists_read_a_fixed_number_of_queries(desk, world, place, store, django_assert_max_num_queries):
    lines = [shelf.goods(world, place, lot=f"L{i}", expires_on=DAY + timedelta(days=i)) for i in range(30)]
    shelf.receive(place, store, *lines)
    for name, most in (("stock", 12), ("stock-drugs", 11), ("stock-documents", 12)):
        with django_assert_max_num_queries(most):
            assert desk.get(reverse(name)).status_code == 200
    with django_assert_max_num_queries(13):
        desk.get(reverse("stock-card", args=[world.drug(place, PARACETAMOL).pk]))
