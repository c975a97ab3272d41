"""Taking in filled count sheets (nhận phiếu đếm): all rows of a file or none, and the same file once."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from his.accounts.actor import Actor
from his.catalogs.loaders.sheet import open_workbook
from his.catalogs.queries import drug_on
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import nfc
from his.service import audit_facts, service
from pharmacy.count_sheet import (
    CODE,
    COUNTED,
    EXPIRY,
    KEY,
    LOT,
    NOTE,
    SHEET_CODE,
    TIME,
    FilledRow,
    FilledSheet,
    filled_sheets,
    is_code,
    row_key,
    sheet_code,
)
from pharmacy.models import StockCount, StockCountEntry, StockCountLine, StockCountMember, StockCountUpload
from pharmacy.queries_stocktake import counters_of, lines_of, moved_lots
from pharmacy.services.stocktake import Found, counting, find_lot, new_entries

_COLUMN_OF = {"drug": CODE, "lot_number": LOT, "counted": COUNTED, "counted_at": TIME, "note": NOTE}


@dataclass(slots=True)
class _Read:
    """One counter's sheet as lines of the stock-take, each with the row it stands in."""

    sheet: FilledSheet
    counter: StockCountMember
    round_no: int
    found: list[Found] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


@service(action="pharmacy.upload_count", permission="pharmacy.receive")
def upload_sheet(*, count: StockCount, path: Path, file_name: str, actor: Actor, at: datetime) -> StockCountUpload:
    """Take in a filled count sheet of one or more counters. The same file, or the same figures, change nothing.

    A row without a time counts as of the snapshot, which is only right for a lot that did not move since; a lot that
    moved needs its time. Refuses, with `problems` naming sheet, row and column, a sheet of another stock-take, a
    changed key, a key beside another lot, figures that cannot be read and an unknown drug; then nothing is stored.
    """
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    locked = counting(count, actor)
    earlier: StockCountUpload | None = (
        StockCountUpload.objects.for_facility(actor.facility).filter(count=locked, sha256=sha256).first()
    )
    if earlier is not None:
        return earlier
    sheets = filled_sheets(open_workbook(path), snapshot_at=locked.snapshot_at, at=at)
    reader = _Reader(locked, actor, at)
    read = [one for sheet in sheets if (one := reader.read(sheet)) is not None]
    entries, unchanged = _entries(locked, read, actor, at)
    _refuse(sheets)
    upload = StockCountUpload.objects.create(
        facility=actor.facility,
        count=locked,
        sha256=sha256,
        file_name=nfc(file_name)[-255:],
        recorded=len(entries),
        unchanged=unchanged,
        uploaded_by=actor.user,
        uploaded_at=at,
    )
    for entry in entries:
        entry.upload = upload
    StockCountEntry.objects.bulk_create(entries)
    audit_facts(number=locked.number, rows=len(entries), unchanged=unchanged)
    return upload


def _entries(count: StockCount, read: list[_Read], actor: Actor, at: datetime) -> tuple[list[StockCountEntry], int]:
    entries: list[StockCountEntry] = []
    unchanged = 0
    for one in read:
        try:
            new, same = new_entries(
                count=count, counter=one.counter, round_no=one.round_no, found=one.found, actor=actor, at=at
            )
        except Refusal as refusal:
            position = refusal.facts["position"]
            one.sheet.refuse(one.rows[position], _COLUMN_OF.get(refusal.field or "", KEY), refusal.message_vi)
            continue
        entries += new
        unchanged += same
    return entries, unchanged


def _refuse(sheets: list[FilledSheet]) -> None:
    problems = [problem for sheet in sheets for problem in sorted(sheet.problems, key=lambda one: one.row)]
    if problems:
        raise Refusal(
            "sheet_refused",
            f"Chưa nhận phiếu đếm: {len(problems)} chỗ cần sửa, chưa dòng nào được ghi",
            field="file",
            problems=problems,
        )


