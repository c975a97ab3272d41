"""A stock-take by keyboard in a real browser: open, download the sheet, hand it in, count again, approve, post."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from pharmacy.models import StockCount, Store
from pharmacy.queries import balance_differences
from tests.browser import Hands
from tests.cast import World, at
from tests.e2e.test_walk import Desks, desks  # noqa: F401 - a fixture
from tests.e2e.test_workbench import fits
from tests.pharmacy import board, shelf

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def store(world: World) -> Iterator[Store]:
    """Three lots on the shelf, in the morning of the test day."""
    store = shelf.dispensary(world.hospital)
    lots = (("A", 100), ("B'<1>", 50), ("C", 20))
    shelf.receive(world.hospital, store, *(shelf.goods(world, world.hospital, lot=x, quantity=q) for x, q in lots))
    with time_machine.travel(at(8, 30), tick=True):
        yield store


def test_from_opening_to_posting(world: World, store: Store, desks: Desks, tmp_path: Path) -> None:  # noqa: F811
    page, hands = desks.open("pharmacist.bv", "stock-counts")
    open_it(page, hands)
    fill_sheet(page, hands, tmp_path, desks)
    type_figures(page, hands)
    count_again(page, hands)
    give_reason(page, hands)
    approve(desks)
    post(page, hands)
    assert shelf.on_hand(store) == {"A": Decimal(98), "B'<1>": Decimal(50), "C": Decimal(20)}
    assert balance_differences(world.hospital.facility) == []
    assert StockCount.objects.get().state == "posted"


def open_it(page: Page, hands: Hands) -> None:
    hands.press("Alt+m")
    expect(page.locator("h1")).to_have_text("Mở đợt kiểm kê")
    fits(page)
    page.locator("#id_members-0-name").focus()
    hands.type("Phan Giám Đốc")
    hands.press("Enter")
    hands.type("Giám đốc")
    page.locator("#id_members-2-name").focus()
    hands.type("Mai Thi Duoc")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã mở đợt KK26-000001, chốt sổ 3 lô")
    fits(page)


def fill_sheet(page: Page, hands: Hands, folder: Path, desks: Desks) -> None:  # noqa: F811
    """The blind sheet as a file: lot A is two short; first with a changed key, then right."""
    with page.expect_download() as got:
        hands.press("Alt+x")
    path = folder / "dem.xlsx"
    got.value.save_as(path)
    book = load_workbook(path)
    sheet = book.worksheets[0]
    columns = {cell.value: cell.column for cell in sheet[board.HEADER]}
    assert "Tồn sổ" not in columns
    sheet.cell(6, columns["Số đếm (còn tốt)"]).value = 98
    key = sheet.cell(6, 1).value
    sheet.cell(6, 1).value = key + "0"
    book.save(path)
    hand_in(page, hands, path)
    expect(page.locator("main")).to_contain_text("Khóa dòng đã bị sửa")
    desks.wrong.clear()  # the refusal
    fits(page)
    sheet.cell(6, 1).value = key
    book.save(path)
    hand_in(page, hands, path)
    expect(page.locator("#messages")).to_contain_text("Đã nhận phiếu dem.xlsx: ghi 1 số đếm")
    hand_in(page, hands, path)
    expect(page.locator("#messages")).to_contain_text("không có gì thay đổi")


def hand_in(page: Page, hands: Hands, path: Path) -> None:
    page.locator("#id_file").set_input_files(path)  # the file dialog belongs to the system
    hands.press("Alt+p")


def type_figures(page: Page, hands: Hands) -> None:
    """The other lots on screen: number, Enter, number, Enter."""
    hands.press("Alt+n")
    expect(page.locator("h1")).to_contain_text("Đếm lần 1")
    fits(page)
    cells = page.locator("td.saved")
    page.locator("main tbody tr").nth(1).locator("input").first.focus()
    hands.type("50")
    hands.press("Enter")
    expect(cells.nth(1)).to_contain_text("Đã ghi 50")
    expect(page.locator("main tbody tr").nth(2).locator("input").first).to_be_focused()
    hands.type("20")
    hands.press("F9")  # also what was typed last, before its cell was left
    expect(page.locator("#messages")).to_contain_text("Đã ghi số đếm lần 1")
    expect(page.locator("main")).to_contain_text("Cần đếm lại")


def count_again(page: Page, hands: Hands) -> None:
    page.locator("a", has_text="đếm lần 2").focus()
    hands.press("Enter")
    expect(page.locator("h1")).to_contain_text("Đếm lần 2")
    expect(page.locator("main tbody tr")).to_have_count(1)
    page.locator("main tbody input").first.focus()
    hands.type("98")
    hands.press("Enter")
    expect(page.locator("td.saved").first).to_contain_text("Đã ghi 98")
    hands.press("F9")


def give_reason(page: Page, hands: Hands) -> None:
    page.locator("[name^=reason-]").focus()
    hands.type("Cap nham lo")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã lưu 1 lý do")
    fits(page)


def approve(desks: Desks) -> None:  # noqa: F811
    page, hands = desks.open("manager.bv", "stock-counts")
    page.locator("a.row-link").first.focus()
    hands.press("Enter")
    expect(page.locator("#id_proposal")).to_be_visible()
    fits(page)
    hands.press("F9")
    page.locator("[data-yes]").click()
    expect(page.locator("#messages")).to_contain_text("Đã duyệt đợt KK26-000001")


def post(page: Page, hands: Hands) -> None:
    page.reload()
    hands.press("F9")
    page.locator("[data-yes]").click()
    expect(page.locator("#messages")).to_contain_text("Đã ghi sổ đợt KK26-000001: phiếu KH26-000001")
    fits(page)
    page.locator("a.row-link").first.focus()
    hands.press("Enter")
    expect(page.locator("main")).to_contain_text("Sổ lúc đếm")
    fits(page)
