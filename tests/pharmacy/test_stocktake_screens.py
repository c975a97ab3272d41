"""The screens of a stock-take: opening, counting, handing in sheets, differences, approval, posting."""

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from his.printing.models import PrintRecord
from his.printing.render import render_png
from pharmacy.models import StockCount, StockCountEntry, StockDocument
from pharmacy.printing.count_record import RECORDS, record_data, record_of
from pharmacy.printing.count_sheet import COUNT_SHEET
from pharmacy.services.stock import reverse_document
from tests.cast import at
from tests.his.paper_pictures import PPI, assert_looks_like
from tests.pharmacy import board, count_papers, shelf
from tests.pharmacy.board import Paper
from tests.pharmacy.shelf import AMLODIPIN
from tests.scenes import scene


@scene
def place(world):
    return world.hospital


@scene
def store(world, place):
    store = shelf.dispensary(place)
    lots = (("A", 100), ("B'<1>", 50))
    shelf.receive(place, store, *(shelf.goods(world, place, lot=lot, quantity=q) for lot, q in lots))
    return store


@pytest.fixture
def desk(client, place, time_machine):
    time_machine.move_to(at(10), tick=False)
    client.force_login(place.users["pharmacist"])
    return client


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


MEMBERS = [
    ("Phan Giám Đốc", "Giám đốc", "chairman", ""),
    ("Mai Thị Dược", "Dược sĩ", "member", "on"),
    ("", "", "member", ""),
]


def typed(store, members=MEMBERS, **head: str) -> dict[str, str]:
    """What the browser sends to open a stock-take."""
    data = {"store": str(store.pk), "occasion": "monthly", "what": "store", "is_blind": "1", "idempotency_key": "k"}
    data |= {"members-TOTAL_FORMS": str(len(members)), "members-INITIAL_FORMS": "0"}
    data |= {"drugs-TOTAL_FORMS": "1", "drugs-INITIAL_FORMS": "0", "drugs-0-drug": "", "drugs-0-drug_text": ""}
    for index, (name, title, role, counts) in enumerate(members):
        row = {"name": name, "title": title, "role": role, "is_counter": counts}
        data |= {f"members-{index}-{field}": value for field, value in row.items() if value or field != "is_counter"}
    return {**data, **head}


def test_a_count_is_opened_and_nothing_typed_is_lost(desk, place, store):
    new = reverse("stock-count-new")
    assert "Tổ kiểm kê" in text_of(desk.get(new))
    alone = [("Ông <Một>", "", "member", "on")] * 3
    refused = desk.post(new, typed(store, alone))
    assert refused.status_code == 422
    assert "có một chủ tịch" in text_of(refused)
    assert "Ông &lt;Một&gt;" in text_of(refused)
    nameless = desk.post(new, typed(store, [("", "Dược sĩ", "member", "on"), *MEMBERS[:2]]))
    assert "Hãy gõ họ tên" in text_of(nameless)
    done = desk.post(new, typed(store), follow=True)
    assert "Đã mở đợt KK26-000001, chốt sổ 2 lô" in text_of(done)
    count = StockCount.objects.get()
    assert list(count.members.values_list("name", "is_counter")) == [("Phan Giám Đốc", False), ("Mai Thị Dược", True)]
    again = desk.post(new, typed(store, idempotency_key="other"))
    assert (again.status_code, "Đang kiểm kê trong đợt KK26-000001" in text_of(again)) == (409, True)
    assert 'value="Phan Giám Đốc"' in text_of(desk.get(new)), "the next board begins as the last one"
    assert "KK26-000001" in text_of(desk.get(reverse("stock-counts")))


def test_a_chosen_list_is_typed_in_its_grid(desk, world, place, store):
    shelf.receive(place, store, shelf.goods(world, place, code=AMLODIPIN, lot="M"))
    empty = desk.post(reverse("stock-count-new"), typed(store, what="list"))
    assert "Hãy chọn nhóm hoặc thuốc" in text_of(empty)
    desk.post(reverse("stock-count-new"), typed(store, what="list", **{"drugs-0-drug": AMLODIPIN}))
    assert [line.lot.number for line in StockCount.objects.get().lines.all()] == ["M"]


