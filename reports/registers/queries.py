"""What the registers desk reads."""

from datetime import date

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.errors import NotFound
from patients.models import Visit
from reports.registers.definition import KEPT, Register, register_on, registers
from reports.registers.models import RegisterEntry, RegisterPrint

SENSITIVE = "registers.sensitive"


def readable(actor: Actor, on: date) -> list[Register]:
    """Registers that the actor may open: those of HIV and mental disorders need a right of their own."""
    return [row for row in registers(on) if may_read(actor, row)]


def writable(actor: Actor, on: date) -> list[Register]:
    """Registers that the actor may write in."""
    return [row for row in readable(actor, on) if row.is_kept] if actor.may("registers.write") else []


def may_read(actor: Actor, register: Register) -> bool:
    return actor.may("registers.view") and (not register.is_sensitive or actor.may(SENSITIVE))


def open_register(actor: Actor, code: str, on: date) -> Register:
    """The register in force on the day; one that the actor may not read is not found."""
    register = register_on(code, on)
    if not may_read(actor, register):
        raise NotFound("Không có sổ này")
    return register


def get_entry(actor: Actor, pk: int) -> RegisterEntry:
    """A line that the actor may read, or NotFound."""
    rows = RegisterEntry.objects.for_facility(actor.facility).filter(pk=pk)
    found = rows.select_related("written_by", "cancelled_by", "patient", "visit").first()
    if found is None:
        raise NotFound
    open_register(actor, found.register, found.entered_on)
    return found  # type: ignore[no-any-return]


def written_of(actor: Actor, visit: Visit) -> list[tuple[Register, RegisterEntry]]:
    """Lines that were written from a visit, in registers that the actor may read."""
    rows = RegisterEntry.objects.for_facility(actor.facility).filter(visit=visit, cancelled_at__isnull=True)
    pairs = [(register_on(row.register, row.entered_on), row) for row in rows.order_by("register", "number")]
    return [(register, row) for register, row in pairs if register.source == KEPT and may_read(actor, register)]


def last_print(facility: Facility, register: Register) -> RegisterPrint | None:
    """The last print of a register."""
    rows = RegisterPrint.objects.for_facility(facility).filter(register=register.code)
    return rows.select_related("printed_by").order_by("-printed_at").first()
