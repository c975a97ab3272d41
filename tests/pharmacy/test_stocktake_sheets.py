"""Count sheets as spreadsheets: what may be typed, what changes nothing, and what is refused at its row."""

from datetime import date
from decimal import Decimal

import pytest
from openpyxl import load_workbook

from his.core.errors import Refusal
from pharmacy.count_sheet import SheetProblem
from pharmacy.models import Lot, StockCount, StockCountEntry, StockCountUpload
from pharmacy.queries_stocktake import counted_line
from pharmacy.services.stocktake_sheets import upload_sheet
from tests.cast import at
from tests.pharmacy import board, shelf
from tests.pharmacy.board import Paper
from tests.scenes import scene


@scene
def place(world):
    return world.hospital


@scene
def store(world, place):
    store = shelf.dispensary(place)
    lots = (("A", 100), ("B", 50), ("C'1", 20))
    shelf.receive(place, store, *(shelf.goods(world, place, lot=lot, quantity=q) for lot, q in lots))
    return store


@scene
def count(place, store):
    return board.opened(place, store)


def take(place, count, path, when=None) -> StockCountUpload:
    actor = place.actor("pharmacist")
    return upload_sheet(count=count, path=path, file_name=path.name, actor=actor, at=when or at(11))


def problems(place, count, path) -> list[SheetProblem]:
    with pytest.raises(Refusal) as caught:
        take(place, count, path)
    assert not StockCountEntry.objects.filter(line__count=count).exists()
    return caught.value.facts["problems"]


def entries() -> dict[str, tuple[Decimal, Decimal]]:
    return {
        entry.line.lot.number: (entry.counted, entry.damaged)
        for entry in StockCountEntry.objects.select_related("line__lot")
    }


def test_a_blind_sheet_has_no_book_figure_and_only_the_figures_are_free(place, store, count):
    paper = Paper(count)
    assert "Tồn sổ" not in paper.columns
    assert paper.sheet.protection.sheet
    row = paper.row_of("A")
    free = {name for name, column in paper.columns.items() if not paper.sheet.cell(row, column).protection.locked}
    assert free == {"Số đếm (còn tốt)", "Hỏng, vỡ", "Giờ đếm", "Ghi chú"}
    guided = Paper(board.opened(place, shelf_of_other(place, store), is_blind=False))
    assert guided.sheet.cell(guided.row_of("D"), guided.columns["Tồn sổ"]).value == 30


def shelf_of_other(place, store):
    """Another store with one lot of the same drug."""
    main = shelf.main_store(place)
    drug = Lot.objects.get(number="A").drug
    goods = shelf.GoodsLine(drug, "D", date(2028, 1, 1), Decimal(30), Decimal(150))
    shelf.receive(place, main, goods)
    return main


def test_a_filled_sheet_is_taken_in_once(place, count, tmp_path):
    paper = Paper(count).fill("A", 98, 2).fill("B", "0").fill("C'1", "20", None, "10h05")
    path = paper.save(tmp_path / "dem.xlsx")
    done = take(place, count, path)
    assert (done.recorded, done.unchanged, done.uploaded_by) == (3, 0, place.users["pharmacist"])
    assert entries() == {"A": (98, 2), "B": (0, 0), "C'1": (20, 0)}
    times = dict(StockCountEntry.objects.values_list("line__lot__number", "counted_at"))
    assert times == {"A": at(8), "B": at(8), "C'1": at(10, 5)}
    assert take(place, count, path, at(11, 30)) == done
    paper.sheet["A1"] = "khác"
    again = take(place, count, paper.save(tmp_path / "luu-lai.xlsx"), at(11, 40))
    assert (again.recorded, again.unchanged) == (0, 3)
    paper.fill("B", 50)
    assert take(place, count, paper.save(tmp_path / "sua.xlsx"), at(11, 50)).recorded == 1
    take(place, count, path, at(12))
    assert counted_line(board.line(count, "B")).counted == 50, "the old file again changes nothing"


