"""The store keeper's lists: what expires, what there is, cards, lots, stores; how few queries they need."""

from datetime import timedelta

import pytest
from django.urls import reverse

from pharmacy.models import Lot, Store
from tests.cast import DAY, at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import PARACETAMOL
from tests.pharmacy.stock_desk import text_of
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


def test_the_desk_opens_with_what_expires_first(desk, world, place, store):
    early = at(6, day=DAY - timedelta(days=30))
    for number, days in (("GẦN", 20), ("HẾT", -1), ("XA-400", 400)):
        line = shelf.goods(world, place, lot=number, expires_on=DAY + timedelta(days=days))
        shelf.receive(place, store, line, when=early)
    page = text_of(desk.get(reverse("stock")))
    assert page.index("HẾT") < page.index("GẦN")
    assert "XA-400" not in page
    assert "XA-400" in text_of(desk.get(reverse("stock"), {"within": "3650"}))


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


def test_a_lot_is_blocked_and_released(desk, world, place, store):
    shelf.receive(place, store, shelf.goods(world, place))
    pk = shelf.lot("L1").pk
    address = reverse("stock-lot-block", args=[pk])
    assert 'name="action" value="block"' in text_of(desk.get(reverse("stock-lot", args=[pk])))
    recall = {"reason": "Thu hồi", "action": "block"}
    assert "đã khóa" in text_of(desk.post(address, recall, follow=True))
    assert Lot.objects.get(pk=pk).is_blocked
    again = desk.post(address, recall)
    assert (again.status_code, "đang bị khóa rồi" in text_of(again)) == (409, True), "a stale page releases nothing"
    assert desk.post(address, {"reason": "Thu hồi"}).status_code == 422
    assert Lot.objects.get(pk=pk).is_blocked
    assert 'name="action" value="release"' in text_of(again)
    assert "Hãy ghi lý do" in text_of(desk.post(address, {"reason": "", "action": "release"}))
    desk.post(address, {"reason": "Đạt", "action": "release"})
    assert not Lot.objects.get(pk=pk).is_blocked


def test_stores_are_listed_and_made(desk, place):
    typed_store = {"code": "T'1", "name": "Tủ <trực>", "kind": "cabinet"}
    assert "Hãy chọn khoa của tủ trực" in text_of(desk.post(reverse("stock-stores"), typed_store))
    typed_store["department"] = place.departments["K02"].pk
    made = text_of(desk.post(reverse("stock-stores"), typed_store, follow=True))
    assert "Tủ &lt;trực&gt;" in made
    assert "<td>Hồi sức cấp cứu</td>" in made
    again = desk.post(reverse("stock-stores"), {"code": "T'1", "name": "Kho khác", "kind": "main"})
    assert (again.status_code, "Đã có kho mang mã" in text_of(again)) == (409, True)
    assert Store.objects.count() == 1


def test_the_search_boxes_say_what_is_left(desk, world, place, store):
    shelf.receive(place, store, shelf.goods(world, place, quantity=12))
    early = at(6, day=DAY - timedelta(days=30))
    other = shelf.main_store(place)
    shelf.receive(place, other, shelf.goods(world, place, lot="CŨ", expires_on=DAY - timedelta(days=1)), when=early)
    shelf.receive(place, other, shelf.goods(world, place, lot="GẦN", expires_on=DAY + timedelta(days=1)))
    page = text_of(desk.get(reverse("stock-drug-options"), {"q": "paracetamol 500"}))
    assert "Viên · tồn 12" in page
    assert 'data-fill-unit="Viên"' in page
    assert 'data-fill-registration="VD-99001-26"' in page
    found = text_of(desk.get(reverse("stock-lot-options"), {"q": "para", "store": store.pk}))
    assert "lô L1" in found
    assert "còn 12 Viên" in found
    assert "CŨ" not in text_of(desk.get(reverse("stock-lot-options"), {"q": "", "store": other.pk}))
    everything = text_of(desk.get(reverse("stock-lot-options"), {"q": "", "store": other.pk, "all": "1"}))
    assert everything.index("lô CŨ") < everything.index("lô GẦN"), "first expired first"
    assert "hết hạn" in everything
    assert "lô" not in text_of(desk.get(reverse("stock-lot-options"), {"q": "L1", "store": "9" * 30}))


def test_a_reader_sees_stock_but_no_forms(client, world, place, store):
    document = shelf.receive(place, store, shelf.goods(world, place))
    client.force_login(place.users["doctor"])
    lot = shelf.lot("L1")
    page = text_of(client.get(reverse("stock-lot", args=[lot.pk])))
    assert "Ghi hao hụt" not in page
    assert "Hủy chứng từ" not in text_of(client.get(reverse("stock-document", args=[document.pk])))
    for url in (
        reverse("stock-draft-start"),
        reverse("stock-document-reverse", args=[document.pk]),
        reverse("stock-request-new"),
    ):
        assert client.post(url, {"reason": "x"}).status_code == 403
    assert client.post(reverse("stock-stores"), {"code": "x", "name": "x", "kind": "main"}).status_code == 403
    client.force_login(place.users["reception"])
    assert client.get(reverse("stock")).status_code == 403
    assert client.get(reverse("dispensing")).status_code == 403


def test_lists_read_a_fixed_number_of_queries(desk, world, place, store, django_assert_max_num_queries):
    lines = [shelf.goods(world, place, lot=f"L{i}", expires_on=DAY + timedelta(days=i)) for i in range(30)]
    shelf.receive(place, store, *lines)
    for name, most in (
        ("stock", 15),
        ("stock-drugs", 11),
        ("stock-documents", 13),
        ("stock-transit", 12),
        ("stock-requests", 12),
    ):
        with django_assert_max_num_queries(most):
            assert desk.get(reverse(name)).status_code == 200
    with django_assert_max_num_queries(13):
        desk.get(reverse("stock-card", args=[world.drug(place, PARACETAMOL).pk]))
