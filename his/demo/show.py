"""The short tables that end a demonstration, in Vietnamese."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from his.core.money import ZERO
from his.demo.month import Loaded
from his.demo.outcome import TAGS, Outcome
from his.demo.places import DEMO_PASSWORD

_COLUMNS = ("Tổng chi phí", "Trong phạm vi", "Quỹ BHYT trả", "Cùng chi trả", "Tự trả", "Nguồn khác")
_ROLES = (
    ("Tiếp đón", "reception"),
    ("Điều dưỡng", "nurse"),
    ("Bác sĩ", "doctor"),
    ("Kỹ thuật viên", "technician"),
    ("Dược sĩ", "pharmacist"),
    ("Thu ngân", "cashier"),
    ("Giám định BHYT", "claims"),
    ("Lãnh đạo", "manager"),
    ("Quản trị", "admin"),
)
_HOSPITAL_ROLES = (("Thủ kho dược", "keeper"), ("Trưởng khoa Dược", "head"))

_MISSING = {"diagnosis": "bệnh", "service": "dịch vụ", "drug": "thuốc"}


def gaps(loaded: Loaded, *, with_names: bool) -> Iterator[str]:
    """What the catalogue of a facility lacks of the invented cases: one line, and a line of names for each kind."""
    missing = [(word, loaded.missing[kind]) for kind, word in _MISSING.items() if loaded.missing.get(kind)]
    if missing:
        counts = ", ".join(f"{len(names)} {word}" for word, names in missing)
        more = "" if with_names else " (xem --verbosity 2)"
        yield f"{loaded.facility_code}: danh mục không có {counts} của bệnh án mẫu{more}"
    if with_names:
        yield from (f"  {word}: {'; '.join(names)}" for word, names in missing)


def tables(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Lines about each facility: counts, the totals side by side, and the cash account."""
    for outcome in outcomes:
        yield ""
        yield f"{outcome.facility_code}  {outcome.facility_name}"
        yield (
            f"  {outcome.visits} lượt khám, {outcome.insured} lượt BHYT, {outcome.claims} hồ sơ, "
            f"{outcome.findings} hồ sơ có lỗi, {sum(outcome.left_out.values())} lượt không lập hồ sơ"
        )
        for reason, count in sorted(outcome.left_out.items()):
            yield f"    không lập: {reason} ({count})"
        yield from _totals(outcome)
        yield from _cash(outcome)


def _totals(outcome: Outcome) -> Iterator[str]:
    yield _row("", _COLUMNS)
    for name, totals in (
        ("Kết quả tách", outcome.splits),
        ("Tệp hồ sơ XML", outcome.claim_files),
        ("Mẫu 01/BH", outcome.report),
    ):
        yield _row(name, [dong(totals[tag]) for tag in TAGS])
    is_equal = outcome.splits == outcome.claim_files == outcome.report and outcome.claims == outcome.report_rows
    yield f"  Ba tổng của {outcome.claims} hồ sơ: {_word(is_equal)}"


def _row(name: str, cells: Sequence[str]) -> str:
    return f"  {name:<15}" + "".join(f"{cell:>18}" for cell in cells)


def _cash(outcome: Outcome) -> Iterator[str]:
    rounding = outcome.payable + outcome.waived - outcome.patient_amount
    yield (
        f"  Người bệnh phải trả {dong(outcome.payable)} "
        f"(miễn giảm {dong(outcome.waived)}, làm tròn {dong(rounding)}) = "
        f"thu {dong(outcome.received)} - hoàn {dong(outcome.refunded)} + còn nợ {dong(outcome.owed)}: "
        f"{_word(outcome.payable == outcome.received - outcome.refunded + outcome.owed and not outcome.differing)}"
    )
    for name in outcome.differing[:5]:
        yield f"    lệch: {name}"


def _word(agrees: bool) -> str:
    return "KHỚP" if agrees else "LỆCH"


def dong(amount: Decimal) -> str:
    """An amount as people write it: 1.234.567 or 1.234.567,50."""
    text = f"{amount:,.2f}".replace(",", "\0").replace(".", ",").replace("\0", ".")
    return text.removesuffix(",00") if amount != ZERO else "0"


def where_next(claims_dir: Path, reports_dir: Path, url: str) -> Iterator[str]:
    """Where to look: files, address, accounts."""
    yield ""
    yield f"Hồ sơ BHYT:  {claims_dir}/<mã cơ sở>/"
    yield f"Báo cáo:     {reports_dir}/"
    yield f"Xem trên màn hình: make run, rồi mở {url}"
    yield f"Tài khoản (mật khẩu {DEMO_PASSWORD}; đuôi .tyt cho trạm y tế, .bv cho bệnh viện):"
    for name, key in _ROLES:
        yield f"  {name:<16}{key + '.tyt':<18}{key}.bv"
    for name, key in _HOSPITAL_ROLES:
        yield f"  {name:<16}{'':<18}{key}.bv"