def enter(desk, count, lot, round_no=1, counted_time="", **values):
    line = board.line(count, lot)
    url = reverse("stock-count-entry-line", args=[line.pk, board.counter(count).position, round_no])
    data = {f"{line.pk}-{name}": value for name, value in values.items()} | {"counted_time": counted_time}
    return desk.post(url, data, headers={"HX-Request": "true"})


def test_figures_are_stored_as_they_are_typed(desk, place, store):
    count = board.opened(place, store)
    page = text_of(desk.get(reverse("stock-count-entry", args=[count.pk, 3, 1])))
    assert "Tồn sổ" not in page
    assert "B&#x27;&lt;1&gt;" in page
    assert "Đã ghi 1.098,5 + 2 hỏng" in text_of(enter(desk, count, "A", counted="1.098,5", damaged="2"))
    wrong = enter(desk, count, "A", counted="")
    assert (wrong.status_code, "không có thì ghi 0" in text_of(wrong)) == (422, True)
    early = enter(desk, count, "B'<1>", round_no=2, counted="5")
    assert (early.status_code, "Chưa có số đếm lần 1" in text_of(early)) == (422, True)
    assert StockCountEntry.objects.get().counted_at == at(10)
    assert "phải sau lúc chốt sổ" in text_of(enter(desk, count, "A", counted="5", counted_time="7:30"))
    other = text_of(desk.get(reverse("stock-count-entry", args=[count.pk, 4, 1])))
    assert "1.098,5" not in other, "two who count do not see each other's figures"
    one = text_of(desk.get(reverse("stock-count", args=[count.pk])))
    assert "1.098,5" not in one
    assert "11D/BV-01" not in one
    blind = desk.get(reverse("stock-count-record-pdf", args=[count.pk, "11d"]))
    assert (blind.status_code, "in được khi mọi lô đã được đếm" in text_of(blind)) == (422, True)
    assert "chỉ hiện khi mọi lô" in text_of(desk.get(reverse("stock-count-line", args=[board.line(count, "A").pk])))
    page = reverse("stock-count-entry", args=[count.pk, 3, 1])
    first, second = (board.line(count, lot).pk for lot in ("A", "B'<1>"))
    rows = {f"{first}-counted": "1.098,5", f"{first}-damaged": "2", f"{second}-counted": "x"}
    assert "Hãy gõ một số" in text_of(desk.post(page, rows))
    assert StockCountEntry.objects.count() == 1
    rows |= {f"{second}-counted": "50", "counted_time": "09:15"}
    assert "Đã ghi số đếm lần 1 của Mai Thị Dược" in text_of(desk.post(page, rows, follow=True))
    assert board.line(count, "B'<1>").entries.get().counted_at == at(9, 15)
    assert "1.000,5" in text_of(desk.get(reverse("stock-count", args=[count.pk])))


def test_a_lot_outside_the_book_is_added_on_screen(desk, place, store):
    count = board.opened(place, store)
    url = reverse("stock-count-found", args=[count.pk, 3])
    row = {"drug": AMLODIPIN, "drug_text": "Amlodipin", "lot_number": "X'1", "expires_on": "31012028", "counted": "7"}
    wrong = desk.post(url, {**row, "drug": "TH9"})
    assert (wrong.status_code, "không có trong danh mục" in text_of(wrong), "X&#x27;1" in text_of(wrong)) == (
        422,
        True,
        True,
    )
    assert "Đã ghi lô X&#x27;1" in text_of(desk.post(url, row, follow=True))
    assert board.line(count, "X'1").entries.get().counted == 7


def hand_in(desk, count, paper: Paper):
    out = io.BytesIO()
    paper.book.save(out)
    file = SimpleUploadedFile("đếm 1.xlsx", out.getvalue())
    return desk.post(reverse("stock-count-upload", args=[count.pk]), {"file": file}, follow=True)


