"""What a loader hands over: rows for one table, with their keys and periods, and what it found wrong on the way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.db.models import Model

from his.accounts.models import Facility
from his.catalogs.loaders.sheet import CellError, Workbook, open_workbook, text
from his.catalogs.report import ERROR, WARNING, RowError


@dataclass(frozen=True, slots=True)
class Request:
    """What the import was asked for. `effective_on` overrides the loader's own first day; `open_ended` ignores
    the last day that the file gives its rows; `list_name` names an enumeration; `replaces` says that the file is the
    whole list, so that what it does not have ends the day before it begins."""

    path: Path | None
    effective_on: date | None = None
    facility: Facility | None = None
    open_ended: bool = False
    list_name: str = ""
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One row to be in force from `valid_from`; an open end is None."""

    row: int
    values: Mapping[str, Any]
    valid_from: date
    valid_to: date | None = None


@dataclass(slots=True)
class Section:
    """Rows for one table. `keys` tell one thing from another inside `scope` (fixed values, such as the facility).

    `is_whole` says of a stored row whether it belongs to the list that a file replaces; without it every row does.
    """

    model: type[Model]
    keys: tuple[str, ...]
    scope: Mapping[str, Any] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    repeats_are_errors: bool = True
    is_whole: Callable[[Any], bool] = lambda _row: True


@dataclass(slots=True)
class Plan:
    """All that one file would change, and what is wrong with it."""

    source: str
    sections: list[Section] = field(default_factory=list)
    findings: list[RowError] = field(default_factory=list)
    read: int = 0

    def section(self, model: type[Model], *keys: str, repeats_are_errors: bool = True, **scope: Any) -> Section:
        """Add a table to fill."""
        made = Section(model, keys, scope, repeats_are_errors=repeats_are_errors)
        self.sections.append(made)
        return made

    def error(self, row: int, column: str, code: str, message_vi: str, value: Any = "") -> None:
        """Leave the row out and say why."""
        self.findings.append(RowError(row, column, code, message_vi, text(value)[:200], ERROR))

    def warn(self, row: int, column: str, code: str, message_vi: str, value: Any = "") -> None:
        """Keep the row and say what is doubtful."""
        self.findings.append(RowError(row, column, code, message_vi, text(value)[:200], WARNING))

    @property
    def errors(self) -> list[RowError]:
        return [finding for finding in self.findings if finding.severity == ERROR]

    @property
    def warnings(self) -> list[RowError]:
        return [finding for finding in self.findings if finding.severity == WARNING]


class RowReader:
    """Reads the cells of one row and keeps the findings: after reading, `ok` says whether the row may go in."""

    def __init__(self, plan: Plan, row: int, cells: Mapping[str, Any]) -> None:
        self.plan = plan
        self.row = row
        self.cells = cells
        self.ok = True

    def get(self, column: str, read: Callable[..., Any] = text, *, required: bool = False, **options: Any) -> Any:
        """The cell read by `read`; a cell that cannot be read, or a required one that is empty, spoils the row."""
        cell = self.cells.get(column, "")
        try:
            value = read(cell, **options)
        except CellError as error:
            self.fail(column, error.code, error.message_vi, cell)
            return None
        if required and value in (None, ""):
            self.fail(column, "required", f"Thiếu {column}", cell)
        return value

    def warn(self, column: str, code: str, message_vi: str, value: Any = "") -> None:
        """Keep the row and say what is doubtful."""
        self.plan.warn(self.row, column, code, message_vi, value)

    def fail(self, column: str, code: str, message_vi: str, value: Any = "") -> None:
        """Spoil the row."""
        self.ok = False
        self.plan.error(self.row, column, code, message_vi, value)


def workbook_of(request: Request) -> Workbook:
    """The file of the request, opened. A loader without a file is a defect of its caller."""
    if request.path is None:
        raise TypeError("this catalogue is read from a file")
    return open_workbook(request.path)
