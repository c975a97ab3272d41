"""A second program for the reports: it reads the exported claim files and the tables of the stock ledger by itself,
computes 01/BH, 79a, 20, 21, form 14 and import-export-stock anew, and compares every cell of the spreadsheets.

It shares no code with the product and imports none of it. Rules: TT 12/2026/TT-BTC, CV 3360/BHXH-CSYT, QĐ 1399/QĐ-BHXH,
TT 23/2025/TT-BYT, TT 22/2011/TT-BYT.
"""

import base64
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from lxml import etree
from openpyxl import load_workbook

split = str.split
Tables = dict[str, list[dict[str, str]]]
Cells = dict[str, Any]
INPATIENT = {"03", "04", "09"}
LOCAL = "AT TIME ZONE 'Asia/Ho_Chi_Minh'"
OLD_RESULT = {"1": "1", "2": "2", "3": "3", "7": "3", "4": "4", "6": "4", "5": "5", "8": "5"}
OLD_KIND = {**dict.fromkeys(("01", "05", "07", "08"), "1"), "02": "2", **dict.fromkeys(("03", "04", "09"), "3")}
GROUPS = {
    "T_XN": {"1"},
    "T_CDHA": {"2", "3"},
    "T_THUOC": {"4", "5", "6"},
    "T_MAU": {"7", "17"},
    "T_PTTT": {"8", "18"},
    "T_VTYT": {"10", "11"},
    "T_DVKT_TYLE": {"9"},
    "T_KHAM": {"13"},
    "T_GIUONG": {"14", "15", "16"},
    "T_VCHUYEN": {"12"},
}


def claims_in(folder: Path) -> dict[str, Tables]:
    """The tables of each claim file by claim code."""
    found: dict[str, Tables] = {}
    for path in sorted(folder.glob("*.xml")):
        tables: Tables = {}
        for part in etree.parse(path).iter("FILEHOSO"):
            inner = etree.fromstring(base64.b64decode(part.findtext("NOIDUNGFILE") or ""))
            leaves = [node for node in inner.iter() if len(node) and not any(len(child) for child in node)]
            tables[part.findtext("LOAIHOSO") or ""] = [{f.tag: f.text or "" for f in leaf} for leaf in leaves]
        found[path.stem] = tables
    return found


def sheet(path: Path) -> list[Cells]:
    """The rows of the first sheet by heading."""
    head, *lines = load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True)
    return [dict(zip((str(tag) for tag in head), line, strict=True)) for line in lines]


def money(text: object) -> Decimal:
    return Decimal(str(text or 0))


def lines_of(tables: Tables) -> list[dict[str, str]]:
    return [*tables.get("XML2", []), *tables.get("XML3", [])]


