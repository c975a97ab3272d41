"""`load_month`: a month of visits in chunks, each one transaction, with the state that the services leave."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from time import perf_counter

from django.db import transaction
from django.utils import timezone

from his.accounts.actor import system_actor
from his.accounts.models import Facility
from his.audit.record import Entry, append_entries
from his.core.errors import Refusal
from his.demo.volume.account import AccountRows, Drawer, Drawers
from his.demo.volume.clinical import ClinicalRows, Numbers, Stored, ticket_series
from his.demo.volume.copying import Ids, copy_rows, take_numbers
from his.demo.volume.people_rows import Maker, Rows
from his.demo.volume.plan import Draft, Planner
from his.demo.volume.setting import Setting, read_setting
from his.demo.volume.supply import SupplyRows, deliver
from insurance.models import CashSession
from patients.models import Patient, PrescriptionSheet
from patients.services.cases import open_cases
from patients.services.outcomes import slip_number

CHUNK = 500
_CLOSING = ["closed_at", "counted_amount", "expected_amount", "denominations", "note"]
ACTION = "demo.load_month"


@dataclass(slots=True)
class Loaded:
    """What a load stored, and how long it took."""

    visits: int = 0
    patients: int = 0
    rows: int = 0
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def load_month(
    *,
    facility: Facility,
    month: date,
    visits: int,
    seed: int,
    progress: Callable[[Loaded], None] = lambda _loaded: None,
) -> Loaded:
    """Store `visits` closed visits of a month at an invented facility, on top of what is there.

    Afterwards each visit is signed, dispensed, closed and paid, the stock agrees with its ledger, all numbers follow
    one another without a gap, and one audit entry tells of the load. A load that breaks off keeps its whole chunks.
    Refuses what `read_setting` refuses, and fewer than one visit.
    """
    if visits < 1:
        raise Refusal("visits", "Số lượt khám phải từ 1", field="visits")
    started = perf_counter()
    setting = read_setting(facility, month)
    loaded, writer = Loaded(), _Writer(setting)
    try:
        for drafts in _chunks(Planner(setting, visits, seed).drafts()):
            deliver(setting, drafts)
            writer.write(drafts, loaded)
            loaded.seconds = perf_counter() - started
            progress(loaded)
    finally:
        writer.finish()
        if loaded.visits:
            _audit(setting, visits, seed, loaded)
    loaded.seconds = perf_counter() - started
    return loaded


def _chunks(drafts: Iterator[Draft]) -> Iterator[list[Draft]]:
    while chunk := list(islice(drafts, CHUNK)):
        yield chunk


_SLIPS = {"transfer": "GC", "follow_up": "HK"}


def _slip_kind(draft: Draft) -> str:
    """The series of the slip that the visit ends with, as `patients.services.outcomes` names it; else empty."""
    return draft.exam.outcome if draft.exam.outcome in _SLIPS else ""


class _Writer:
    """Writes chunks; drawers of a day that goes on in the next chunk stay open until then."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.ids, self.drawers = setting, Ids(), Drawers()
        papers = PrescriptionSheet.objects.for_facility(setting.facility).exclude(code="")
        self.stored: list[Stored] = []
        self.codes = {code.upper() for code in papers.values_list("code", flat=True)}

    def write(self, drafts: Sequence[Draft], loaded: Loaded) -> None:
        with transaction.atomic():
            rows = self._rows(drafts)
            closed = self.drawers.close_before(drafts[-1].day)
            self._store_drawers([*closed, *self.drawers.by_key.values()], closed, rows)
            for found in rows.values():
                copy_rows(found)
            self._open_cases()
        loaded.visits += len(drafts)
        loaded.patients += len(rows[Patient])
        for model, found in rows.items():
            loaded.counts[model._meta.label_lower] += len(found)
            loaded.rows += len(found)

    def _open_cases(self) -> None:
        """Cases of infectious diseases, which look at earlier ones of the person: by the step of signing itself."""
        for one in sorted(self.stored, key=lambda one: one.draft.exam.signed_at):
            open_cases(
                exam=one.exam,
                visit=one.visit,
                diagnoses=one.diagnoses,
                orders=one.readings,
                by=one.draft.doctor.user,
                at=one.draft.exam.signed_at,
            )

    def finish(self) -> None:
        """Close what is still open, by what is stored: a chunk that broke off has not been."""
        self.drawers.keep_stored()
        closed = self.drawers.close_before(None)
        CashSession.objects.bulk_update([drawer.row for drawer in closed], _CLOSING)

    def _rows(self, drafts: Sequence[Draft]) -> Rows:
        setting, rows = self.setting, Rows(list)
        numbers = self._numbers(drafts)
        maker = Maker(setting.facility, self.ids, rows)
        clinical = ClinicalRows(setting, maker, numbers, self.codes)
        stored = self.stored = [clinical.add(index, draft) for index, draft in enumerate(drafts)]
        SupplyRows(setting, maker).add(stored)
        AccountRows(setting, maker, self.drawers).add(stored)
        return rows

    def _numbers(self, drafts: Sequence[Draft]) -> Numbers:
        facility, month, year = self.setting.facility, self.setting.first, self.setting.first.year
        sizes: dict[str, int] = defaultdict(int)
        new = {id(draft.visitor) for draft in drafts if not draft.visitor.patient_id}
        prescribed = [index for index, draft in enumerate(drafts) if draft.exam.drugs]
        sizes["patient"], sizes[f"visit:{month:%y%m}"] = len(new), len(drafts)
        sizes[f"prescription:{year}"] = len(prescribed)
        for draft in drafts:
            sizes[ticket_series(draft)] += 1
            if kind := _slip_kind(draft):
                sizes[f"{kind}:{year}"] += 1
        taken = take_numbers(facility, sizes)
        nothing: Iterator[int] = iter(())
        prescriptions = {
            index: f"{facility.code}.DT{year % 100:02d}.{next(taken[f'prescription:{year}']):06d}"
            for index in sorted(prescribed, key=lambda index: drafts[index].prescribed_at)
        }
        slips = {
            index: slip_number(facility.code, _SLIPS[kind], year, next(taken[f"{kind}:{year}"]))
            for index, draft in sorted(enumerate(drafts), key=lambda item: item[1].exam.signed_at)
            if (kind := _slip_kind(draft))
        }
        return Numbers(taken.get("patient", nothing), taken[f"visit:{month:%y%m}"], taken, prescriptions, slips)

    def _store_drawers(self, touched: Sequence[Drawer], closed: Sequence[Drawer], rows: Rows) -> None:
        rows[CashSession] = [drawer.row for drawer in touched if not drawer.is_stored]
        CashSession.objects.bulk_update([drawer.row for drawer in closed if drawer.is_stored], _CLOSING)
        for drawer in touched:
            drawer.is_stored = True


def _audit(setting: Setting, visits: int, seed: int, loaded: Loaded) -> None:
    facts = {
        "month": f"{setting.first:%Y-%m}",
        "asked": visits,
        "visits": loaded.visits,
        "patients": loaded.patients,
        "rows": loaded.rows,
        "seed": seed,
    }
    actor = system_actor(setting.facility)
    with transaction.atomic():
        append_entries(setting.facility, [Entry(actor.user.pk, ACTION, "", None, facts)], at=timezone.now())
