"""The papers of the stores by keyboard alone: a receipt, a draft that survives, a request, goods on their way."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
import time_machine
from playwright.sync_api import Page, Response, expect

from pharmacy.models import Lot, StockDocument, StockDraft, StockRequest, Store
from pharmacy.queries import balance_differences
from tests.cast import World, at
from tests.e2e.test_walk import Desks, choose, desks
from tests.pharmacy import shelf

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
__all__ = ["desks"]
LOT = "L'26-07"


@pytest.fixture
def stores(world: World) -> Iterator[tuple[Store, Store]]:
    """The main store and the cabinet of the ward."""
    main, ward = shelf.main_store(world.hospital), shelf.cabinet(world.hospital)
    shelf.receive(world.hospital, main, shelf.goods(world, world.hospital, lot=LOT))
    with time_machine.travel(at(9), tick=True):
        yield main, ward


def test_a_receipt_is_typed_posted_and_reversed(stores: tuple[Store, Store], desks: Desks) -> None:
    page, hands = desks.open("keeper.bv", "stock")
    hands.press("F2")
    expect(page.locator("button[data-focus]")).to_be_focused()
    hands.press("Enter")
    page.locator("[name=invoice_number]").focus()
    hands.type("0000123")
    page.locator("[name=lines-0-text]").focus()
    before = hands.strokes
    for lot, expiry in (("A1", "31122027"), ("A2", "30062028")):
        choose(page, hands, "amlo")
        hands.type(lot).press("Enter").type(expiry).press("Enter").type("50").press("Enter", "Enter").type("250")
        hands.press("Enter").type("5").press("Enter", "Enter", "Enter")
    assert hands.strokes - before <= 70, "two rows of a delivery note"
    expect(page.locator("[name=lines-2-text]")).to_be_focused()
    expect(page.locator("[name=lines-0-registration_no]")).to_have_value("VD-99001-26")
    expect(page.locator("[name=lines-0-expires_on]")).to_have_value("31/12/2027")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã ghi sổ PN26-000002: 2 dòng, 25.000 đ")
    assert Lot.objects.get(number="A2").bid_info == "99/QĐ-SYT;G1;N4;2026"


def test_what_is_typed_is_kept_without_saving(stores: tuple[Store, Store], desks: Desks) -> None:
    page, hands = desks.open("pharmacist.bv", "stock-new")
    hands.press("Alt+h")
    expect(page.locator("h1")).to_have_text("Phiếu hao hụt")
    page.locator("[name=lines-0-text]").focus()
    choose(page, hands, "para")
    kept = StockDraft.objects.get()
    with page.expect_response(lambda answer: b'quantity"\r\n\r\n3\r\n' in sent(answer)):
        hands.type("3").press("Tab")
    expect(page.locator("[data-draft-state]")).to_contain_text("Đã lưu nháp")
    page.goto(page.url)
    expect(page.locator("[name=lines-0-quantity]")).to_have_value("3")
    expect(page.locator("[name=lines-0-text]")).to_have_value(f"Paracetamol 500mg · lô {LOT} · 31/12/2027")
    hands.press("F9")
    expect(page.locator("[role=alert].summary")).to_contain_text("Hãy ghi lý do")
    assert all("422" in text for text in desks.wrong), "the browser notes the refusal, nothing else"
    desks.wrong.clear()
    page.locator("[name=reason]").focus()
    hands.type("Vỡ").press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã ghi sổ HH26-000001")
    kept.refresh_from_db()
    assert kept.state == "posted"


def test_from_the_request_of_a_ward_to_its_cabinet(stores: tuple[Store, Store], desks: Desks, world: World) -> None:
    main, ward = stores
    ask(desks, ward)
    request = StockRequest.objects.get()
    page, hands = desks.open("head.bv", "stock-requests")
    page.locator(f"text={request.number}").focus()
    hands.press("Enter")
    expect(page.locator("input[name^=approved_]")).to_be_focused()
    hands.type("20").press("F9")
    expect(page.locator("#messages")).to_contain_text("đã duyệt")
    page, hands = desks.open("keeper.bv", "stock-requests")
    page.goto(f"{page.url}?state=approved")
    page.locator(f"text={request.number}").focus()
    hands.press("Enter")
    expect(page.locator("h1")).to_contain_text(request.number)
    hands.press("F9")
    expect(page.locator("[name=lines-0-quantity]")).to_have_value("20")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã ghi sổ XC26-000001")
    receive(desks)
    assert shelf.on_hand(ward) == {LOT: Decimal(18)}
    assert shelf.on_hand(main) == {LOT: Decimal(80)}
    assert balance_differences(world.hospital.facility) == []


def sent(answer: Response) -> bytes:
    """What the page sent for an answer."""
    return answer.request.post_data_buffer or b""


def ask(desks: Desks, ward: Store) -> None:
    page, hands = desks.open("nurse.bv", "stock")
    hands.press("F6")
    expect(page.locator("h1")).to_have_text("Phiếu lĩnh")
    hands.press("Alt+p")
    expect(page.locator("[name=store]")).to_have_value(str(ward.pk))
    page.locator("[name=lines-0-text]").focus()
    choose(page, hands, "para")
    hands.type("30").press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã gửi phiếu lĩnh PL26-000001")


def receive(desks: Desks) -> None:
    """The nurse takes what came; what is missing stays on its way."""
    page, hands = desks.open("nurse.bv", "stock-transit")
    page.locator("button:has-text('Nhận hàng')").focus()
    hands.press("Enter")
    page.locator("[name=lines-0-quantity]").focus()
    page.locator("[name=lines-0-quantity]").select_text()
    hands.type("18").press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã ghi sổ NC26-000001")
    assert StockDocument.objects.filter(kind="arrival").count() == 1
    pictured(page)


def pictured(page: Page) -> None:
    """The rest is still seen to be on its way."""
    page.goto(page.url.split("/stock/")[0] + "/stock/transit/")
    expect(page.locator("td.strong")).to_have_text("2")