def test_a_sheet_is_downloaded_and_handed_in(desk, place, store):
    count = board.opened(place, store)
    got = desk.get(reverse("stock-count-sheet-xlsx", args=[count.pk, 0, 1]))
    assert got["Content-Disposition"] == 'attachment; filename="phieu-dem-KK26-000001-tat-ca-lan-1.xlsx"'
    assert [sheet.title for sheet in load_workbook(io.BytesIO(got.content)).worksheets] == [
        "3. Mai Thị Dược",
        "4. Lý Thị Điều",
    ]
    paper = Paper(count).fill("A", 90).fill("B'<1>", "1.000")
    refused = hand_in(desk, count, paper)
    assert refused.status_code == 422
    assert "1 chỗ cần sửa, chưa dòng nào được ghi" in text_of(refused)
    assert f'<td class="num">{paper.row_of("B" + chr(39) + "<1>")}</td>' in text_of(refused)
    assert not StockCountEntry.objects.exists()
    paper.fill("B'<1>", 50)
    assert "ghi 2 số đếm" in text_of(hand_in(desk, count, paper))
    for name, body in (("a.txt", b"x"), ("a.xlsx", b"x")):
        wrong = desk.post(reverse("stock-count-upload", args=[count.pk]), {"file": SimpleUploadedFile(name, body)})
        assert wrong.status_code == 422


def test_from_differences_to_the_book(desk, place, store, time_machine):
    count = board.opened(place, store)
    board.seen(place, count, "B'<1>", 50, when=at(9))
    for round_no in (1, 2):
        board.seen(place, count, "A", 98, when=at(9), round_no=round_no)
    one = reverse("stock-count", args=[count.pk])
    line = board.line(count, "A")
    assert f'name="reason-{line.pk}"' in text_of(desk.get(one, {"show": "different"}))
    desk.post(reverse("stock-count-reasons", args=[count.pk]), {f"reason-{line.pk}": "Vỡ <2> viên"})
    assert "Vỡ &lt;2&gt; viên" in text_of(desk.get(one))
    assert desk.post(reverse("stock-count-approve", args=[count.pk])).status_code == 403
    early = desk.post(reverse("stock-count-post", args=[count.pk]))
    assert (early.status_code, "chưa được duyệt" in text_of(early)) == (422, True)
    desk.force_login(place.users["manager"])
    assert "Duyệt kiểm kê" in text_of(desk.get(one))
    done = desk.post(reverse("stock-count-approve", args=[count.pk]), {"proposal": "Xếp lại"}, follow=True)
    assert "Đã duyệt đợt KK26-000001" in text_of(done)
    back = desk.post(reverse("stock-count-return", args=[count.pk]), {"reason": ""})
    assert (back.status_code, "Hãy ghi lý do" in text_of(back)) == (422, True)
    desk.force_login(place.users["pharmacist"])
    posted = text_of(desk.post(reverse("stock-count-post", args=[count.pk]), follow=True))
    assert "Đã ghi sổ đợt KK26-000001: phiếu KH26-000001" in posted
    assert shelf.on_hand(store)["A"] == 98
    again = desk.post(reverse("stock-count-post", args=[count.pk]))
    assert (again.status_code, "đã ghi sổ rồi" in text_of(again)) == (409, True)
    assert "Sổ lúc đếm" in text_of(desk.get(reverse("stock-count-line", args=[line.pk])))
    assert "Đã hủy" not in text_of(desk.get(one))
    down = StockDocument.objects.get(number="KH26-000001")
    undone = reverse_document(document=down, reason="Đếm nhầm kệ", actor=place.actor("pharmacist"), at=timezone.now())
    page = text_of(desk.get(one))
    assert "Đã hủy" in page
    assert undone.number in page
    count.refresh_from_db()
    assert record_data(record_of(count, "11d"))["state"] == f"Đã hủy KH26-000001 bằng {undone.number}"
    assert shelf.on_hand(store)["A"] == 100


