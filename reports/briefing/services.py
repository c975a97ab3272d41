"""Writing into a briefing, locking it, printing it."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

from his.accounts.actor import Actor
from his.accounts.models import Department
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.printing.render import render_pdf
from his.printing.services import Form, facility_data, print_form
from his.service import audit_facts, service
from reports.briefing.metrics import BY_CODE, PRESENT, TURN, window
from reports.briefing.models import Briefing, BriefingCell
from reports.briefing.paper import paper_data
from reports.briefing.queries import as_values, briefing_of, sheet_of

FORM = Form("briefing", "Báo cáo giao ban", Path(__file__).with_name("briefing.typ"))
MOST = 99_999


@service(action="briefing.write", permission="briefing.write")
def write_cells(
    *, day: date, department: Department, cells: Mapping[str, tuple[int | None, str]], actor: Actor, at: datetime
) -> Briefing:
    """Write figures and notes of one department into the draft of a morning (ghi báo cáo giao ban).

    `cells` maps metrics to (figure, note); no figure means that the counted one stands. Cells that are not named stay
    as they are. Refuses a locked briefing, a morning to come, a metric that does not exist or follows from others, and
    a figure that cannot be.
    """
    for metric, (figure, note) in cells.items():
        if metric not in BY_CODE:
            raise NotFound("Không có chỉ tiêu này")
        if metric == PRESENT and figure is not None:
            raise Refusal("follows", "Hiện có được tính từ các ô khác", field=metric)
        if figure is not None and not 0 <= figure <= MOST:
            raise Refusal("figure", f"Số từ 0 đến {MOST}", field=metric)
        if len(note) > 200:
            raise Refusal("note", "Ghi chú tối đa 200 ký tự", field=metric)
    briefing = _draft(actor, day, at)
    rows = briefing.cells.filter(department=department).values_list("metric", "written", "note")
    known = {metric: (figure, note) for metric, figure, note in rows}
    changed = [
        BriefingCell(
            facility=actor.facility,
            briefing=briefing,
            department=department,
            metric=metric,
            written=figure,
            note=note,
            at=at,
            by=actor.user,
        )
        for metric, (figure, note) in cells.items()
        if (figure, note) != known.get(metric, (None, ""))
    ]
    BriefingCell.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["briefing", "department", "metric"],
        update_fields=["written", "note", "at", "by"],
    )
    audit_facts(day=day, department=department.code, changed=len(changed))
    return briefing


@service(action="briefing.lock", permission="briefing.lock")
def lock_briefing(*, day: date, actor: Actor, at: datetime) -> Briefing:
    """Lock the briefing of a morning (chốt báo cáo giao ban): its figures are kept as they are now.

    Refuses before the duty has ended, and when it is locked already.
    """
    if at < window(day)[1]:
        raise Refusal("duty_runs", f"Phiên trực kết thúc lúc {TURN:%H:%M} ngày {day:%d/%m/%Y}, chưa chốt được")
    briefing = _draft(actor, day, at)
    briefing.values = as_values(sheet_of(actor.facility, day, briefing, at))
    briefing.locked_at, briefing.locked_by = at, actor.user
    briefing.save()
    audit_facts(day=day)
    return briefing


@service(action="briefing.print", permission="briefing.view")
def print_briefing(*, day: date, actor: Actor, at: datetime) -> bytes:
    """The briefing of a morning as PDF, A4 across (in báo cáo giao ban); a draft says so on the paper.

    Printing begins no briefing: the copies of a morning in which nobody has written yet are not counted. Refuses a
    morning to come.
    """
    _refuse_ahead(day, at)
    facility, briefing, number = actor.facility, briefing_of(actor.facility, day), f"GB {day:%d/%m/%Y}"
    data = paper_data(briefing, sheet_of(facility, day, briefing, at))
    if briefing is not None:
        return print_form(form=FORM, obj=briefing, data=data, actor=actor, at=at, number=number)
    printed = {"printed_by": actor.user.display_name, "printed_at": f"{local(at):%d/%m/%Y %H:%M}"}
    note = {"number": number, "copy_no": "nháp", **printed}
    return render_pdf(FORM.template_for(facility), {**data, "facility": facility_data(facility), "print": note}, at=at)


def is_ahead(day: date, at: datetime) -> bool:
    """Whether nobody is on the duty of a morning yet: it begins the day before."""
    return (day - local(at).date()).days > 1


def _refuse_ahead(day: date, at: datetime) -> None:
    if is_ahead(day, at):
        raise Refusal("future", "Phiên trực này chưa bắt đầu", field="day")


def _draft(actor: Actor, day: date, at: datetime) -> Briefing:
    """The draft of a morning, locked for this transaction. Refuses a locked one and a morning more than a day ahead."""
    _refuse_ahead(day, at)
    Briefing.objects.get_or_create(facility=actor.facility, day=day)
    briefing: Briefing = (
        Briefing.objects.for_facility(actor.facility).select_for_update(no_key=True, of=("self",)).get(day=day)
    )
    if briefing.locked_at is not None:
        raise Refusal("already_locked", f"Báo cáo giao ban ngày {day:%d/%m/%Y} đã chốt")
    return briefing
