"""What a case row says that its answer does not depend on, so that nobody takes the answer for more than it is."""

from datetime import timedelta

from insurance.benefits.engine.case_words import Extra, Row, day, is_day_first, mapping, mappings, word
from insurance.benefits.engine.cases import unreadable_place
from insurance.benefits.engine.params import load

_AMOUNT_KEYS = frozenset({"qty", "price", "bh", "dv", "tl", "src", "mh", "cap"})
_CODE_KEYS = frozenset({"kind", "pv", "grp", "pttt", "pkg", "srcmode", "seg", "note"})
_COPAY_KEYS = frozenset({"copay_ytd_before", "threshold", "copay_before_0107", "remaining"})
_STAY_KEYS = frozenset({"ngay_vao", "ngay_ra", "gt_the_den", "origin_code"})
_ORIGIN_KEYS = frozenset({"bed_days", "special", "price", "n_actual_last_year", "k", "n_tb", "sterilisation"})
"""Those of bed days and of a re-used supply tell how a quantity or a price of the lines came about."""
_KINDS = frozenset({"dv", "thuoc"})


def remarks(row: Row) -> list[str]:
    """Vietnamese remarks on a row that `run_case` has answered; empty when everything it says was used."""
    row = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
    extra = mapping(row.get("extra_json", ""), "extra_json")
    lines = mappings(row.get("items_json", ""), "items_json")
    found = [f"bỏ qua {name} = {row[name]}, vì đã có mã đối tượng" for name in unreadable_place(row)]
    if is_day_first(row["ngay_ra"]):
        found.append(f"ngay_ra {row['ngay_ra']} đọc là ngày {day(row['ngay_ra'], 'ngay_ra'):%d/%m/%Y}")
    if unknown := sorted(set(extra) - _COPAY_KEYS - _STAY_KEYS - _ORIGIN_KEYS):
        found.append(f"extra_json có khóa chưa biết, tính không dùng đến: {', '.join(unknown)}")
    if unknown := sorted({key for line in lines for key in line} - _AMOUNT_KEYS - _CODE_KEYS):
        found.append(f"items_json có khóa chưa biết, tính không dùng đến: {', '.join(unknown)}")
    for position, line in enumerate(lines, 1):
        if (kind := word(line, "kind", "dv")).lower() not in _KINDS:
            found.append(f"dòng {position}: không biết loại {kind}, tính như dịch vụ kỹ thuật")
    return found + _on_days(row, extra, lines)


def _on_days(row: Row, extra: Extra, lines: list[Extra]) -> list[str]:
    """Days beside the row that contradict it, and a card that ended too early for the whole stay."""
    ended_on, found = day(row["ngay_ra"], "ngay_ra"), []
    if extra.get("ngay_ra") and day(extra["ngay_ra"], "ngay_ra") != ended_on:
        found.append("ngay_ra của extra_json khác cột ngay_ra, tính theo cột")
    if extra.get("gt_the_den"):
        grace = timedelta(days=int(load(on=ended_on).number("card_grace_days")))
        is_marked = any(word(line, "pv", "1") == "2" or word(line, "mh", "") == "0" for line in lines)
        if ended_on > day(extra["gt_the_den"], "gt_the_den") + grace and not is_marked:
            found.append("thẻ hết hạn quá số ngày được hưởng tiếp mà không dòng nào ghi tự trả (pv = 2)")
    return found
