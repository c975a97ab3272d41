"""What the lists of a facility have in common (forms 03/DM, 04/DM, 05/DM): whose rows they are, from when they hold."""

from collections.abc import Callable
from typing import Any

from django.db.models import Model

from his.accounts.models import Facility
from his.catalogs.loaders.plan import Plan, Record, Request, RowReader, Section, workbook_of
from his.catalogs.loaders.sheet import code, day
from his.core.errors import Refusal


def plan_rows(
    request: Request,
    source: str,
    model: type[Model],
    columns: tuple[str, ...],
    values: Callable[[RowReader], dict[str, Any]],
) -> tuple[Plan, Section]:
    """The plan of a list that must have these columns, and its one section: the rows that `values` could read, that
    are the facility's own and have a period. Refuses without a facility."""
    facility = facility_of(request)
    table = workbook_of(request).table(*columns)
    plan = Plan(source)
    section = plan.section(model, "code", facility=facility)
    for row, cells in table:
        plan.read += 1
        reader = RowReader(plan, row, cells)
        found = values(reader)
        starts, ends = period(reader, request)
        own_rows_only(reader, facility)
        if reader.ok:
            section.records.append(Record(row, found, starts, ends))
    return plan, section


def facility_of(request: Request) -> Facility:
    """The facility the list belongs to; refuses when none was named."""
    if request.facility is None:
        raise Refusal("no_facility", "Danh mục này thuộc về một cơ sở: hãy chọn cơ sở (--facility)", field="facility")
    return request.facility


def period(reader: RowReader, request: Request) -> tuple[Any, Any]:
    """First and last day of the row; spoils the row when there is no first day or the period is upside down."""
    starts = reader.get("TU_NGAY", day) or request.effective_on
    ends = None if request.open_ended else reader.get("DEN_NGAY", day)
    if starts is None:
        reader.fail("TU_NGAY", "no_start", "Dòng không có ngày bắt đầu; điền TU_NGAY hoặc dùng --effective")
    elif ends and ends < starts:
        reader.fail("DEN_NGAY", "bad_period", "DEN_NGAY trước ngày bắt đầu", ends.isoformat())
    return starts, ends


def own_rows_only(reader: RowReader, facility: Facility) -> None:
    """Spoil a row that names another facility."""
    owner = reader.get("MA_CSKCB", code)
    if owner and owner != facility.code:
        reader.fail("MA_CSKCB", "other_facility", f"Dòng thuộc cơ sở khác, không phải {facility.code}", owner)
