"""Statements of the bank: read, matched on reference or code and exact amount, unmatched shown on both sides."""

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from his.core.errors import PermissionRefused, Refusal
from insurance.billing.cash import collect, refund, use_deposits, void_entry
from insurance.billing.ledger import account_of
from insurance.models import CashEntry
from reports.bank.matching import Line, Paper, letters, pairs
from reports.bank.models import BankLine, BankMatch
from reports.bank.queries import BankRow, bank_rows, candidates
from reports.bank.reading import read_statement
from reports.bank.services import import_statement, match_line, rematch, undo_match
from reports.datasets.bank import explain_bank_row
from reports.datasets.base import Query
from reports.engine import run
from tests.cast import World, at
from tests.insurance import walk
from tests.reports.month import OCTOBER, by_code, failed, reopened, total

HEAD = "SAO KÊ TÀI KHOẢN;;;;\nSố TK: 113366668888;;;;\nNgày giao dịch;Số tham chiếu;Diễn giải;Ghi nợ;Ghi có\n"


def statement(*rows: str) -> bytes:
    return (HEAD + "\n".join(rows) + "\nCộng phát sinh;;;;9.999.999\n").encode("utf-8-sig")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1.234.567", "1234567"), ("1,234,567.00", "1234567.00"), ("86500", "86500"), ("+86.500 đ", "86500")],
)
def test_amounts_as_banks_write_them(text: str, amount: str) -> None:
    (line,), skipped = read_statement(
        statement(f"06/10/2026;FT1;VP2610060001 chuyen tien;;{text}", "06/10/2026;FT2;Phi;500;")
    )
    assert (line.amount, line.reference, line.day.isoformat(), skipped) == (Decimal(amount), "FT1", "2026-10-06", 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n", "Không tìm thấy cột ngày, mã giao dịch, nội dung, số tiền ghi có"),
        (statement("06/10/2026;FT1;x;;1.2.3"), "Dòng 4 của sao kê: số tiền '1.2.3' không đọc được"),
        (statement("36/10/2026;FT1;x;;1000"), "Dòng 4 của sao kê: ngày '36/10/2026'"),
        (statement("06/10/2026;;x;;1000"), "Dòng 4 của sao kê: không có mã giao dịch"),
        (statement("06/10/2026;FT1;x;;1000", "06/10/2026;FT1;x;;1000"), "có hai lần"),
        (statement("06/10/2026;FT1;x;1000;"), "không có dòng tiền vào"),
        (b"\xff\x00\xfe", "CSV UTF-8"),
        (statement("06/10/2026;FT1;x;;1.234.567.00"), "Dòng 4 của sao kê: số tiền '1.234.567.00' không đọc được"),
        (statement("06/10/2026;FT1;x;;1234567890123456"), "Dòng 4 của sao kê: số tiền .* quá 15 chữ số"),
        (statement("06/10/1969;FT1;x;;1000"), "Dòng 4 của sao kê: ngày '06/10/1969' ngoài các năm 2000 đến 2099"),
        (statement('06/10/2026;FT1;"x"y;;1000'), "Dòng 4 của sao kê: dấu ngoặc kép"),
        (statement("06/10/2026;FT1;x;;1000", '06/10/2026;FT2;"x;;1000'), "Dòng 5 của sao kê: dấu ngoặc kép"),
        (statement("06/10/2026;1.23E+11;x;;1000"), "Dòng 4 của sao kê: mã giao dịch '1.23E\\+11' đã bị Excel làm hỏng"),
        (statement("06/10/2026;--;x;;1000"), "Dòng 4 của sao kê: không có mã giao dịch"),
        (statement("06/10/2026;;Tổng công ty X trả tiền;;1000"), "Dòng 4 của sao kê: không có mã giao dịch"),
    ],
)
def test_what_cannot_be_read_is_named(content: bytes, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        read_statement(content)


def test_sums_stand_anywhere_and_the_heading_says_what_parts_the_cells() -> None:
    """More commas than semicolons; sums above, with a day, and in the column of the references; two years, one form."""
    content = (
        "Tài khoản, chi nhánh, tỉnh, nước,,,,,\nNgày giao dịch;Số tham chiếu;Diễn giải;Ghi có\n"
        "01/10/2026;;Số dư đầu kỳ;5.000\n06/10/26;FT1;a, b, c, d;1.000\n;Tổng cộng;;1.000\n07/10/2026;FT2;x;2.000\n"
    )
    lines, skipped = read_statement(content.encode())
    assert [(line.reference, line.day.year, line.amount) for line in lines] == [
        ("FT1", 2026, 1000),
        ("FT2", 2026, 2000),
    ]
    assert skipped == 2


def test_pairs_need_a_name_and_the_same_amount() -> None:
    lines = [
        Line(1, "FT 001", "", Decimal(100)),
        Line(2, "X", "MBVCB.99 VP 261006 0001 tra", Decimal(200)),
        Line(3, "Y", "VP2610060002", Decimal(250)),
        Line(4, "Z", "", Decimal(300)),
    ]
    papers = [
        Paper(11, "ft001", "", Decimal(100)),
        Paper(12, "", "VP2610060001", Decimal(200)),
        Paper(13, "", "VP2610060002", Decimal(251)),
        Paper(14, "", "", Decimal(300)),
    ]
    assert list(pairs(lines, papers)) == [(1, 11), (2, 12)]


def test_references_come_first_and_what_could_be_two_is_no_pair() -> None:
    """The first line holds the code of a paper that names the reference of the second."""
    lines = [
        Line(1, "A", "VP2610060001", Decimal(100)),
        Line(2, "B", "", Decimal(100)),
        Line(3, "C", "VP2610060003", Decimal(100)),
        Line(4, "D", "VP2610060003 lan 2", Decimal(100)),
        Line(5, "E", "VP2610060005 VP2610060006", Decimal(100)),
    ]
    papers = [
        Paper(11, "b", "VP2610060001", Decimal(100)),
        Paper(13, "", "VP2610060003", Decimal(100)),
        Paper(15, "", "VP2610060005", Decimal(100)),
        Paper(16, "", "VP2610060006", Decimal(100)),
    ]
    assert list(pairs(lines, papers)) == [(2, 11)]


@pytest.fixture
def paid(world: World) -> list[CashEntry]:
    """Three transfers of the test day: 30,000 with reference FT30, 20,000 with FT20, 10,000 with FT10."""
    step = walk.lan_full(world, world.hospital)
    step.close()
    return [
        step.collect(amount, method="transfer", reference=reference)
        for amount, reference in ((30000, "FT30"), (20000, "FT20"), (10000, "FT10"))
    ]


SENT = statement(
    "06/10/2026;FT30;Nguyen Thi Lan;;30.000",
    "06/10/2026;FT99;khong ro;;20.000",
    "07/10/2026;FT10;thieu;;9.000",
)


def near(row: BankRow) -> list[tuple[CashEntry, bool, bool]]:
    assert row.line is not None
    return [(one.entry, one.is_named, one.is_same) for one in candidates(row.line.facility, row.line)]


def state(world: World, reference: str) -> str:
    """What the month says of the first line of a reference."""
    rows = bank_rows(world.hospital.facility, OCTOBER)
    return next(row.state_vi for row in rows if row.line and row.line.reference == reference)


def test_lines_and_papers_are_matched_and_the_rest_is_listed(world: World, paid: list[CashEntry]) -> None:
    place, accountant = world.hospital, world.hospital.actor("accountant")
    first, second, third = paid
    made = import_statement(content=SENT, name="thang10.csv", actor=accountant, at=at(18))
    assert (made.lines.count(), made.skipped) == (3, 1)
    rows = {row.line.reference: row for row in bank_rows(place.facility, OCTOBER) if row.line}
    assert (rows["FT30"].entry, rows["FT30"].state_vi) == (first, "Khớp")
    assert (near(rows["FT99"]), rows["FT99"].state_vi) == ([(second, False, True)], "Chưa có phiếu thu")
    assert (near(rows["FT10"]), rows["FT10"].state_vi) == ([(third, True, False)], "Lệch số tiền, chờ đối soát")
    with pytest.raises(Refusal, match="đã nhập rồi"):
        import_statement(content=SENT, name="again.csv", actor=accountant, at=at(18))
    again = import_statement(
        content=SENT + b"08/10/2026;FT77;moi;;5.000\n", name="b.csv", actor=accountant, at=at(18, 1)
    )
    assert (again.lines.count(), again.known, again.skipped) == (1, 3, 1), "what was there is not there twice"

    line = BankLine.objects.get(reference="FT99")
    with pytest.raises(Refusal, match="hãy ghi lý do"):
        match_line(line=line, entry=third, actor=accountant, at=at(18, 2))
    with pytest.raises(Refusal, match="đã khớp rồi"):
        match_line(line=line, entry=first, actor=accountant, at=at(18, 2))
    with pytest.raises(PermissionRefused):
        match_line(line=line, entry=second, actor=place.actor("cashier"), at=at(18, 2))
    match = match_line(line=line, entry=second, actor=accountant, at=at(18, 2))
    report = run(form="DSCK", facility=place.facility, period=OCTOBER, actor=accountant, at=at(19))
    cells = by_code(report)
    assert cells["FT99"]["SO_PHIEU"] == second.number
    assert failed(report) == {
        "Mọi dòng tiền vào của sao kê có phiếu thu": ["FT10", "FT77"],
        "Mọi phiếu thu chuyển khoản có trong sao kê": [third.number],
    }
    assert (total(report, "SO_TIEN_NH"), total(report, "SO_TIEN_HIS")) == (Decimal(64000), Decimal(60000))
    assert total(report, "CHENH_LECH") == Decimal(4000)
    undo_match(match=match, actor=accountant, at=at(18, 3))
    assert BankMatch.objects.filter(pk=match.pk, undone_by=accountant.user).exists()
    with pytest.raises(Refusal, match="đã bỏ khớp"):
        undo_match(match=match, actor=accountant, at=at(18, 4))
    with pytest.raises(DatabaseError), transaction.atomic():
        BankMatch.objects.filter(pk=match.pk).delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        BankLine.objects.filter(pk=line.pk).update(amount=1)


def test_money_that_came_short_is_matched_with_a_reason_and_stays_in_the_report(
    world: World, paid: list[CashEntry]
) -> None:
    place, accountant = world.hospital, world.hospital.actor("accountant")
    import_statement(content=SENT, name="t10.csv", actor=accountant, at=at(18))
    line = BankLine.objects.get(reference="FT10")
    match = match_line(line=line, entry=paid[2], reason="Phí chuyển", actor=accountant, at=at(18, 1))
    assert (match.reason, state(world, "FT10")) == ("Phí chuyển", "Khớp, lệch −1.000 đ")
    report = run(form="DSCK", facility=place.facility, period=OCTOBER, actor=accountant, at=at(19))
    assert failed(report)["Mọi cặp đã khớp cùng số tiền"] == ["FT10"]
    assert Decimal(str(by_code(report)["FT10"]["CHENH_LECH"])) == Decimal(-1000)
    page = walk.signed_in(place, "accountant").get(reverse("bank"), {"month": "10/2026"}).content.decode()
    assert "Khớp, lệch −1.000 đ" in page
    assert "Phí chuyển" in page
    undo_match(match=match, actor=accountant, at=at(18, 2))
    with pytest.raises(DatabaseError), transaction.atomic():
        BankMatch.objects.create(
            facility=place.facility, line=line, entry=paid[2], is_automatic=True, at=at(18, 3), by=accountant.user
        )


def test_a_reference_is_one_line_for_each_day_and_amount(world: World, paid: list[CashEntry]) -> None:
    """Spaced otherwise it is the same line; another day or amount is money of its own, and is pointed out."""
    place, page = world.hospital, walk.signed_in(world.hospital, "accountant")
    page.post(reverse("bank-import"), {"file": SimpleUploadedFile("a.csv", SENT)})
    again = statement("06/10/2026;ft-30;Lan;;30.000", "08/10/2026;FT30;Lan;;30.000", "06/10/2026;FT99;Lan;;7.000")
    text = page.post(reverse("bank-import"), {"file": SimpleUploadedFile("b.csv", again)}, follow=True).content.decode()
    assert "Đã nhập 2 dòng sao kê, khớp 0; 1 dòng đã có từ trước; 1 dòng không phải tiền vào; 2 dòng trùng mã" in text
    assert BankLine.objects.filter(key="FT30").count() == 2
    assert text.count("trùng mã dòng khác") == 3, "the matched line is not in the list of open ones"
    report = run(form="DSCK", facility=place.facility, period=OCTOBER, actor=place.actor("accountant"), at=at(19))
    second = BankLine.objects.get(reference="FT30", day="2026-10-08")
    assert f"FT30#{second.pk}" in failed(report)["Mọi dòng tiền vào của sao kê có phiếu thu"]
    odd = statement("09/10/2026;Đß-ıİ ft/7ﬁ;Lan;;1.000")
    import_statement(content=odd, name="c.csv", actor=place.actor("accountant"), at=at(19))
    assert {line.key for line in BankLine.objects.all()} == {letters(line.reference) for line in BankLine.objects.all()}
    query = Query(place.facility, OCTOBER)
    assert explain_bank_row(query, f"FT30#{second.pk}")[1]["visit"] is None
    assert explain_bank_row(query, "FT30")[1]["visit"] == paid[0].visit


def test_papers_recorded_later_are_matched_again_by_the_month(world: World, paid: list[CashEntry]) -> None:
    """A line of the last day of September is a paper of October 6; the amount alone counts within 7 days."""
    accountant, page = world.hospital.actor("accountant"), walk.signed_in(world.hospital, "accountant")
    for made in ("30/09/2026;FT20;x;;20.000", "28/09/2026;ZZ10;x;;10.000", "06/10/2026;FT30;x;;30.000"):
        import_statement(content=statement(made), name=made, actor=accountant, at=at(18))
    matches = BankMatch.objects.filter(undone_at=None).values_list("line__reference", flat=True)
    assert sorted(matches) == ["FT20", "FT30"]
    far = BankLine.objects.get(reference="ZZ10")
    asked = page.get(reverse("bank"), {"month": "09/2026", "line": far.pk}).content.decode()
    assert "trong 7 ngày trước, sau; kiểm tra trước khi thu" in asked
    undo_match(match=BankMatch.objects.get(entry=paid[1]), actor=accountant, at=at(18, 1))
    undo_match(match=BankMatch.objects.get(entry=paid[0]), actor=accountant, at=at(18, 1))
    assert state(world, "FT30") == "Có phiếu cùng mã, chưa khớp"
    line = BankLine.objects.get(reference="FT20")
    asked = page.get(reverse("bank"), {"month": "09/2026", "line": line.pk}).content.decode()
    assert f'name="entry" value="{paid[1].pk}" checked' in asked
    assert "cùng mã</span>" in asked
    wrong = page.post(reverse("bank-rematch"), {"month": "13/2026"})
    assert (wrong.status_code, 'value="13/2026"' in wrong.content.decode()) == (422, True)
    text = page.post(reverse("bank-rematch"), {"month": "09/2026"}, follow=True).content.decode()
    assert "Đã khớp thêm 2 dòng" in text, "the days around the month count too"
    with pytest.raises(PermissionRefused):
        rematch(period=OCTOBER, actor=world.hospital.actor("cashier"), at=at(18, 2))


def test_the_page_reads_as_often_however_long_the_month(world: World, paid: list[CashEntry]) -> None:
    accountant = world.hospital.actor("accountant")
    counts = []
    for day in (8, 9):
        rows = [f"{day:02d}/10/2026;N{day}{number};x;;{number + 1}.000" for number in range(60)]
        import_statement(content=statement(*rows), name=f"{day}", actor=accountant, at=at(18))
        with CaptureQueriesContext(connection) as seen:
            bank_rows(world.hospital.facility, OCTOBER)
        counts.append(len(seen))
    assert counts[0] == counts[1]
    page = walk.signed_in(world.hospital, "accountant")
    second = page.get(reverse("bank"), {"month": "10/2026", "open_lines": 2}).content.decode()
    assert "Trang 2/3" in second
    assert ("N850" in second, "N849" in second) == (True, False)
    assert f'href="{reverse("bank")}?month=10%2F2026&amp;open_lines=2&amp;line=' in second, "a choice stays on its page"


def test_the_money_of_a_voided_paper_waits_for_the_next_one(world: World, paid: list[CashEntry]) -> None:
    """Void, record again, match: the money counts once, and the dead match does not bar the way."""
    place, accountant = world.hospital, world.hospital.actor("accountant")
    first = paid[0]
    import_statement(content=SENT, name="t10.csv", actor=accountant, at=at(18))
    dead = BankMatch.objects.get(entry=first)
    void_entry(entry=first, reason="Nhầm người", actor=place.actor("cashier"), at=at(18, 1))
    row = next(one for one in bank_rows(place.facility, OCTOBER) if one.line and one.line.reference == "FT30")
    assert (row.entry, row.state_vi) == (None, "Chưa có phiếu thu")
    drawn = {"method": "transfer", "bank_reference": "FT30"}
    again = collect(visit=first.visit, amount=first.amount, actor=place.actor("cashier"), at=at(18, 2), **drawn)
    match_line(line=row.line, entry=again, actor=accountant, at=at(18, 3))
    dead.refresh_from_db()
    assert (dead.undone_at, dead.undone_by) == (at(18, 3), accountant.user)
    rows = bank_rows(place.facility, OCTOBER)
    assert sum(one.entry.amount for one in rows if one.entry) == Decimal(60000)


def test_the_page_takes_a_file_and_matches_by_hand(world: World, paid: list[CashEntry]) -> None:
    page = walk.signed_in(world.hospital, "accountant")
    assert "Chưa nhập sao kê nào" in page.get(reverse("bank")).content.decode()
    bad = page.post(reverse("bank-import"), {"file": SimpleUploadedFile("x.csv", b"a;b\n")})
    assert (bad.status_code, "Không tìm thấy cột ngày" in bad.content.decode()) == (422, True)
    big = page.post(reverse("bank-import"), {"file": SimpleUploadedFile("x.csv", b";" * 5_000_001)})
    assert (big.status_code, "lớn hơn 5 MB" in big.content.decode()) == (422, True)
    shown = page.post(reverse("bank-import"), {"file": SimpleUploadedFile("t10.csv", SENT)}, follow=True)
    text = shown.content.decode()
    assert "Đã nhập 3 dòng sao kê, khớp 1; 1 dòng không phải tiền vào" in text
    assert "Sao kê có, chưa có phiếu thu: 2" in text
    assert "chưa thấy trong sao kê: 2" in text
    line = BankLine.objects.get(reference="FT99")
    asked = page.get(reverse("bank"), {"month": "10/2026", "line": line.pk}).content.decode()
    assert f'name="entry" value="{paid[1].pk}" data-focus' in asked, "the amount alone picks no paper"
    wrong = page.post(reverse("bank-match", args=[line.pk]), {"number": paid[2].number.lower()})
    text = wrong.content.decode()
    assert (wrong.status_code, "hãy ghi lý do" in text, paid[2].number.lower() in text) == (422, True, True)
    nothing = page.post(reverse("bank-match", args=[line.pk]), {"reason": "vì sao"}).content.decode()
    assert "Chọn phiếu thu hoặc ghi số phiếu" in nothing
    assert "vì sao" in nothing
    assert (
        "Không có phiếu PT99" in page.post(reverse("bank-match", args=[line.pk]), {"number": "PT99"}).content.decode()
    )
    done = page.post(reverse("bank-match", args=[line.pk]), {"entry": paid[1].pk}, follow=True).content.decode()
    assert "Đã khớp FT99" in done
    match = BankMatch.objects.get(line=line)
    assert "Đã bỏ khớp" in page.post(reverse("bank-unmatch", args=[match.pk]), follow=True).content.decode()
    other = walk.signed_in(world.station, "manager")
    assert "FT99" not in other.get(reverse("bank"), {"month": "10/2026"}).content.decode()
    assert other.post(reverse("bank-match", args=[line.pk]), {"entry": paid[1].pk}).status_code == 404
    assert other.post(reverse("bank-unmatch", args=[match.pk])).status_code == 404
    assert walk.signed_in(world.hospital, "cashier").get(reverse("bank")).status_code == 403


def test_the_payment_list_is_the_ledger_of_the_month(world: World, paid: list[CashEntry]) -> None:
    place = world.hospital
    report = run(form="DSTHU", facility=place.facility, period=OCTOBER, actor=place.actor("accountant"), at=at(19))
    rows = by_code(report)
    assert {code: Decimal(str(row["SO_TIEN"])) for code, row in rows.items()} == {
        entry.number: entry.amount for entry in paid
    }
    (part,) = set(report.values["sections"])
    assert dict(report.values["titles"])[part].startswith("Ngày 06/10/2026, ")
    assert {row["CACH"] for row in rows.values()} == {"Chuyển khoản"}
    ledger = run(form="THUNGAN", facility=place.facility, period=OCTOBER, actor=place.actor("accountant"), at=at(19))
    assert total(report, "SO_TIEN") == total(ledger, "CON") == Decimal(60000)


def test_a_used_deposit_was_not_given_back(world: World) -> None:
    """Of two deposits the bill uses the first whole and the second in part; the rest goes back."""
    place, step = world.hospital, walk.visit_of(world, world.hospital, *walk.someone(world.hospital, "Lò Tạm Ứng"))
    step.examine().order(walk.CBC)
    used, rest = (step.deposit(amount) for amount in (10000, 500000))
    step.sign().close()
    use_deposits(visit=reopened(step.visit), actor=place.actor("cashier"), at=at(16))
    back = account_of(step.visit).held
    refund(entry=rest, amount=back, reason="Hoàn thừa", actor=place.actor("cashier"), at=at(16, 30))
    report = run(form="DSTHU", facility=place.facility, period=OCTOBER, actor=place.actor("accountant"), at=at(19))
    rows = by_code(report)
    assert (rows[used.number]["NGAY_SUA"], rows[rest.number]["NGAY_SUA"]) == ("", "202610061630")
