"""The second program for further forms: C79, 19, 9, 11, ten leading causes, cash, revenue, use of drugs, the bin card.

From the exported claim files where they hold the figures, else by plain SQL over the tables. Like `second_opinion` it
shares no code with the product and imports none of it.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.reports import second_opinion_wards as wards
from tests.reports.second_opinion import (
    GROUPS,
    INPATIENT,
    LOCAL,
    Cells,
    Tables,
    _items,
    _plain,
    differences,
    lines_of,
    money,
    rows_of,
    sheet,
)

ZERO = Decimal(0)


def form_c79(path: Path, claims: Mapping[str, Tables]) -> list[str]:
    """All columns of C79-HD; a row has no claim code, so card and departure tell it."""
    groups = {tag: GROUPS[tag] for tag in ("T_KHAM", "T_GIUONG", "T_XN", "T_CDHA", "T_PTTT", "T_MAU", "T_THUOC")}
    groups |= {tag: GROUPS[tag] for tag in ("T_VTYT", "T_VCHUYEN")}
    wanted = {}
    for tables in claims.values():
        (visit,) = tables["XML1"]
        card = visit["MA_THE_BHYT"].split(";")[0]
        row: Cells = {tag: visit[tag] for tag in ("HO_TEN", "GIOI_TINH", "MA_BENH_CHINH", "NGAY_VAO", "NGAY_RA")}
        row |= {"NAM_SINH": visit["NGAY_SINH"][:4], "MA_THE_BHYT": card, "SO_NGAY_DTRI": money(visit["SO_NGAY_DTRI"])}
        row |= {tag: money(visit[tag]) for tag in ("T_TONGCHI_BH", "T_BHTT", "T_BNCCT", "T_BNTT", "T_NGUONKHAC")}
        for tag, numbers in groups.items():
            row[tag] = sum((money(x["THANH_TIEN_BH"]) for x in lines_of(tables) if x["MA_NHOM"] in numbers), ZERO)
        row |= dict.fromkeys(("T_BHTT_TT", "T_K2D10", "T_NK_TT", "T_NGOAI_PV"), "")
        wanted[card, visit["NGAY_RA"]] = row
    rows = sheet(path)
    left = set(rows[0]) - {"STT"} - set().union(*wanted.values()) if rows else set()
    told = differences(rows, wanted, lambda row: (row["MA_THE_BHYT"], row["NGAY_RA"]), "C79")
    return told + [f"C79: nobody checks {tag}" for tag in left]


def form_19(path: Path, claims: Mapping[str, Tables]) -> list[str]:
    """Supplies, by code and price: lines of XML3 in groups 10 and 11."""

    def code_of(line: Mapping[str, str]) -> str:
        return line["MA_VAT_TU"] or line["MA_DICH_VU"]

    coded = {
        claim: {**tables, "XML3": [{**line, "CODE": code_of(line)} for line in tables.get("XML3", [])]}
        for claim, tables in claims.items()
    }
    wanted = _items(coded, "XML3", ("CODE", "DON_GIA_BH"), lambda line: line["MA_NHOM"] in {"10", "11"})
    return differences(
        sheet(path), wanted, lambda row: (_plain(row["MA_VAT_TU"]), _plain(row["DON_GIA_BH"])), "19/BHYT"
    )


VISIT = f"""
    v.visit_type, v.route, v.is_insured, p.sex, p.ethnicity_code AS ethnicity,
    date_part('year', age((v.arrived_at {LOCAL})::date, p.born_on))::int AS age,
    (SELECT e.outcome FROM patients_exam e WHERE e.visit_id = v.id ORDER BY e.started_at DESC, e.id DESC LIMIT 1)
        AS outcome,
    (SELECT e.treatment_result_code FROM patients_exam e WHERE e.visit_id = v.id
     ORDER BY e.started_at DESC, e.id DESC LIMIT 1) AS result,
    (SELECT d.code FROM patients_visitdiagnosis d WHERE d.visit_id = v.id AND d.is_main LIMIT 1) AS icd
