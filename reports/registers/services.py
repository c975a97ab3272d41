"""Writing, correcting and cancelling lines of registers; printing registers and handing them out.

Registers of TT 23/2025/TT-BYT, PL III. A line is never taken away: a correction keeps what stood there, a cancelled
line stays with its number and reason.
"""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.core.text import fold
from his.locks import lock_name
from his.service import audit_facts, service
from patients.models import Patient, Visit
from patients.services.counters import next_number
from reports.registers.arrivals import arrivals_of
from reports.registers.book import Book, Part
from reports.registers.definition import PAPERS, Register
from reports.registers.models import PrintedLine, RegisterEarlier, RegisterEntry, RegisterPrint, RegisterSetting
from reports.registers.printing.paper import register_pdf
from reports.registers.printing.sheet import write_xlsx
from reports.registers.queries import open_register
from reports.registers.values import read_line

LONGEST_SPAN = 366
"""Most days of one print or file."""
_SEARCHED = 2000


@service(action="registers.write", permission="registers.write")
def write_entry(
    *,
    register: str,
    on: date,
    typed: Mapping[str, str],
    actor: Actor,
    at: datetime,
    patient: Patient | None = None,
    visit: Visit | None = None,
    idempotency_key: str = "",
) -> RegisterEntry:
    """Write a line into a register (ghi sổ); it gets the next number of the year of its day.

    `typed` holds what was typed by column; the stored line is what `read_line` makes of it. Refuses a register that is
    made from records, a day to come, and with all faults by column in `facts["wrong"]` what cannot be read.
    """
    form = _kept(actor, register, on)
    _refuse_future(on, at)
    values = _values(form, typed, on)
    if visit is not None:
        patient = visit.patient
    number = next_number(facility=actor.facility, series=f"register-{form.code}-{on.year}")
    audit_facts(register=form.code, number=number, year=on.year)
    return RegisterEntry.objects.create(
        facility=actor.facility,
        register=form.code,
        definition=form.version,
        year=on.year,
        number=number,
        entered_on=on,
        patient=patient,
        visit=visit,
        values=values,
        search_text=_search_text(values, patient),
        written_at=at,
        written_by=actor.user,
    )


@service(action="registers.correct", permission="registers.write")
def correct_entry(
    *,
    entry: RegisterEntry,
    version: int,
    on: date,
    typed: Mapping[str, str],
    reason: str,
    actor: Actor,
    at: datetime,
    patient: Patient | None,
) -> RegisterEntry:
    """Correct a line (sửa dòng sổ): it is the next version, and what stood there is kept with the reason.

    `version` is the one that was corrected on the screen, `patient` whom the line names when it is right, None when
    nobody who is known here. A line that was written from the visit of another person is of no visit any more. Refuses
    when another changed the line meanwhile, a cancelled line, no reason, a correction that changes nothing, a day of
    another year, and what `write_entry` refuses.
    """
    entry = _locked(entry, actor, version)
    form = _kept(actor, entry.register, on)
    _refuse_future(on, at)
    if on.year != entry.year:
        raise Refusal("other_year", f"Dòng này đánh số năm {entry.year}; ghi dòng mới cho năm khác", field="entered_on")
    values = _values(form, typed, on)
    if not reason.strip():
        raise Refusal("no_reason", "Hãy ghi lý do sửa", field="reason")
    patient_id = patient.pk if patient is not None else None
    if (values, on, patient_id) == (entry.values, entry.entered_on, entry.patient_id):
        raise Refusal("unchanged", "Chưa sửa mục nào")
    RegisterEarlier.objects.create(
        facility=actor.facility,
        entry=entry,
        version=entry.version,
        definition=entry.definition,
        entered_on=entry.entered_on,
        patient_id=entry.patient_id,
        visit_id=entry.visit_id,
        values=entry.values,
        written_at=entry.written_at,
        written_by_id=entry.written_by_id,
        reason=reason.strip()[:500],
    )
    entry.definition, entry.entered_on, entry.values = form.version, on, values
    if patient_id != entry.patient_id:
        entry.patient, entry.visit = patient, None
    entry.search_text = _search_text(values, patient)
    entry.version += 1
    entry.written_at, entry.written_by = at, actor.user
    entry.save()
    audit_facts(register=entry.register, number=entry.number, version=entry.version)
    return entry


@service(action="registers.cancel", permission="registers.write")
def cancel_entry(*, entry: RegisterEntry, version: int, reason: str, actor: Actor, at: datetime) -> RegisterEntry:
    """Cancel a line that should not stand in the register (hủy dòng sổ): number and text stay, crossed out.

    Refuses without a reason, a line that is cancelled already, and one that another changed meanwhile.
    """
    entry = _locked(entry, actor, version)
    if not reason.strip():
        raise Refusal("no_reason", "Hãy ghi lý do hủy", field="cancel_reason")
    entry.cancelled_at, entry.cancelled_by, entry.cancel_reason = at, actor.user, reason.strip()[:500]
    entry.save()
    audit_facts(register=entry.register, number=entry.number)
    return entry