def test_a_lot_that_moved_needs_its_time(place, store, count, tmp_path):
    board.out(place, store, "A", 10, at(9))
    paper = Paper(count).fill("A", 90).fill("B", 50)
    (one,) = problems(place, count, paper.save(tmp_path / "a.xlsx"))
    assert (one.row, one.column) == (paper.row_of("A"), "Giờ đếm")
    assert "hãy ghi giờ đếm" in one.message_vi
    paper.fill("A", 90, None, "09:30")
    take(place, count, paper.save(tmp_path / "b.xlsx"))
    assert counted_line(board.line(count, "A")).state == "equal"


def test_a_time_says_its_day_when_there_are_two(place, count, tmp_path):
    next_day = at(16, day=date(2026, 10, 7))
    paper = Paper(count).fill("A", 100, None, "14:35")
    with pytest.raises(Refusal) as caught:
        take(place, count, paper.save(tmp_path / "a.xlsx"), next_day)
    assert "hãy ghi cả ngày" in caught.value.facts["problems"][0].message_vi
    paper.fill("A", 100, None, "07/10 14:35").fill("B", 50, None, "18:00")
    take(place, count, paper.save(tmp_path / "b.xlsx"), next_day)
    times = dict(StockCountEntry.objects.values_list("line__lot__number", "counted_at"))
    assert times == {"A": at(14, 35, date(2026, 10, 7)), "B": at(18)}


def test_lots_found_outside_the_book_are_written_below(place, count, tmp_path):
    paper = Paper(count)
    row = paper.free_row()
    for column, value in (
        ("Mã thuốc", "TH0002"),
        ("Số lô", "M'2"),
        ("Hạn dùng", "31/01/2028"),
        ("Số đếm (còn tốt)", 5),
    ):
        paper.put(row, column, value)
    path = paper.save(tmp_path / "a.xlsx")
    take(place, count, path)
    found = board.line(count, "M'2")
    assert (found.is_found, found.position, counted_line(found).counted) == (True, 4, 5)
    paper.put(row, "Số đếm (còn tốt)", 6)
    take(place, count, paper.save(tmp_path / "b.xlsx"), at(11, 30))
    assert count.lines.count() == 4
    for column, value, said in (
        ("Mã thuốc", "TH9999", "không có trong danh mục"),
        ("Số lô", None, "cần mã thuốc, số lô và hạn dùng"),
        ("Hạn dùng", "01/2028", "Hạn dùng ghi dạng"),
    ):
        known = paper.sheet.cell(row, paper.columns[column]).value
        paper.put(row, column, value)
        with pytest.raises(Refusal) as caught:
            take(place, count, paper.save(tmp_path / f"{column[:2]}.xlsx"), at(12))
        (one,) = caught.value.facts["problems"]
        assert (one.row, one.column) == (row, column)
        assert said in one.message_vi
        paper.put(row, column, known)


def spoil_key(paper: Paper, other: Paper) -> None:
    paper.put(paper.row_of("A"), "Khóa dòng", paper.sheet.cell(paper.row_of("A"), 1).value + "0")


def swap_keys(paper: Paper, other: Paper) -> None:
    a, b = paper.row_of("A"), paper.row_of("B")
    keys = paper.sheet.cell(a, 1).value, paper.sheet.cell(b, 1).value
    paper.put(a, "Khóa dòng", keys[1])
    paper.put(b, "Khóa dòng", keys[0])


def key_of_another(paper: Paper, other: Paper) -> None:
    paper.put(paper.row_of("A"), "Khóa dòng", other.sheet.cell(other.row_of("D"), 1).value)


def head_of_another(paper: Paper, other: Paper) -> None:
    paper.sheet["B2"] = other.sheet["B2"].value


def head_changed(paper: Paper, other: Paper) -> None:
    paper.sheet["B2"] = paper.sheet["B2"].value.replace("/3/", "/4/")