"""
_OF_VISIT = """
    JOIN patients_patient p ON p.id = v.patient_id JOIN his_facility f ON f.id = v.facility_id WHERE f.code = %s
"""
_PARTS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "TS": lambda one: True,
    "NU": lambda one: one["sex"] == "2",
    "TE6": lambda one: one["age"] < 6,
    "TE15": lambda one: one["age"] < 15,
    "NCT": lambda one: one["age"] >= 60,
    "BHYT": lambda one: one["is_insured"],
    "VIEN_PHI": lambda one: not one["is_insured"],
    "DAN_TOC": lambda one: one["ethnicity"] != "01",
}


def _month(column: str) -> str:
    return f"to_char({column} {LOCAL}, 'YYYY-MM') = %s"


def ended(cursor: Any, facility: str, month: str) -> list[dict[str, Any]]:
    """Visits that ended in a month and were not called off."""
    text = f"SELECT {VISIT} FROM patients_visit v {_OF_VISIT} AND {_month('v.ended_at')} AND v.state IN %s"
    return rows_of(cursor, text, [facility, month, ("examined", "closed")])


def form_9(path: Path, cursor: Any, facility: str, month: str, as_of: datetime) -> list[str]:
    """Activity of the month: what began, what ended, examinations and services."""
    text = f"SELECT {VISIT} FROM patients_visit v {_OF_VISIT} AND {_month('v.arrived_at')} AND v.state <> 'cancelled'"
    came = rows_of(cursor, text, [facility, month])
    left = ended(cursor, facility, month)
    text = f"""
        SELECT {VISIT} FROM patients_exam x JOIN patients_visit v ON v.id = x.visit_id {_OF_VISIT}
        AND {_month("x.started_at")} AND v.state <> 'cancelled'
    """
    exams = rows_of(cursor, text, [facility, month])
    text = f"""
        SELECT s.group_code, {VISIT} FROM patients_serviceorder o JOIN patients_visit v ON v.id = o.visit_id
        JOIN his_pricedservice s ON s.id = o.service_id {_OF_VISIT}
        AND {_month("o.performed_at")} AND o.state = 'performed'
    """
    services = rows_of(cursor, text, [facility, month])
    moved = ("transfer", "transfer_request")

    def out(one: Mapping[str, Any]) -> bool:
        return one["visit_type"] not in INPATIENT

    rows: list[tuple[str, Iterable[dict[str, Any]]]] = [
        ("Tổng số lượt khám bệnh", filter(out, came)),
        ("Tổng số lần khám (kể cả khám thêm chuyên khoa)", filter(out, exams)),
        ("Khám cấp cứu", (one for one in came if out(one) and one["route"] == "emergency")),
        ("Khám sức khỏe, khám dự phòng", (one for one in came if one["visit_type"] in ("15", "16"))),
        ("Khám bệnh từ xa", (one for one in came if one["visit_type"] == "14")),
        ("Khám bệnh lưu động, tại nhà", (one for one in came if one["visit_type"] in ("11", "12"))),
        ("Chuyển cơ sở khác từ khám bệnh", (one for one in left if out(one) and one["outcome"] in moved)),
        ("Hẹn khám lại", (one for one in left if out(one) and one["outcome"] == "follow_up")),
        ("Lượt điều trị ngoại trú", (one for one in left if one["visit_type"] in ("02", "05", "08"))),
        ("Lượt điều trị nội trú (ra viện trong kỳ)", (one for one in left if one["visit_type"] == "03")),
        ("Lượt điều trị ban ngày", (one for one in left if one["visit_type"] in ("04", "09"))),
        ("Chuyển cơ sở khác từ nội trú", (one for one in left if not out(one) and one["outcome"] in moved)),
        ("Bệnh nặng xin về", (one for one in left if not out(one) and one["result"] == "6")),
        ("Tử vong trước viện", (one for one in left if out(one) and one["result"] == "5")),
        ("Tử vong tại cơ sở", (one for one in left if not out(one) and one["result"] == "5")),
    ]
    for label, group in (
        ("Xét nghiệm", "1"),
        ("Chẩn đoán hình ảnh", "2"),
        ("Thăm dò chức năng", "3"),
        ("Phẫu thuật", "8"),
        ("Thủ thuật", "18"),
        ("Vận chuyển người bệnh", "12"),
    ):
        rows.append((label, [one for one in services if one["group_code"] == group]))
    wanted = {}
    for label, counted in rows:
        people = list(counted)
        wanted[label] = {tag: Decimal(sum(1 for one in people if holds(one))) for tag, holds in _PARTS.items()}
    return differences(
        sheet(path), wanted | beds_of_form_9(cursor, facility, month, as_of), lambda row: row["TEN"], "9"
    )


def beds_of_form_9(cursor: Any, facility: str, month: str, as_of: datetime) -> dict[str, dict[str, Any]]:
    """The part of the wards; the number of beds is not known."""
    found = wards.stretches(cursor, facility, VISIT, as_of)
    rows = wards.rows_of_form_9(found, wards.window_of(month, as_of))
    wanted: dict[str, dict[str, Any]] = {
        label: {tag: Decimal(sum(n for who, n in counted if holds(who))) for tag, holds in _PARTS.items()}
        for label, counted in rows.items()
    }
    days, people = (
        wanted[f"{label} kết thúc{rest}"]
        for label, rest in (("Ngày điều trị cả đợt của người bệnh", ""), ("Người bệnh", " điều trị nội trú trong kỳ"))
    )
    wanted["Ngày điều trị trung bình một người bệnh"] = {tag: wards.mean(days[tag], people[tag]) for tag in _PARTS}
    for label in ("Số giường kế hoạch", "Công suất sử dụng giường kế hoạch (%)"):
        wanted[label] = dict.fromkeys(_PARTS, "")
    return wanted


def form_11(path: Path, cursor: Any, facility: str, month: str) -> list[str]:
    """Cases and deaths of infectious diseases by the codes that the rows print."""
    text = f"""
        SELECT c.diagnosis_code AS code, date_part('year', age(c.detected_on, p.born_on))::int AS age,
               to_char(c.detected_on, 'YYYY-MM') = %s AS is_found,
               coalesce({_month("c.died_at")}, false) AS is_dead
        FROM patients_diseasecase c JOIN patients_patient p ON p.id = c.patient_id
        JOIN his_facility f ON f.id = c.facility_id
        WHERE f.code = %s AND c.state <> 'excluded' AND c.case_class IN ('clinical', 'confirmed')
    """
    cases = rows_of(cursor, text, [month, month, facility])
    wanted: dict[Any, Cells] = {}
    rows, placed = sheet(path), 0
    for row in rows:
        here = [one for one in cases if _is_in(one["code"], str(row["MA"]))]
        placed += sum(1 for one in here if one["is_found"])
        kinds = {"MAC": "is_found", "CHET": "is_dead"}
        counts = {tag: [one for one in here if one[kind]] for tag, kind in kinds.items()}
        wanted[row["TEN"]] = {tag: Decimal(len(found)) for tag, found in counts.items()}
        wanted[row["TEN"]] |= {
            f"{tag}_TE15": Decimal(sum(1 for one in found if one["age"] < 15)) for tag, found in counts.items()
        }
    told = differences(rows, wanted, lambda row: row["TEN"], "11")
    found = sum(1 for one in cases if one["is_found"])
    return told if placed == found else [*told, f"11: {found} cases stand in {placed} rows"]


def _is_in(code: str, printed: str) -> bool:
    for part in printed.replace(" ", "").split(","):
        low, _, high = part.partition("-")
        high = high or low
        if low <= code[: len(low)] and code[: len(high)] <= high:
            return True
    return False


def ten_causes(path: Path, now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ten most frequent main diagnoses (three characters) of some visits, the rest, and shares in percent."""

    def by_code(visits: Sequence[Mapping[str, Any]]) -> Counter[str]:
        return Counter(one["icd"][:3] for one in visits if one["icd"])

    counts, former = by_code(now), by_code(before)
    whole = sum(counts.values())
    top = sorted(counts, key=lambda code: (-counts[code], code))[:10]
    wanted: dict[Any, Cells] = {}
    others = (counts.keys() | former.keys()) - set(top)
    for code in [*top, *([""] if others else [])]:
        inside = [one for one in now if one["icd"] and (one["icd"][:3] == code if code else one["icd"][:3] not in top)]
        cases, earlier = Decimal(len(inside)), Decimal(former[code] if code else sum(former[one] for one in others))
        wanted[code] = {
            "SO_CA": cases,
            "TY_LE": (cases * 100 / whole).quantize(Decimal("0.1")) if whole else ZERO,
            "NU": Decimal(sum(1 for one in inside if one["sex"] == "2")),
            "TE15": Decimal(sum(1 for one in inside if one["age"] < 15)),
        }
        growth = (cases - earlier) * 100 / earlier if earlier else None
        wanted[code] |= {"KY_TRUOC": earlier}
        wanted[code] |= {"TANG_GIAM": "" if growth is None else growth.quantize(Decimal("0.1"))}
    return differences(sheet(path), wanted, lambda row: str(row["MA"] or ""), path.stem)


