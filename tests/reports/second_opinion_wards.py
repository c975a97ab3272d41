"""Who lay in the wards, once more: from the rows of the beds, day by day, by code that the product does not share."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from tests.reports.second_opinion import INPATIENT, LOCAL, differences, rows_of, sheet

DAY = timedelta(days=1)


@dataclass
class Stretch:
    """Time of one visit in one department; local times, `end` None while it goes on. `days` are days of treatment."""

    who: Mapping[str, Any]
    ward: str
    ward_name: str
    start: datetime
    end: datetime | None
    came: str
    went: str
    days: list[tuple[datetime, str]]

    def lies(self, at: datetime) -> bool:
        """Whether somebody lay here just before an instant."""
        return self.start < at and (self.end is None or at <= self.end)

    def began(self, window: tuple[datetime, datetime], how: str) -> bool:
        """Whether it began so in the window."""
        return window[0] <= self.start < window[1] and self.came == how

    def ended(self, window: tuple[datetime, datetime], *how: str) -> bool:
        """Whether it ended so in the window."""
        return self.end is not None and window[0] <= self.end < window[1] and self.went in how


def stretches(cursor: Any, facility: str, visit: str, as_of: datetime) -> list[Stretch]:
    """All time in wards; `visit` are columns of the visit and its person, midnights are told up to `as_of`."""
    text = f"""
        SELECT b.visit_id, b.bed_code, d.code AS ward, d.name AS ward_name,
               b.started_at {LOCAL} AS start, b.ended_at {LOCAL} AS stop, {visit}
        FROM patients_bedstay b JOIN patients_visit v ON v.id = b.visit_id
        JOIN his_department d ON d.id = b.department_id JOIN patients_patient p ON p.id = v.patient_id
        JOIN his_facility f ON f.id = v.facility_id
        WHERE f.code = %s AND b.voided_at IS NULL AND v.state <> 'cancelled' ORDER BY b.visit_id, b.started_at
    """
    of_visit: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows_of(cursor, text, [facility]):
        of_visit[row["visit_id"]].append(row)
    return [one for rows in of_visit.values() for one in _of_one(rows, as_of)]


def _of_one(rows: list[dict[str, Any]], as_of: datetime) -> list[Stretch]:
    found: list[Stretch] = []
    for at, row in enumerate(rows):
        follows = rows[at + 1] if at + 1 < len(rows) else None
        if not found or found[-1].ward != row["ward"]:
            came = "moved" if found else "admitted"
            found.append(Stretch(row, row["ward"], row["ward_name"], row["start"], None, came, "", []))
        found[-1].end = follows["start"] if follows else row["stop"]
        found[-1].went = "moved" if follows else _way(row)
    for instant, kind, ward in _days(rows, as_of):
        for one in found:
            if one.ward == ward and one.start < instant and (one.end is None or instant <= one.end):
                one.days.append((instant, kind))
                break
    return found


def _way(row: Mapping[str, Any]) -> str:
    if row["result"] == "5":
        return "died"
    return "transfer" if row["outcome"] in ("transfer", "transfer_request") else "home"


def _days(rows: Sequence[Mapping[str, Any]], as_of: datetime) -> Iterable[tuple[datetime, str, str]]:
    """Each day of treatment: when it is told (the midnight that ends it, or leaving on the same day), bed, ward."""
    day = rows[0]["start"].replace(hour=0, minute=0, second=0, microsecond=0)
    last = max(row["stop"] or as_of for row in rows)
    while day <= last:
        before, after = (
            [row for row in rows if row["start"] < at and (row["stop"] is None or at <= row["stop"])]
            for at in (day, day + DAY)
        )
        within = [row for row in rows if row["start"] >= day and row["stop"] is not None and row["stop"] < day + DAY]
        if after:
            yield day + DAY, after[0]["bed_code"][0], after[0]["ward"]
        elif within and not before:
            yield within[-1]["stop"], within[-1]["bed_code"][0], within[-1]["ward"]
        day += DAY


def days_in(one: Stretch, window: tuple[datetime, datetime], kinds: str = "HTCK") -> int:
    """Days of treatment that a window tells: midnights after its beginning up to its end."""
    return sum(1 for at, kind in one.days if kind in kinds and window[0] < at <= window[1])


def window_of(month: str, as_of: datetime) -> tuple[datetime, datetime]:
    """The month, or what of it was over."""
    start = datetime.fromisoformat(f"{month}-01")
    end = (start + 32 * DAY).replace(day=1)
    return start, max(start, min(end, as_of))


def rows_of_form_9(found: list[Stretch], window: tuple[datetime, datetime]) -> dict[str, list[tuple[Any, int]]]:
    """By row of form 9 whom it counts, and how often."""
    whole: dict[int, int] = defaultdict(int)
    for one in found:
        whole[one.who["visit_id"]] += len(one.days)
    inside = [one for one in found if one.who["visit_type"] in INPATIENT]
    kept = [one for one in found if one.who["visit_type"] == "06"]
    over = [one for one in inside if one.ended(window, "home", "transfer", "died")]

    def days(some: list[Stretch], kinds: str = "HTCK") -> list[tuple[Any, int]]:
        return [(one.who, days_in(one, window, kinds)) for one in some]

    def each(some: Iterable[Stretch]) -> list[tuple[Any, int]]:
        return [(one.who, 1) for one in some]

    return {
        "Người bệnh nội trú có đầu kỳ": each(one for one in inside if one.lies(window[0])),
        "Người bệnh nhận vào khoa trong kỳ": each(one for one in inside if one.began(window, "admitted")),
        "Ra khỏi khoa: ra viện": each(one for one in inside if one.ended(window, "home")),
        "Ra khỏi khoa: chuyển cơ sở khác": each(one for one in inside if one.ended(window, "transfer")),
        "Ra khỏi khoa: tử vong": each(one for one in inside if one.ended(window, "died")),
        "Người bệnh nội trú có cuối kỳ": each(one for one in inside if one.lies(window[1])),
        "Lượt điều trị lưu tại trạm y tế (vào trong kỳ)": each(one for one in kept if one.began(window, "admitted")),
        "Tổng số ngày điều trị nội trú trong kỳ": days(inside),
        "Ngày điều trị ở giường kế hoạch (mã H)": days(inside, "H"),
        "Ngày điều trị ở giường kê thêm (mã T)": days(inside, "T"),
        "Ngày điều trị ở giường khác (mã C, K)": days(inside, "CK"),
        "Ngày điều trị lưu tại trạm y tế": days(kept),
        "Người bệnh kết thúc điều trị nội trú trong kỳ": each(over),
        "Ngày điều trị cả đợt của người bệnh kết thúc": [(one.who, whole[one.who["visit_id"]]) for one in over],
    }


def mean(days: Decimal, people: Decimal) -> Decimal | str:
    """Days of one on average, to a tenth; empty where nobody left."""
    return (days / people).quantize(Decimal("0.1"), ROUND_HALF_EVEN) if people else ""


def by_ward(path: Path, found: list[Stretch], window: tuple[datetime, datetime]) -> list[str]:
    """Activity of the wards by department."""
    whole: dict[int, int] = defaultdict(int)
    for one in found:
        whole[one.who["visit_id"]] += len(one.days)
    since: dict[int, datetime] = {}
    for one in found:
        since.setdefault(one.who["visit_id"], one.start)
    wanted: dict[str, dict[str, Any]] = {}
    here = [one for one in found if one.start < window[1] and (one.end is None or one.end >= window[0])]
    for name in {one.ward_name for one in here}:
        own = [one for one in here if one.ward_name == name]
        new = [one.who for one in own if one.began(window, "admitted")]
        dead = [one for one in own if one.ended(window, "died")]
        gone = [one for one in own if one.ended(window, "home", "transfer", "died")]
        home = [one for one in own if one.ended(window, "home")]
        counted = {
            "DAU": sum(one.lies(window[0]) for one in own),
            "VAO": len(new),
            "VAO_NU": sum(who["sex"] == "2" for who in new),
            "VAO_TE15": sum(who["age"] < 15 for who in new),
            "VAO_CC": sum(who["route"] == "emergency" for who in new),
            "DEN": sum(one.began(window, "moved") for one in own),
            "DI": sum(one.ended(window, "moved") for one in own),
            "RA": len(home),
            "XIN_VE": sum(one.who["result"] == "6" for one in home),
            "CHUYEN": sum(one.ended(window, "transfer") for one in own),
            "TV": len(dead),
            "TV_24": sum(one.end is not None and one.end <= since[one.who["visit_id"]] + DAY for one in dead),
            "TV_TE15": sum(one.who["age"] < 15 for one in dead),
            "CUOI": sum(one.lies(window[1]) for one in own),
            "NGAY": sum(days_in(one, window) for one in own),
            "LUOT_HET": len(gone),
            "NGAY_HET": sum(whole[one.who["visit_id"]] for one in gone),
        }
        wanted[name] = {tag: Decimal(value) for tag, value in counted.items()}
        wanted[name] |= {"GIUONG_KH": "", "CONG_SUAT": ""}
        wanted[name]["NGAY_TB"] = mean(wanted[name]["NGAY_HET"], wanted[name]["LUOT_HET"])
    return differences(sheet(path), wanted, lambda row: row["TEN"], "HDNOITRU")
