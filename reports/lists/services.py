"""A list handed out as a file; the audit says by whom, of what, and with how many rows."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.errors import Refusal
from his.service import audit_facts, service
from reports.definition import load_form
from reports.export.list_xlsx import Written, write_list
from reports.lists.statement import ListQuery
from reports.period import Period


def list_query(form: str, facility: Facility, period: Period, variant: str = "") -> ListQuery:
    """A list of a facility and month. Refuses a form that is no list or not in force, and an unknown variant."""
    chosen = load_form(form, period.start)
    if not chosen.is_list:
        raise Refusal("no_list", f"{chosen['number']} không phải danh sách", field="form")
    return ListQuery(chosen.variant(variant), facility, period)


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list that was written: what is in the file, and what it is called."""

    written: Written
    name: str


@service(action="reports.export_list", permission="reports.view")
def export_list(*, form: str, period: Period, target: Path, actor: Actor, at: datetime, variant: str = "") -> ListFile:
    """Write a list of the actor's facility and a month into a file (xuất danh sách): xlsx, as the database is now.

    Afterwards the audit names who took it and its sums in đồng. Visits whose claim cannot be built are left out and
    named in the answer. Failed checks stop nothing: they are on the screen beside the list.
    """
    query = list_query(form, actor.facility, period, variant)
    written = write_list(query, target)
    audit_facts(
        form=form,
        period=period.key(),
        variant=variant,
        rows=written.rows,
        left_out=len(written.left_out),
        fund_amount=str(written.sums.get("T_BHTT", "")),
    )
    return ListFile(written, file_name(query, variant))


def file_name(query: ListQuery, variant: str = "") -> str:
    """As files are called: 79A_99002_2026-10.xlsx, and with the variant where it is not the usual one."""
    parts = [query.form.code, query.facility.code, query.period.key(), variant]
    return f"{'_'.join(part for part in parts if part)}.xlsx"