_SIGN = {"receipt": 1, "deposit": 1, "refund": -1, "receipt_void": -1, "deposit_void": -1, "deposit_return": -1}
_CASH = {"THU": {"receipt"}, "TAM_UNG": {"deposit"}, "HOAN": {"refund"}, "HUY": {"receipt_void", "deposit_void"}}
_CASH |= {"TRA_TU": {"deposit_return"}}
_METHODS = {"TIEN_MAT": "cash", "CHUYEN_KHOAN": "transfer", "THE": "card"}


def cash(path: Path, cursor: Any, facility: str, month: str, *, by: str) -> list[str]:
    """Money in and out by `day` or by `cashier`."""
    text = f"""
        SELECT to_char(c.at {LOCAL}, 'DD/MM/YYYY') AS day, trim(u.first_name || ' ' || u.last_name) AS cashier,
               c.kind, c.method, c.amount
        FROM insurance_cashentry c JOIN his_facility f ON f.id = c.facility_id JOIN his_user u ON u.id = c.by_id
        WHERE f.code = %s AND {_month("c.at")} AND c.kind IN %s
    """
    wanted: dict[Any, Cells] = defaultdict(lambda: dict.fromkeys((*_CASH, *_METHODS, "CON"), ZERO))
    for one in rows_of(cursor, text, [facility, month, tuple(_SIGN)]):
        row, moved = wanted[one[by]], _SIGN[one["kind"]] * one["amount"]
        row[next(tag for tag, kinds in _CASH.items() if one["kind"] in kinds)] += one["amount"]
        row[next(tag for tag, method in _METHODS.items() if one["method"] == method)] += moved
        row["CON"] += moved
    return differences(sheet(path), wanted, lambda row: _day(str(row["TEN"])), path.stem)