@service(action="registers.print", permission="registers.view")
def print_register(
    *, register: str, start: date, end: date, actor: Actor, at: datetime, paper: str = "A4", part: int = 0
) -> bytes:
    """The days of a register as PDF (in sổ). What its lines say is remembered at their first print.

    A span of more lines than one file holds is printed in parts of whole days; `part` counts from 1. Refuses an unknown
    paper, a span that ends before it begins or is longer than a year, one without lines, and a long one without a part.
    """
    book = book_of(actor, register, start, end)
    if paper not in PAPERS:
        raise Refusal("paper", "Khổ giấy là A3 hoặc A4", field="paper")
    parts = book.parts()
    chosen = _part(parts, part)
    label = f"phần {part or 1}/{len(parts)}" if len(parts) > 1 else ""
    section = book.section(chosen) if len(parts) > 1 else book
    lines = list(section.lines())
    lock_name("register-print", actor.facility.code, register)
    done = RegisterPrint.objects.create(
        facility=actor.facility,
        register=register,
        start=section.start,
        end=section.end,
        paper=paper,
        line_count=len(lines),
        printed_at=at,
        printed_by=actor.user,
    )
    same = RegisterPrint.objects.for_facility(actor.facility).filter(
        register=register, start=section.start, end=section.end
    )
    PrintedLine.objects.bulk_create(
        [
            PrintedLine(facility=actor.facility, first_print=done, register=register, ref=line.ref, digest=line.digest)
            for line in lines
            if line.is_final
        ],
        batch_size=500,
        ignore_conflicts=True,
    )
    audit_facts(register=register, first_day=section.start, last_day=section.end, lines=len(lines))
    return register_pdf(
        section,
        lines,
        paper=paper,
        copy_no=same.count(),
        printed_by=actor.user.display_name,
        part=label,
        at=at,
        foot=_foot(section),
    )


@service(action="registers.export", permission="registers.view")
def export_register(*, register: str, start: date, end: date, target: Path, actor: Actor, at: datetime) -> int:
    """Write the days of a register as a spreadsheet to the file `target`; answers how many lines (xuất sổ)."""
    book = book_of(actor, register, start, end)
    lines = write_xlsx(book, book.lines(), target, _foot(book))
    audit_facts(register=register, first_day=start, last_day=end, lines=lines)
    return lines


@service(action="registers.set_numbering", permission="registers.settings")
def set_numbering(*, register: str, numbering: str, actor: Actor, at: datetime) -> RegisterSetting:
    """Number the lines of a register that is made from records anew each year or each month (cách đánh số).

    Refuses a register whose lines have a number of their own: they are numbered by year.
    """
    form = open_register(actor, register, local(at).date())
    if form.is_kept:
        raise Refusal("own_numbers", "Sổ ghi tay đánh số theo năm", field="numbering")
    if numbering not in {"year", "month"}:
        raise Refusal("numbering", "Đánh số theo năm hoặc theo tháng", field="numbering")
    audit_facts(register=register, numbering=numbering)
    row, _ = RegisterSetting.objects.update_or_create(
        facility=actor.facility, register=register, defaults={"numbering": numbering}
    )
    return row


def book_of(actor: Actor, code: str, start: date, end: date, text: str = "") -> Book:
    """The days of a register that the actor may read, in the version in force on the last of them.

    Refuses a span in the wrong order, or of more than a year.
    """
    register = open_register(actor, code, end)
    if end < start:
        raise Refusal("span_order", "Ngày cuối trước ngày đầu", field="end")
    if (end - start).days >= LONGEST_SPAN:
        raise Refusal("span_length", "Mỗi lần xem, in tối đa một năm", field="end")
    return Book(actor.facility, register, start, end, text)


def _foot(book: Book) -> str:
    found = arrivals_of(book)
    return found.words if found else ""


def _part(parts: list[Part], part: int) -> Part:
    if not parts:
        raise Refusal("no_lines", "Không có dòng nào trong những ngày này")
    if not part and len(parts) > 1:
        raise Refusal("too_long", f"Nhiều dòng: hãy in {len(parts)} phần")
    if part > len(parts):
        raise NotFound
    return parts[max(part, 1) - 1]


def _kept(actor: Actor, code: str, on: date) -> Register:
    form = open_register(actor, code, on)
    if not form.is_kept:
        raise Refusal("made_from_records", "Sổ này lập từ hồ sơ, không ghi tay")
    return form


def _refuse_future(on: date, at: datetime) -> None:
    if on > local(at).date():
        raise Refusal("future", "Ngày ghi sổ ở tương lai", field="entered_on")


def _values(form: Register, typed: Mapping[str, str], on: date) -> dict[str, str]:
    values, wrong = read_line(form, typed, on=on)
    if wrong:
        field, message = next(iter(wrong.items()))
        raise Refusal("wrong_cells", message, field=field, wrong=wrong)
    return values


def _search_text(values: Mapping[str, str], patient: Patient | None) -> str:
    code = patient.code if patient is not None else ""
    return fold(" ".join([*values.values(), code]))[:_SEARCHED]


def _locked(entry: RegisterEntry, actor: Actor, version: int) -> RegisterEntry:
    """The line as it is now, locked. Refuses one that changed since it was shown, and a cancelled one."""
    rows = RegisterEntry.objects.for_facility(actor.facility).select_for_update(no_key=True, of=("self",))
    now: RegisterEntry = rows.get(pk=entry.pk)
    open_register(actor, now.register, now.entered_on)
    if now.cancelled_at is not None:
        raise Refusal("already_cancelled", "Dòng này đã hủy")
    if now.version != version:
        raise Refusal("already_changed", "Người khác vừa sửa dòng này, hãy mở lại để xem")
    return now