def test_an_abandoned_count_says_why(desk, place, store):
    count = board.opened(place, store)
    done = desk.post(reverse("stock-count-abandon", args=[count.pk]), {"reason": "Mở nhầm kho"}, follow=True)
    assert "Mở nhầm kho" in text_of(done)
    assert "không còn nhận số đếm" in text_of(desk.get(reverse("stock-count-entry", args=[count.pk, 3, 1])))


def test_the_list_and_a_count_read_a_fixed_number_of_queries(desk, world, place, store, django_assert_max_num_queries):
    shelf.receive(place, store, *(shelf.goods(world, place, lot=f"L{i}") for i in range(30)))
    count = board.opened(place, store)
    for i in range(30):
        board.seen(place, count, f"L{i}", 99, when=at(9))
    for name, args, most in (
        ("stock-counts", [], 11),
        ("stock-count", [count.pk], 20),
        ("stock-count-entry", [count.pk, 3, 1], 15),
    ):
        with django_assert_max_num_queries(most):
            assert desk.get(reverse(name, args=args)).status_code == 200


def test_the_record_says_what_was_found(desk, world, place, store):
    count = board.opened(place, store, is_blind=False)
    board.out(place, store, "A", 10, at(8, 30))
    board.twice(place, count, "A", 87, damaged=1, when=at(9))
    draft = record_data(record_of(count, "11d"))
    assert draft["state"] == "Đang kiểm"
    assert [row[7] for row in draft["rows"]] == ["13.500", "7.500"]
    assert draft["rows"][1][8:] == ["", "", "", "Chưa đếm xong"]
    board.seen(place, count, "B'<1>", 50, when=at(9))
    board.approve(place, count)
    data = record_data(record_of(board.post(place, count), "11d"))
    assert data["rows"][0] == [
        *("Paracetamol 500mg", "Viên", "150", "A", "", "31/12/2027"),
        *("90", "13.500", "87", "13.050", "1", "Chốt 100, xuất 10; Thiếu 2; Cấp nhầm lô"),
    ]
    assert (data["lines"], data["book_total"], data["counted_total"], data["state"]) == ("02", "21.000", "20.550", "")
    assert data["words"] == "Hai mươi nghìn năm trăm năm mươi đồng"
    book = load_workbook(io.BytesIO(desk.get(reverse("stock-count-record-xlsx", args=[count.pk, "11d"])).content))
    cells = [[cell.value for cell in row] for row in book["11D"].iter_rows()]
    head = next(number for number, row in enumerate(cells) if row[0] == "STT")
    assert len(cells[head]) == 13
    assert cells[head + 1][7:12] == [90, 13500, 87, 13050, 1]
    assert cells[head + 3][10] == 20550
    pdf = desk.get(reverse("stock-count-record-pdf", args=[count.pk, "11d"]))
    assert pdf.content.startswith(b"%PDF")
    assert desk.get(reverse("stock-count-record-pdf", args=[count.pk, "13d"])).status_code == 404
    assert desk.get(reverse("stock-count-sheet-pdf", args=[count.pk, 3, 1])).content.startswith(b"%PDF")
    assert desk.get(reverse("stock-count-sheet-pdf", args=[count.pk, 1, 1])).status_code == 404, (
        "the chairman counts not"
    )
    assert set(PrintRecord.objects.values_list("form", flat=True)) == {"count_record_11d", "count_sheet"}


@pytest.mark.parametrize(
    ("name", "template", "data"),
    [
        ("count_sheet_blind", COUNT_SHEET.template, count_papers.sheet_data(True)),
        ("count_sheet", COUNT_SHEET.template, count_papers.sheet_data(False)),
        ("count_record", RECORDS["11d"].form.template, count_papers.record_data()),
    ],
)
def test_papers_look_as_they_did(name, template, data):
    assert_looks_like(name, render_png(template, data, ppi=PPI))


def test_a_long_record_goes_on_with_its_head():
    assert len(render_png(RECORDS["13d"].form.template, count_papers.record_data(60), ppi=30)) > 2
    assert {code: form.number for code, form in RECORDS.items()} == {
        "11d": "11D/BV-01",
        "12d": "12D/BV-01",
        "13d": "13D/BV-01",
    }