def _day(text: str) -> str:
    """A day as people write it, however it is stored; a name as it is."""
    if re.fullmatch(r"\d{8,12}", text):
        return f"{text[6:8]}/{text[4:6]}/{text[:4]}"
    return re.sub(r"^(\d{4})-(\d\d)-(\d\d)$", r"\3/\2/\1", text)


REVENUE = {"KHAM": {"13"}, "GIUONG": {"14", "15", "16"}, "XN": {"1"}, "CDHA": {"2"}, "TDCN": {"3"}, "PT": {"8"}}
REVENUE |= {"TT": {"18"}, "THUOC": {"4", "5", "6"}, "MAU": {"7", "17"}, "VTYT": {"10", "11"}, "VC": {"12"}}
REVENUE |= {"KHAC": {"9", "19"}}


def _costs(cursor: Any, facility: str, month: str) -> list[dict[str, Any]]:
    text = """
        SELECT d.name AS department, v.is_insured, c.group_code, l.hospital_amount AS whole, l.fund_amount AS fund,
               l.copay_amount AS copay, l.self_paid_amount AS own, l.other_amount AS other
        FROM insurance_benefitline l JOIN insurance_benefitresult r ON r.id = l.result_id AND r.is_current
        JOIN insurance_charge c ON c.id = l.charge_id JOIN patients_visit v ON v.id = r.visit_id
        JOIN his_department d ON d.id = v.department_id JOIN his_facility f ON f.id = v.facility_id
        WHERE f.code = %s AND v.state = 'closed' AND to_char(v.claim_month, 'YYYY-MM') = %s
    """
    return rows_of(cursor, text, [facility, month])