class _Reader:
    """Finds the line of every filled row."""

    def __init__(self, count: StockCount, actor: Actor, at: datetime) -> None:
        self.count, self.actor, self.at = count, actor, at
        self.lines: dict[str, StockCountLine] = {row_key(line, count.number): line for line in lines_of(count)}
        self.counters = list(counters_of(count))
        self.moved = moved_lots(count, at)
        self.known: set[tuple[int, int, int]] = set()

    def read(self, sheet: FilledSheet) -> _Read | None:
        """The sheet with its lines; None when it is no sheet of this stock-take."""
        owner = self._owner(sheet)
        if owner is None:
            return None
        counter, round_no = owner
        read = _Read(sheet, counter, round_no)
        for row in sheet.rows:
            line = self._line(sheet, row)
            if line is None:
                continue
            if (counter.pk, round_no, line.pk) in self.known:
                sheet.refuse(row.row, KEY, f"Lô {line.lot.number} đã có ở dòng khác của phiếu này")
                continue
            self.known.add((counter.pk, round_no, line.pk))
            if row.counted_at is None and line.lot_id in self.moved:
                sheet.refuse(row.row, TIME, f"Lô {line.lot.number} có nhập xuất từ lúc chốt sổ, hãy ghi giờ đếm")
                continue
            read.found.append(Found(line, row.counted, row.damaged, row.counted_at, row.note))
            read.rows.append(row.row)
        return read

    def _owner(self, sheet: FilledSheet) -> tuple[StockCountMember, int] | None:
        """Whose sheet it is and of which round."""
        number, _, rest = sheet.code.partition("/")
        if number != self.count.number:
            sheet.refuse(
                sheet.code_row, SHEET_CODE, f"Phiếu này của đợt {number or '?'}, không phải {self.count.number}"
            )
            return None
        round_text = rest.split("/")[1] if rest.count("/") == 2 else ""
        round_no = int(round_text) if round_text.isascii() and round_text.isdigit() and len(round_text) < 3 else 0
        for counter in self.counters:
            if is_code(sheet.code, sheet_code(self.count, counter, round_no)):
                return counter, round_no
        sheet.refuse(sheet.code_row, SHEET_CODE, "Mã phiếu đã bị sửa; hãy tải lại phiếu đếm")
        return None

    def _line(self, sheet: FilledSheet, row: FilledRow) -> StockCountLine | None:
        if not row.key:
            return self._found_outside(sheet, row)
        line = self.lines.get(row.key)
        if line is None:
            number = row.key.partition("/")[0]
            is_other = number != self.count.number and number.startswith("KK")
            why = f"Dòng này của đợt {number}" if is_other else "Khóa dòng đã bị sửa"
            sheet.refuse(row.row, KEY, f"{why}; hãy tải lại phiếu đếm")
            return None
        lot = line.lot
        if (row.drug_code, row.lot_number) != (lot.drug.code, lot.number) or row.expires_on != lot.expires_on:
            column = CODE if row.drug_code != lot.drug.code else LOT if row.lot_number != lot.number else EXPIRY
            sheet.refuse(row.row, column, f"Không khớp khóa dòng: khóa này là {lot.drug.code}, lô {lot.number}")
            return None
        return line

    def _found_outside(self, sheet: FilledSheet, row: FilledRow) -> StockCountLine | None:
        if not row.drug_code or not row.lot_number or row.expires_on is None:
            missing = CODE if not row.drug_code else LOT if not row.lot_number else EXPIRY
            sheet.refuse(row.row, missing, "Lô ghi thêm cần mã thuốc, số lô và hạn dùng")
            return None
        try:
            drug = drug_on(self.actor.facility, row.drug_code, local(self.at).date())
            return find_lot(self.count, drug, row.lot_number, row.expires_on, self.actor)
        except Refusal as refusal:
            sheet.refuse(row.row, _COLUMN_OF.get(refusal.field or "", CODE), refusal.message_vi)
            return None