def same_row_twice(paper: Paper, other: Paper) -> None:
    first, second = paper.row_of("A"), paper.row_of("B")
    for column in ("Khóa dòng", "Mã thuốc", "Số lô", "Hạn dùng"):
        paper.put(second, column, paper.sheet.cell(first, paper.columns[column]).value)


def in_a(column: str, value: object):
    return lambda paper, other: paper.put(paper.row_of("A"), column, value)


@pytest.mark.parametrize(
    ("spoil", "row", "column", "said"),
    [
        (spoil_key, 6, "Khóa dòng", "Khóa dòng đã bị sửa"),
        (swap_keys, 6, "Số lô", "Không khớp khóa dòng"),
        (key_of_another, 6, "Khóa dòng", "Dòng này của đợt KK26-000002"),
        (head_of_another, 2, "Mã phiếu:", "của đợt KK26-000002, không phải KK26-000001"),
        (head_changed, 2, "Mã phiếu:", "Mã phiếu đã bị sửa"),
        (same_row_twice, 7, "Khóa dòng", "đã có ở dòng khác"),
        (in_a("Số đếm (còn tốt)", "1.500"), 6, "Số đếm (còn tốt)", "Không rõ là phần nghìn"),
        (in_a("Số đếm (còn tốt)", "mười"), 6, "Số đếm (còn tốt)", "không phải là số"),
        (in_a("Số đếm (còn tốt)", -1), 6, "Số đếm (còn tốt)", "từ 0 trở lên"),
        (in_a("Số đếm (còn tốt)", None), 6, "Số đếm (còn tốt)", "không có thì ghi 0"),
        (in_a("Giờ đếm", "7:59"), 6, "Giờ đếm", "phải sau lúc chốt sổ"),
        (in_a("Giờ đếm", "chiều"), 6, "Giờ đếm", "ghi dạng 14:35"),
    ],
)
def test_what_is_wrong_is_said_at_its_row_and_nothing_is_stored(
    place, store, count, tmp_path, spoil, row, column, said
):
    other = Paper(board.opened(place, shelf_of_other(place, store)))
    paper = Paper(count).fill("A", 100, 1).fill("B", 50)
    spoil(paper, other)
    found = problems(place, count, paper.save(tmp_path / "a.xlsx"))
    one = next(one for one in found if one.column == column)
    assert said in one.message_vi
    assert one.row == row
    assert not StockCountUpload.objects.exists()


def test_the_second_sheet_has_only_what_is_counted_again(place, count, tmp_path):
    take(place, count, Paper(count).fill("A", 90).fill("B", 50).fill("C'1", 20).save(tmp_path / "1.xlsx"))
    paper = Paper(count, who=1, round_no=2)
    lots = [paper.sheet.cell(row, paper.columns["Số lô"]).value for row in range(6, 9)]
    assert lots == ["A", None, None]
    take(place, count, paper.fill("A", 90).save(tmp_path / "2.xlsx"))
    assert counted_line(board.line(count, "A")).state == "different"
    with pytest.raises(Refusal, match="Không có lô nào cần đếm lần 2"):
        Paper(count, round_no=2)


def test_what_is_no_count_sheet_is_refused(place, count, tmp_path):
    book = load_workbook(Paper(count).save(tmp_path / "a.xlsx"))
    book.worksheets[0]["A2"] = ""
    book.save(tmp_path / "b.xlsx")
    with pytest.raises(Refusal) as caught:
        take(place, count, tmp_path / "b.xlsx")
    assert caught.value.code == "not_a_sheet"
    (tmp_path / "c.xlsx").write_bytes(b"khong phai bang tinh")
    with pytest.raises(Refusal) as caught:
        take(place, count, tmp_path / "c.xlsx")
    assert caught.value.code == "not_a_workbook"
    assert StockCount.objects.get(pk=count.pk).state == "counting"