def revenue_by_department(path: Path, cursor: Any, facility: str, month: str) -> list[str]:
    """Costs of the settled visits by department and group, and who pays."""
    payers = {"TONG": "whole", "QUY": "fund", "CCT": "copay", "TU_TRA": "own", "NGUON_KHAC": "other"}
    wanted: dict[Any, Cells] = defaultdict(lambda: dict.fromkeys((*REVENUE, *payers), ZERO))
    for one in _costs(cursor, facility, month):
        row = wanted[one["department"]]
        row[next(tag for tag, groups in REVENUE.items() if one["group_code"] in groups)] += one["whole"]
        for tag, name in payers.items():
            row[tag] += one[name]
    return differences(sheet(path), wanted, lambda row: row["TEN"], "DTKHOA")


def revenue_by_payer(path: Path, cursor: Any, facility: str, month: str) -> list[str]:
    """Costs of the settled visits by group and who pays; groups by their names in the form."""
    names = {"13": "Khám bệnh", "14": "Ngày giường ban ngày", "15": "Ngày giường nội trú", "16": "Ngày giường lưu"}
    names |= {"1": "Xét nghiệm", "2": "Chẩn đoán hình ảnh", "3": "Thăm dò chức năng", "8": "Phẫu thuật"}
    names |= {"18": "Thủ thuật", "7": "Máu", "17": "Chế phẩm máu", "4": "Thuốc trong danh mục"}
    names |= {"5": "Thuốc ngoài danh mục", "6": "Thuốc thanh toán theo tỷ lệ", "10": "Vật tư y tế"}
    names |= {"11": "Vật tư y tế thanh toán theo tỷ lệ", "9": "Dịch vụ kỹ thuật thanh toán theo tỷ lệ"}
    names |= {"12": "Vận chuyển", "19": "Dịch vụ khác"}
    tags = ("QUY", "CCT", "BH_TU_TRA", "VIEN_PHI", "KHAC", "TONG")
    wanted = {name: dict.fromkeys(tags, ZERO) for name in names.values()}
    for one in _costs(cursor, facility, month):
        row = wanted[names[one["group_code"]]]
        row["BH_TU_TRA" if one["is_insured"] else "VIEN_PHI"] += one["own"]
        for tag, name in (("QUY", "fund"), ("CCT", "copay"), ("KHAC", "other"), ("TONG", "whole")):
            row[tag] += one[name]
    return differences(sheet(path), wanted, lambda row: row["TEN"], "DTNGUON")