def rows_of(cursor: Any, text: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    """The rows of a question by the names of their columns."""
    cursor.execute(text, values)
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def differences(
    found: Iterable[Cells], wanted: Mapping[Any, Cells], key: Callable[[Cells], Any], what: str
) -> list[str]:
    """Every cell that is not as it should be; rows that are missing or too many."""
    by_key: dict[Any, Cells] = {}
    told = []
    for row in found:
        if key(row) in by_key:
            told.append(f"{what}: two rows of {key(row)}")
        by_key[key(row)] = row
    told += [f"{what}: no row of {one}" for one in wanted.keys() - by_key.keys()]
    told += [f"{what}: a row too many, {one}" for one in by_key.keys() - wanted.keys()]
    for one in wanted.keys() & by_key.keys():
        for tag, value in wanted[one].items():
            cell = by_key[one][tag]
            same = money(cell) == value if isinstance(value, Decimal) else str("" if cell is None else cell) == value
            if not same:
                told.append(f"{what}: {one} {tag} is {cell!r}, not {value!r}")
    return told


def form_01bh(path: Path, claims: Mapping[str, Tables]) -> list[str]:
    """All twenty columns; rows have no claim code, so card and arrival tell them apart."""
    texts = split("HO_TEN NGAY_SINH GIOI_TINH MA_BENH_CHINH NGAY_VAO NGAY_VAO_NOI_TRU NGAY_RA MA_LOAI_KCB MA_CSKCB")
    numbers = split("SO_NGAY_DTRI T_TONGCHI_BV T_TONGCHI_BH T_BHTT T_BNCCT T_BNTT T_NGUONKHAC NAM_QT THANG_QT")
    wanted = {}
    for tables in claims.values():
        (visit,) = tables["XML1"]
        card = visit["MA_THE_BHYT"].split(";")[0]
        row: Cells = {tag: visit[tag] for tag in texts} | {tag: money(visit[tag]) for tag in numbers}
        wanted[card, visit["NGAY_VAO"]] = row | {"MA_THE_BHYT": card}
    rows = sheet(path)
    told = differences(rows, wanted, lambda row: (row["MA_THE_BHYT"], row["NGAY_VAO"]), "01/BH")
    if [row["STT"] for row in rows] != list(range(1, len(rows) + 1)):
        told.append("01/BH: the rows are not numbered from 1")
    return told


def reason(visit: Mapping[str, str]) -> str:
    """The old reason of arrival (MA_LYDO_VVIEN) of a code of entitlement, as far as anybody has mapped it."""
    code = visit["MA_DOITUONG_KCB"]
    if code in {"1.9", "1.10"}:
        return "1" if visit["MA_DKBD"].split(";")[0] == visit["MA_CSKCB"] else "3"
    known = {"2": "2", "1.2": "4", "3.3": "3", "3.5": "3"}
    return known.get(code, "1" if code in ["1.1", "1.3", "1.4", "1.5", "1.7", "1.8", "7.1", "3.2", "3.6"] else "")


def form_79a(path: Path, claims: Mapping[str, Tables], *, of_inpatients: bool = False) -> list[str]:
    """The 43 columns of the list of outpatients (79a), or of inpatients (80a)."""
    same = split("MA_LK MA_BN HO_TEN NGAY_SINH GIOI_TINH DIA_CHI NGAY_VAO NGAY_RA MA_KHOA MA_KHUVUC MA_CSKCB")
    other = {"MA_BENH": "MA_BENH_CHINH", "MA_BENHKHAC": "MA_BENH_KT", "MA_NOI_CHUYEN": "MA_NOI_DI"}
    first = {"MA_THE": "MA_THE_BHYT", "MA_DKBD": "MA_DKBD", "GT_THE_TU": "GT_THE_TU", "GT_THE_DEN": "GT_THE_DEN"}
    wanted: dict[Any, Cells] = {}
    for code, tables in claims.items():
        (visit,) = tables["XML1"]
        if (visit["MA_LOAI_KCB"] in INPATIENT) != of_inpatients:
            continue
        sums = {
            tag: sum((money(x["THANH_TIEN_BH"]) for x in lines_of(tables) if x["MA_NHOM"] in groups), Decimal(0))
            for tag, groups in GROUPS.items()
        }
        wanted[code] = {
            **{tag: visit[tag] for tag in same},
            **{tag: visit[source] for tag, source in other.items()},
            **{tag: visit[source].split(";")[0] for tag, source in first.items()},
            "MA_LYDO_VVIEN": reason(visit),
            "KET_QUA_DTRI": OLD_RESULT[visit["KET_QUA_DTRI"]],
            "TINH_TRANG_RV": visit["MA_LOAI_RV"],
            "MA_LOAIKCB": OLD_KIND[visit["MA_LOAI_KCB"]],
            **{tag: money(visit[tag]) for tag in ("SO_NGAY_DTRI", "NAM_QT", "THANG_QT", "T_BHTT", "T_NGUONKHAC")},
            **sums,
            "T_TONGCHI": sum(sums.values(), Decimal(0)),
            "T_BNTT": money(visit["T_BNTT"]) + money(visit["T_BNCCT"]),
            "T_NGOAIDS": money(visit["T_BHTT_GDV"]),
            "T_THUOC_TYLE": "",
            "T_VTYT_TYLE": "",
        }
    what = "80a" if of_inpatients else "79a"
    rows = sheet(path)
    left = set(rows[0]) - {"STT"} - set().union(*wanted.values()) if rows else set()
    return differences(rows, wanted, lambda row: row["MA_LK"], what) + [f"{what}: nobody checks {tag}" for tag in left]


def _items(
    claims: Mapping[str, Tables], table: str, key: Sequence[str], takes: Callable[[Mapping[str, str]], bool]
) -> dict[Any, Cells]:
    """Quantities of outpatients and inpatients, insured amount and the fund's part by some fields of the lines."""
    found: dict[Any, Cells] = defaultdict(
        lambda: dict.fromkeys(("SL_NGOAI_TRU", "SL_NOI_TRU", "THANH_TIEN", "T_BHTT"), Decimal(0))
    )
    for tables in claims.values():
        where = "SL_NOI_TRU" if tables["XML1"][0]["MA_LOAI_KCB"] in INPATIENT else "SL_NGOAI_TRU"
        for line in tables.get(table, []):
            if takes(line) and money(line["THANH_TIEN_BH"]):
                row = found[tuple(_plain(line[tag]) for tag in key)]
                row[where] += money(line["SO_LUONG"])
                row["THANH_TIEN"] += money(line["THANH_TIEN_BH"])
                row["T_BHTT"] += money(line["T_BHTT"])
    return dict(found)


def _plain(value: object) -> str:
    """A price is the same with and without decimals; other texts stay."""
    text = "" if value is None else str(value)
    return f"{Decimal(text).normalize():f}" if re.fullmatch(r"\d+(\.\d+)?", text) else text


def form_20(path: Path, claims: Mapping[str, Tables]) -> list[str]:
    """Drugs, by name, registration, price and bid."""
    wanted = _items(claims, "XML2", ("TEN_THUOC", "SO_DANG_KY", "DON_GIA", "TT_THAU"), lambda line: True)

    def key(row: Cells) -> Any:
        return tuple(_plain(row[tag]) for tag in ("TEN_THUOC", "SO_DANG_KY", "DON_GIA", "TT_THAU"))

    return differences(sheet(path), wanted, key, "20/BHYT")


def form_21(path: Path, claims: Mapping[str, Tables]) -> list[str]:
    """Services, by code and price."""
    wanted = _items(claims, "XML3", ("MA_DICH_VU", "DON_GIA_BH"), lambda line: line["MA_NHOM"] not in {"10", "11"})
    return differences(
        sheet(path), wanted, lambda row: (_plain(row["MA_DICH_VU"]), _plain(row["DON_GIA_BH"])), "21/BHYT"
    )


def people(claims: Mapping[str, Tables], cursor: Any, facility: str, month: str) -> list[dict[str, Any]]:
    """Everybody who ended in the month: of the claim files, and of the tables those who make no claim."""
    found = []
    for tables in claims.values():
        (visit,) = tables["XML1"]
        if visit["NGAY_RA"][:6] != month.replace("-", ""):
            continue  # settled in this month, ended in another
        age = int(visit["NGAY_VAO"][:4]) - int(visit["NGAY_SINH"][:4])
        age -= visit["NGAY_VAO"][4:8] < visit["NGAY_SINH"][4:8].replace("0000", "0101")
        facts = {"icd": visit["MA_BENH_CHINH"], "sex": visit["GIOI_TINH"], "age": age}
        facts |= {"kind": visit["MA_LOAI_KCB"], "result": visit["KET_QUA_DTRI"], "others": visit["MA_BENH_KT"]}
        found.append(facts)
    cursor.execute(
        """
        SELECT d.code, p.sex, date_part('year', age(v.arrived_at::date, p.born_on))::int, v.visit_type,
               e.treatment_result_code, ''
        FROM patients_visit v JOIN patients_patient p ON p.id = v.patient_id
        JOIN his_facility f ON f.id = v.facility_id
        JOIN patients_exam e ON e.visit_id = v.id
        JOIN patients_visitdiagnosis d ON d.visit_id = v.id AND d.is_main
        WHERE f.code = %s AND to_char(v.ended_at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM') = %s
          AND NOT (v.claim_code = ANY(%s))
        """,
        [facility, month, list(claims)],
    )
    names = ("icd", "sex", "age", "kind", "result", "others")
    return found + [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


B14: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "KKB": lambda p: p["kind"] not in INPATIENT,
    "KKB_NU": lambda p: p["kind"] not in INPATIENT and p["sex"] == "2",
    "KKB_TE15": lambda p: p["kind"] not in INPATIENT and p["age"] < 15,
    "KKB_TV": lambda p: p["kind"] not in INPATIENT and p["result"] == "5",
    "MAC": lambda p: p["kind"] in INPATIENT,
    "MAC_NU": lambda p: p["kind"] in INPATIENT and p["sex"] == "2",
    "TV": lambda p: p["kind"] in INPATIENT and p["result"] == "5",
    "TV_NU": lambda p: p["kind"] in INPATIENT and p["result"] == "5" and p["sex"] == "2",
    "MAC_TE15": lambda p: p["kind"] in INPATIENT and p["age"] < 15,
    "TV_TE15": lambda p: p["kind"] in INPATIENT and p["result"] == "5" and p["age"] < 15,
    "MAC_TE5": lambda p: p["kind"] in INPATIENT and p["age"] < 5,
    "TV_TE5": lambda p: p["kind"] in INPATIENT and p["result"] == "5" and p["age"] < 5,
    "XIN_VE": lambda p: p["kind"] in INPATIENT and p["result"] == "6",
}


def form_14(path: Path, everybody: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each row by the codes that it prints itself; external causes (V to Y) by any disease of the visit."""
    rows, wanted = sheet(path), {}
    placed = 0
    for row in rows:
        codes = str(row["MA"])
        is_external = codes[0] in "VWXY"
        inside = [
            one
            for one in everybody
            if any(
                in_ranges(code, codes)
                for code in (
                    [c for c in f"{one['icd']};{one['others']}".split(";") if c[:1] in "VWXY"]
                    if is_external
                    else [one["icd"]]
                )
            )
        ]
        placed += 0 if is_external else len(inside)
        counts: Cells = {tag: Decimal(sum(1 for one in inside if holds(one))) for tag, holds in B14.items()}
        wanted[row["STT"]] = counts | {"BAO_TU": ""}
    told = differences(rows, wanted, lambda row: row["STT"], "14")
    return told if placed == len(everybody) else [*told, f"14: {len(everybody)} people stand in {placed} rows"]


def in_ranges(code: str, text: str) -> bool:
    """Whether a code lies in codes as printed: J00-J01, J05-J08, or A09."""
    for part in text.replace(" ", "").split(","):
        low, _, high = part.partition("-")
        high = high or low
        if low <= code[: len(low)] and code[: len(high)] <= high:
            return True
    return False


def stock(path: Path, cursor: Any, facility: str, first: str, after: str) -> list[str]:
    """Import, export, stock of the whole facility, by drug and lot, from the movements."""
    cursor.execute(
        """
        SELECT d.code, l.number, l.unit_cost, m.kind, m.quantity,
               (m.at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date < %s::date
        FROM pharmacy_stockmovement m JOIN pharmacy_lot l ON l.id = m.lot_id JOIN his_drug d ON d.id = l.drug_id
        JOIN his_facility f ON f.id = m.facility_id
        WHERE f.code = %s AND (m.at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date < %s::date
        """,
        [first, facility, after],
    )
    came, went = {"opening", "receipt", "patient_return", "count_up"}, {"dispense", "supplier_return", "loss"}
    went |= {"destruction", "count_down"}
    lots: dict[Any, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    moved = set()
    for code, number, cost, kind, quantity, is_before in cursor.fetchall():
        lot = lots[code, number]
        lot["cost"] = cost
        lot["closing"] += quantity
        if is_before:
            lot["opening"] += quantity
            continue
        moved.add((code, number))
        lot["came"] += quantity if kind in came else 0
        lot["went"] -= quantity if kind in went else 0
        lot["given"] -= quantity if kind == "dispense" else 0
    wanted = {}
    for key, lot in lots.items():
        if key in moved or lot["closing"]:
            names = {"DAU": "opening", "NHAP": "came", "XUAT": "went", "CUOI": "closing"}
            wanted[key] = {f"{tag}_SL": lot[name] for tag, name in names.items()}
            wanted[key] |= {f"{tag}_TT": lot[name] * lot["cost"] for tag, name in names.items()}
            wanted[key] |= {"DON_GIA": lot["cost"], "XUAT_CAP": lot["given"]}
    return differences(sheet(path), wanted, lambda row: (row["MA"], row["SO_LO"]), "NXT")
