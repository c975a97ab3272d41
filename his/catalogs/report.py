"""What an import did, row by row: the figures for people and the file of errors for whoever mends the source."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from his.core.errors import Refusal

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class RowError:
    """One finding in a source file. `row` is the row number a spreadsheet shows; 0 means the file as a whole."""

    row: int
    column: str
    code: str
    message_vi: str
    value: str = ""
    severity: str = ERROR


@dataclass(frozen=True, slots=True)
class Change:
    """What an import does to one row of the catalogue; `row` is that of the file, 0 when the file does not have it.

    `fields` are the values that differ, as (field, before, after) in text; empty before for a new row.
    """

    ADDED, CHANGED, CLOSED = "added", "changed", "closed"

    what: str
    row: int
    code: str
    name: str
    starts_on: date
    ends_on: date | None
    fields: tuple[tuple[str, str, str], ...] = ()


FIELDS_VI = {
    "price": "Giá",
    "insured_price": "Giá BHYT",
    "on_demand_price": "Giá theo yêu cầu",
    "payment_rate": "Tỷ lệ thanh toán",
    "name": "Tên",
    "price_name": "Tên giá",
    "group_code": "Nhóm chi phí",
    "unit": "Đơn vị",
    "decision": "Quyết định",
    "procedure_class": "Phân loại",
    "technical_line": "Tuyến kỹ thuật",
    "bid_info": "Thông tin thầu",
    "bid_quantity": "Số lượng trúng thầu",
    "contract_to": "Hợp đồng đến",
    "supplier": "Nhà thầu",
    "kind": "Loại",
    "ingredient": "Hoạt chất",
    "ingredient_code": "Mã hoạt chất, mã vật tư",
    "strength": "Hàm lượng",
    "dose_form": "Dạng bào chế",
    "route_code": "Mã đường dùng",
    "registration_no": "Số đăng ký",
    "packaging": "Quy cách",
    "manufacturer": "Nhà sản xuất",
    "processing_code": "Chế biến",
    "supply_group": "Nhóm vật tư",
    "model_code": "Mã hiệu",
    "use_norm": "Định mức",
    "valid_to": "Đến ngày",
}
WHAT_VI = {Change.ADDED: "Thêm", Change.CHANGED: "Đổi", Change.CLOSED: "Kết thúc"}


@dataclass(slots=True)
class ImportReport:
    """Figures of one import, in rows. `errors` are rows that were left out, `warnings` rows that went in with a doubt.

    `changed` counts rows that differ from the catalogue, `closed` the old versions whose period this import ended.
    """

    kind: str
    source: str
    read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    closed: int = 0
    changes: list[Change] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    warnings: list[RowError] = field(default_factory=list)

    @property
    def findings(self) -> list[RowError]:
        """Errors and warnings in the order of the file."""
        return sorted([*self.errors, *self.warnings], key=lambda finding: (finding.row, finding.column))

    def summary_vi(self) -> str:
        """One line for people."""
        return (
            f"{self.kind}: đọc {self.read}, thêm {self.added}, đổi {self.changed}, giữ nguyên {self.unchanged}, "
            f"kết thúc {self.closed}, lỗi {len(self.errors)}, cảnh báo {len(self.warnings)}"
        )


class ImportRefused(Refusal):
    """The file was not loaded, not even in part; `report` says why."""

    def __init__(self, code: str, message_vi: str, report: ImportReport) -> None:
        super().__init__(code, message_vi, field="path", errors=len(report.errors))
        self.report = report


def write_changes(changes: Sequence[Change], path: Path) -> None:
    """Write what an import does to each row as CSV, a line for each value that differs."""
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["what", "row", "code", "name", "valid_from", "valid_to", "field", "before", "after"])
        for one in changes:
            start = [one.what, one.row or "", one.code, one.name, one.starts_on, one.ends_on or ""]
            writer.writerows([*start, *differs] for differs in one.fields or [("", "", "")])


def write_errors(findings: Sequence[RowError], path: Path) -> None:
    """Write findings as CSV (UTF-8 with a mark, so that spreadsheets show Vietnamese)."""
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["row", "severity", "column", "code", "message_vi", "value"])
        for finding in findings:
            writer.writerow(
                [finding.row, finding.severity, finding.column, finding.code, finding.message_vi, finding.value]
            )
