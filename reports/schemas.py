"""What the programming interface says about reports."""

from datetime import date, datetime
from typing import Any

from ninja import Field, Schema


class RunIn(Schema):
    """Which report to make: a form, a month (YYYY-MM) or a quarter (YYYY-Qn), and for a form made by store its code."""

    form: str = Field(max_length=30)
    month: str = Field(max_length=7)
    store: str = Field("", max_length=20)


class CheckOut(Schema):
    """One check of the footer; `refs` are claim codes, or items of stock."""

    title: str
    severity: str
    passed: bool
    message: str
    count: int
    refs: list[str]


class RunOut(Schema):
    """One stored report, without its rows."""

    id: int
    form: str
    store: str
    period_start: date
    period_end: date
    version: int
    sha256: str
    run_at: datetime
    checks: list[CheckOut]


class RowsOut(Schema):
    """A page of the rows of a report: column names, rows, and how many there are in all."""

    columns: list[str]
    rows: list[list[Any]]
    refs: list[str]
    total: int