def usage(path: Path, cursor: Any, facility: str, month: str, kinds: Sequence[str], stems: Sequence[str]) -> list[str]:
    """What was used (05D, 06D, 09D), by drug and price: inpatients, outpatients, else, written off, from the ledger.

    `stems`: only drugs one of whose ingredients begins with one of them.
    """
    text = f"""
        SELECT d.code, d.ingredient, l.unit_cost, m.kind, m.quantity,
               coalesce(v.visit_type, '') AS visit_type
        FROM pharmacy_stockmovement m JOIN his_facility f ON f.id = m.facility_id
        JOIN pharmacy_lot l ON l.id = m.lot_id JOIN his_drug d ON d.id = l.drug_id
        JOIN pharmacy_stockdocumentline dl ON dl.id = m.line_id
        JOIN pharmacy_stockdocument doc ON doc.id = dl.document_id
        LEFT JOIN pharmacy_dispense g ON g.document_id = coalesce(doc.reverses_id, doc.id)
        LEFT JOIN pharmacy_patientreturn b ON b.document_id = coalesce(doc.reverses_id, doc.id)
        LEFT JOIN pharmacy_dispense bg ON bg.id = b.dispense_id
        LEFT JOIN patients_prescription rx ON rx.id = coalesce(g.prescription_id, bg.prescription_id)
        LEFT JOIN patients_visit v ON v.id = rx.visit_id
        WHERE f.code = %s AND {_month("m.at")} AND d.kind IN %s
    """
    places = {"loss": "HUY", "destruction": "HUY", "supplier_return": "KHAC", "count_down": "KHAC"}
    used: dict[Any, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(("NOI", "NGOAI", "KHAC", "HUY"), ZERO))
    for one in rows_of(cursor, text, [facility, month, tuple(kinds)]):
        if stems and not any(part.startswith(stem) for part in _ingredients(one["ingredient"]) for stem in stems):
            continue
        place = places.get(one["kind"], "")
        if one["kind"] in ("dispense", "patient_return"):
            place = "NOI" if one["visit_type"] in INPATIENT else "NGOAI"
        if place:
            used[one["code"], _plain(str(one["unit_cost"]))][place] -= one["quantity"]
    wanted = {}
    for key, row in used.items():
        if any(row.values()):
            row["TONG"] = sum(row.values(), ZERO)
            wanted[key] = {f"{tag}_SL": value for tag, value in row.items()}
            wanted[key] |= {f"{tag}_TT": value * Decimal(key[1]) for tag, value in row.items()}
    return differences(sheet(path), wanted, lambda row: (row["MA"], _plain(row["DON_GIA"])), path.stem)


def _ingredients(text: str) -> list[str]:
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D").lower())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [part.strip() for part in re.split(r"[+;,(]", plain)]


def bin_card(cursor: Any, facility: str, code: str, first: str, after: str) -> list[tuple[str, ...]]:
    """A bin card over all stores: day, lot, in, out, left; the first row is what was there."""
    text = f"""
        SELECT (m.at {LOCAL})::date AS day, m.at < (%s::timestamp {LOCAL}) AS is_before, l.number, m.quantity
        FROM pharmacy_stockmovement m JOIN his_facility f ON f.id = m.facility_id
        JOIN pharmacy_lot l ON l.id = m.lot_id JOIN his_drug d ON d.id = l.drug_id
        WHERE f.code = %s AND d.code = %s AND m.at < (%s::timestamp {LOCAL}) ORDER BY m.at, m.id
    """
    rows = rows_of(cursor, text, [first, facility, code, after])
    left = sum((one["quantity"] for one in rows if one["is_before"]), ZERO)
    card = [("", "", "", "", _plain(str(left)))]
    for one in rows:
        if one["is_before"]:
            continue
        left += one["quantity"]
        came, went = max(one["quantity"], ZERO), max(-one["quantity"], ZERO)
        sizes = [_plain(str(size)) if size else "" for size in (came, went)]
        card.append((f"{one['day']:%d/%m/%Y}", one["number"], *sizes, _plain(str(left))))
    return card
