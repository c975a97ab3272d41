"""A second program for the money of a month: it reads printed papers and exported files, adds them up by itself, and
compares them with the tables of the database.

It shares no code with the product and imports none of it: PDFs through `tests.pdf_text`, XML through lxml, plain SQL,
signs and words of its own. Papers come from `read`, which answers a paper by its address. Every visit, every entry of
the ledger, every drawer and every day of the facility is looked at. Rules: QĐ 4750/QĐ-BYT (money of lines and totals),
QĐ 697/QĐ-BYT (01/KBCB), TT 24/2024/TT-BTC (slips).
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from tests.paper_tables import report_amounts, slip_lines, statement_lines, text_of, total
from tests.pdf_text import amount
from tests.reports.second_opinion import claims_in, lines_of, money

ZERO = Decimal(0)
# what an entry does: drawer, bill, deposit
SIGNS = {
    "receipt": (1, 1, 0),
    "refund": (-1, -1, 0),
    "receipt_void": (-1, -1, 0),
    "deposit": (1, 0, 1),
    "deposit_use": (0, 1, -1),
    "deposit_release": (0, -1, 1),
    "deposit_return": (-1, 0, -1),
    "deposit_void": (-1, 0, -1),
}
METHODS = ("cash", "transfer", "card")
TOTALS = {
    "T_TONGCHI_BV": ("THANH_TIEN_BV", "hospital"),
    "T_TONGCHI_BH": ("THANH_TIEN_BH", "insured"),
    "T_BHTT": ("T_BHTT", "fund"),
    "T_BNCCT": ("T_BNCCT", "copay"),
    "T_NGUONKHAC": ("T_NGUONKHAC", "other"),
    "T_BNTT": ("T_BNTT", "self_paid"),
}
DIGITS = {word: n for n, word in enumerate(["không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"])}
DIGITS |= {"mốt": 1, "tư": 4, "lăm": 5}
SCALES = {"nghìn": 1_000, "triệu": 1_000_000, "tỷ": 1_000_000_000}


@dataclass(slots=True)
class Books:
    """What the tables of the database say of one facility."""

    facility: str
    visits: list[dict[str, Any]]
    entries: list[dict[str, Any]]
    drawers: list[dict[str, Any]]
    waivers: list[dict[str, Any]]
    days: list[str]
    lines: Mapping[int, tuple[Decimal, ...]]
    told: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def same(self, what: str, here: object, there: object) -> None:
        """Note when a paper says something else than the database."""
        if here != there:
            self.told.append(f"{what}: {here} on paper, {there} in the database")

    def waived(self, result: int, until: Any = None) -> Decimal:
        """What is waived of a split, now or at an instant."""
        rows = [row for row in self.waivers if row["result"] == result and (until is None or row["at"] <= until)]
        return sum((row["amount"] for row in rows), ZERO)

    def of_visit(self, visit: int) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["visit"] == visit]


def compared(cursor: Any, facility: str, read: Callable[[str], bytes], claims: Path | None = None) -> Books:
    """Everything that differs (`told`), and how many papers of each kind were read (`seen`)."""
    books = books_of(cursor, facility)
    for visit in books.visits:
        if visit["result"] is not None:
            _statement(books, visit, read)
            _settlement(books, visit, read)
    for entry in books.entries:
        _slip(books, entry, read)
    for drawer in books.drawers:
        _drawer(books, drawer, read)
    for day in books.days:
        _day(books, day, read)
    if claims is not None:
        _claims(books, claims)
    return books


def books_of(cursor: Any, facility: str) -> Books:
    """The rows of a facility, each a mapping."""
    visits = _rows(
        cursor,
        """
        SELECT v.id, v.claim_code AS code, v.state, to_char(v.claim_month, 'YYYY-MM') AS month, r.id AS result,
               r.total_hospital_amount AS hospital, r.total_insured_amount AS insured, r.fund_amount AS fund,
               r.copay_amount AS copay, r.other_amount AS other, r.self_paid_amount AS self_paid, r.entitlement_code
        FROM patients_visit v JOIN his_facility f ON f.id = v.facility_id
        LEFT JOIN insurance_benefitresult r ON r.visit_id = v.id AND r.is_current
        WHERE f.code = %s ORDER BY v.id
        """,
        facility,
    )
    entries = _rows(
        cursor,
        """
        SELECT e.id, e.number, e.kind, e.method, e.amount, e.visit_id AS visit, e.result_id AS result, e.at,
               e.session_id AS session, e.reverses_id AS reverses, v.claim_code AS code,
               to_char(e.at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD') AS day,
               r.copay_amount AS copay, r.self_paid_amount AS self_paid, r.total_hospital_amount AS hospital,
               r.fund_amount AS fund
        FROM insurance_cashentry e JOIN patients_visit v ON v.id = e.visit_id
        JOIN his_facility f ON f.id = e.facility_id
        LEFT JOIN insurance_benefitresult r ON r.id = e.result_id
        WHERE f.code = %s ORDER BY e.at, e.id
        """,
        facility,
    )
    drawers = _rows(
        cursor,
        """
        SELECT s.id, s.opening_float, s.closed_at, s.counted_amount, s.expected_amount
        FROM insurance_cashsession s JOIN his_facility f ON f.id = s.facility_id WHERE f.code = %s ORDER BY s.id
        """,
        facility,
    )
    lines = _rows(
        cursor,
        """
        SELECT l.result_id AS id, sum(l.hospital_amount), sum(l.insured_amount), sum(l.fund_amount),
               sum(l.copay_amount), sum(l.other_amount), sum(l.self_paid_amount)
        FROM insurance_benefitline l JOIN insurance_benefitresult r ON r.id = l.result_id
        JOIN his_facility f ON f.id = r.facility_id WHERE f.code = %s GROUP BY 1
        """,
        facility,
        names=("id", "hospital", "insured", "fund", "copay", "other", "self_paid"),
    )
    sums = {row.pop("id"): tuple(row.values()) for row in lines}
    waivers = _rows(
        cursor,
        """
        SELECT w.result_id AS result, w.at, CASE w.kind WHEN 'grant' THEN w.amount ELSE -w.amount END AS amount
        FROM insurance_feewaiver w JOIN his_facility f ON f.id = w.facility_id WHERE f.code = %s
        """,
        facility,
    )
    return Books(facility, visits, entries, drawers, waivers, sorted({entry["day"] for entry in entries}), sums)


def said(text: str, label: str) -> Decimal | None:
    """The amount that follows a label on a paper."""
    found = re.search(re.escape(label) + r" (-?[\d.]+(?:,\d+)?)(?= |$)", text)
    return amount(found[1]) if found else None


def number_of(words: str) -> Decimal:
    """`Một triệu hai trăm linh năm nghìn đồng` as a number: the opposite way to the product's words."""
    whole, group, digit = 0, 0, 0
    for word in words.lower().removesuffix("đồng").split():
        if word in DIGITS:
            digit = DIGITS[word]
        elif word in {"trăm", "mươi"}:
            group, digit = group + digit * {"trăm": 100, "mươi": 10}[word], 0
        elif word == "mười":
            group, digit = group + 10, 0
        elif word in SCALES:
            group += digit
            if word == "tỷ":
                whole, group = (whole + group) * SCALES[word], 0
            else:
                whole, group = whole + group * SCALES[word], 0
            digit = 0
        elif word != "linh":
            raise ValueError(words)
    return Decimal(whole + group + digit)


def _rows(cursor: Any, sql: str, facility: str, names: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    cursor.execute(sql, [facility])
    names = names or tuple(column[0] for column in cursor.description)
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _whole(value: Decimal) -> Decimal:
    return value.quantize(Decimal(1), rounding=ROUND_HALF_UP)


def _statement(books: Books, visit: Mapping[str, Any], read: Callable[[str], bytes]) -> None:
    """01/KBCB: its rows add up to its sums and to the split; the end of the form says the same."""
    pdf, code = read(f"/insurance/papers/visits/{visit['id']}/statement.pdf"), visit["code"]
    books.seen["statement"] += 1
    lines = statement_lines(pdf)
    wanted = tuple(visit[name] for _, name in TOTALS.values())
    rows = [line for line in lines if line.is_row]
    books.same(f"{code} statement, rows", total(rows), wanted)
    books.same(f"{code} statement, last sum", [line for line in lines if line.is_sum][-1].amounts, wanted)
    books.same(f"{code} lines of the split", wanted, books.lines[visit["result"]])
    for place, row in enumerate(rows, 1):
        hospital, _insured, fund, copay, other, self_paid = row.amounts
        books.same(f"{code} statement, row {place}", hospital, fund + copay + other + self_paid)
    text, waived = text_of(pdf), books.waived(visit["result"])
    patient = visit["copay"] + visit["self_paid"]
    books.same(f"{code} statement, fund", said(text, "Quỹ BHYT thanh toán:"), visit["fund"])
    books.same(f"{code} statement, patient", said(text, "Người bệnh trả:"), patient)
    books.same(f"{code} statement, co-payment", said(text, "Cùng trả trong phạm vi BHYT:"), visit["copay"])
    books.same(f"{code} statement, self-paid", said(text, "Các khoản phải trả khác:"), visit["self_paid"])
    books.same(f"{code} statement, other", said(text, "Nguồn khác:"), visit["other"])
    if waived:
        books.same(f"{code} statement, to pay", said(text, "còn phải trả"), _whole(patient) - waived)
    words = re.search(r"Viết bằng chữ: (.*?đồng)", text)
    books.same(f"{code} statement, words", number_of(words[1]) if words else None, _whole(visit["hospital"]))


def _settlement(books: Books, visit: Mapping[str, Any], read: Callable[[str], bytes]) -> None:
    """From the whole cost to what is left: each step as the ledger has it."""
    text, code = text_of(read(f"/insurance/papers/visits/{visit['id']}/settlement.pdf")), visit["code"]
    books.seen["settlement"] += 1
    entries, waived = books.of_visit(visit["id"]), books.waived(visit["result"])
    payable = _whole(visit["copay"] + visit["self_paid"]) - waived
    moved = [entry for entry in entries if entry["kind"] not in {"deposit_use", "deposit_release"}]
    taken = sum((e["amount"] * SIGNS[e["kind"]][1] for e in moved), ZERO)
    cash = sum((e["amount"] * SIGNS[e["kind"]][0] for e in entries), ZERO)
    books.same(f"{code} settlement, cost", said(text, "Tổng chi phí"), visit["hospital"])
    books.same(f"{code} settlement, fund", said(text, "Quỹ BHYT thanh toán"), visit["fund"])
    books.same(f"{code} settlement, to pay", said(text, "Người bệnh phải trả"), payable)
    books.same(f"{code} settlement, paid", said(text, "Đã nộp theo phiếu thu (trừ hoàn)"), taken)
    due = payable - cash
    label = "Còn phải thu thêm" if due > 0 else "Phải hoàn lại người bệnh" if due < 0 else "Còn lại"
    books.same(f"{code} settlement, left", said(text, label), abs(due))
    for entry in entries:
        if entry["number"] not in text:
            books.told.append(f"{code} settlement lacks {entry['number']}")


def _slip(books: Books, entry: Mapping[str, Any], read: Callable[[str], bytes]) -> None:
    """A slip on A5 and on the roll: number, amount, words, the split it was taken for, and what is left after it."""
    pdf, number = read(f"/insurance/papers/receipts/{entry['id']}.pdf"), entry["number"]
    books.seen["slip"] += 1
    text = text_of(pdf)
    found = re.search(r": ([\d.]+) đồng Bằng chữ: (.*?đồng)", text)
    books.same(f"{number} slip", found and (amount(found[1]), number_of(found[2])), (entry["amount"], entry["amount"]))
    books.same(f"{number} slip, number", f"Số: {number}" in text, True)
    books.same(f"{number} slip, visit", entry["code"] in text, True)
    voided = any(other["reverses"] == entry["id"] and other["kind"].endswith("_void") for other in books.entries)
    books.same(f"{number} slip, void", "PHIẾU ĐÃ HỦY" in text, voided)
    if entry["result"] is not None and entry["kind"] in {"receipt", "refund", "deposit_use"}:
        lines, sums = slip_lines(pdf)
        wanted = (entry["hospital"], entry["fund"], entry["copay"], entry["self_paid"])
        books.same(f"{number} slip, sums", sums, wanted)
        books.same(f"{number} slip, lines", tuple(sum(column) for column in zip(*lines, strict=True)), wanted)
        before = [e for e in books.of_visit(entry["visit"]) if (e["at"], e["id"]) <= (entry["at"], entry["id"])]
        waived = books.waived(entry["result"], entry["at"])
        books.same(f"{number} slip, waived", said(text, "Miễn giảm:") or ZERO, waived)
        payable = _whole(entry["copay"] + entry["self_paid"]) - waived
        left = payable - sum(e["amount"] * SIGNS[e["kind"]][0] for e in before)
        books.same(f"{number} slip, to pay", said(text, "Người bệnh phải trả:"), payable)
        books.same(f"{number} slip, left", said(text, "Còn phải nộp:") or ZERO, max(left, ZERO))
    roll = text_of(read(f"/insurance/papers/receipts/{entry['id']}/roll.pdf"))
    books.same(f"{number} roll", f"{entry['amount']:,.0f}".replace(",", ".") in roll and number in roll, True)


def _drawer(books: Books, drawer: Mapping[str, Any], read: Callable[[str], bytes]) -> None:
    """The report of a drawer: its papers, what should be in it and what was counted."""
    what = f"drawer {drawer['id']}"
    entries = [entry for entry in books.entries if entry["session"] == drawer["id"]]
    text = _report(books, what, entries, read(f"/insurance/papers/drawers/{drawer['id']}/report.pdf"))
    moved = [entry["amount"] * SIGNS[entry["kind"]][0] for entry in entries if entry["method"] == "cash"]
    cash = drawer["opening_float"] + sum(moved)
    books.same(f"{what}, cash", said(text, "Tiền mặt phải có khi chốt ca:"), cash)
    if drawer["closed_at"] is not None:
        books.same(f"{what}, counted", said(text, "Tiền mặt đếm được:"), drawer["counted_amount"])
        books.same(f"{what}, stored", drawer["expected_amount"], cash)


def _day(books: Books, day: str, read: Callable[[str], bytes]) -> None:
    """The report of a day: its papers, and the deposits that are held at its end."""
    entries = [entry for entry in books.entries if entry["day"] == day]
    asked = f"{day[8:]}/{day[5:7]}/{day[:4]}"
    text = _report(books, f"day {day}", entries, read(f"/insurance/papers/days/report.pdf?day={asked}"))
    held = sum((e["amount"] * SIGNS[e["kind"]][2] for e in books.entries if e["day"] <= day), ZERO)
    books.same(f"day {day}, held", said(text, "Tạm ứng còn giữ cuối ngày:"), held)


def _report(books: Books, what: str, entries: list[dict[str, Any]], pdf: bytes) -> str:
    """Every entry is in the report of a drawer or a day with its amount; the sums are those of the entries."""
    books.seen[what.split()[0]] += 1
    found, text = report_amounts(pdf), text_of(pdf)
    for entry in entries:
        cash = entry["amount"] * SIGNS[entry["kind"]][0]
        if cash:
            wanted = (*(cash if entry["method"] == method else ZERO for method in METHODS), cash)
            books.same(f"{what}, {entry['number']}", found.get(entry["number"]), wanted)
        elif entry["number"] not in text:
            books.told.append(f"{what} lacks {entry['number']}")
    numbers = {entry["number"] for entry in entries}
    books.told += [
        f"{what}: {name} is not of it" for name in found if re.match(r"..\d\d\.", name) and name not in numbers
    ]
    moved = [(entry["method"], entry["amount"] * SIGNS[entry["kind"]][0]) for entry in entries]
    for label, sign in (("TỔNG THU", 1), ("TỔNG HOÀN, HỦY", -1)):
        sums = [sum((abs(c) for m, c in moved if m == method and c * sign > 0), ZERO) for method in METHODS]
        books.same(f"{what}, {label}", found.get(label, (ZERO,) * 4), (*sums, sum(sums)))
    net = [sum((c for m, c in moved if m == method), ZERO) for method in METHODS]
    books.same(f"{what}, net", found.get("CÒN PHẢI NỘP (thu − hoàn)", (ZERO,) * 4), (*net, sum(net)))
    return text


def _claims(books: Books, folder: Path) -> None:
    """The files of a month: totals are sums of lines and those of the split; every visit that asks the fund has one."""
    claims = claims_in(folder)
    by_code = {visit["code"]: visit for visit in books.visits}
    months = {by_code[code]["month"] for code in claims if code in by_code}
    for code, tables in claims.items():
        books.seen["claim"] += 1
        (summary,) = tables["XML1"]
        visit = by_code.get(code)
        if visit is None or visit["result"] is None:
            books.told.append(f"{code}: a file of no closed visit")
            continue
        for tag, (line_tag, name) in TOTALS.items():
            lines = sum((money(line[line_tag]) for line in lines_of(tables)), ZERO)
            books.same(f"{code} {tag}", money(summary[tag]), visit[name])
            books.same(f"{code} {tag} of the lines", lines, visit[name])
        for line in lines_of(tables):
            parts = sum((money(line[tag]) for tag in ("T_BHTT", "T_BNCCT", "T_BNTT", "T_NGUONKHAC")), ZERO)
            books.same(f"{code} line {line['STT']}", money(line["THANH_TIEN_BV"]), parts)
    for visit in books.visits:
        asks = visit["result"] is not None and visit["fund"] and visit["month"] in months
        if asks and visit["code"] not in claims:
            books.told.append(f"{visit['code']}: the fund pays, and there is no file")


def papers(books: Books) -> Iterator[str]:
    """What was read, for people."""
    yield from (f"{books.facility} {name}: {count}" for name, count in sorted(books.seen.items()))
