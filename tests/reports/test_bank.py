"""Statements of the bank: read, matched on reference or code and exact amount, unmatched shown on both sides."""

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.urls import reverse

from his.core.errors import PermissionRefused, Refusal
from insurance.billing.cash import collect, refund, use_deposits, void_entry
from insurance.billing.ledger import account_of
from insurance.models import CashEntry
from reports.bank.matching import Line, Paper, pairs
from reports.bank.models import BankLine, BankMatch
from reports.bank.queries import bank_rows
from reports.bank.reading import read_statement
from reports.bank.services import import_statement, match_line, undo_match
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


def test_lines_and_papers_are_matched_and_the_rest_is_listed(world: World, paid: list[CashEntry]) -> None:
    place, accountant = world.hospital, world.hospital.actor("accountant")
    first, second, third = paid
    made = import_statement(content=SENT, name="thang10.csv", actor=accountant, at=at(18))
    assert (made.lines.count(), made.skipped) == (3, 1)
    rows = {row.line.reference: row for row in bank_rows(place.facility, OCTOBER) if row.line}
    assert (rows["FT30"].entry, rows["FT30"].state_vi) == (first, "Khớp")
    assert (rows["FT99"].near, rows["FT99"].state_vi) == ([second], "Chưa có phiếu thu")
    assert (rows["FT10"].near, rows["FT10"].state_vi) == ([third], "Lệch số tiền, chờ đối soát")
    with pytest.raises(Refusal, match="đã nhập rồi"):
        import_statement(content=SENT, name="again.csv", actor=accountant, at=at(18))
    again = import_statement(
        content=SENT + b"08/10/2026;FT77;moi;;5.000\n", name="b.csv", actor=accountant, at=at(18, 1)
    )
    assert again.lines.count() == 1, "what an earlier file had is not there twice"

    line = BankLine.objects.get(reference="FT99")
    with pytest.raises(Refusal, match="khác số tiền"):
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
    assert "Đã nhập 3 dòng sao kê, khớp 1" in text
    assert "Sao kê có, chưa có phiếu thu: 2" in text
    assert "chưa thấy trong sao kê: 2" in text
    line = BankLine.objects.get(reference="FT99")
    asked = page.get(reverse("bank"), {"month": "10/2026", "line": line.pk}).content.decode()
    assert f'name="entry" value="{paid[1].pk}" checked' in asked
    wrong = page.post(reverse("bank-match", args=[line.pk]), {"entry": paid[2].pk})
    assert (wrong.status_code, "hoàn hoặc thu thêm trước" in wrong.content.decode()) == (422, True)
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
