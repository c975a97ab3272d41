"""How far each duty of a facility is: read from reports and their filings, exports, stock-takes and ticks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from django.urls import reverse
from django.utils.http import urlencode

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.accounts.roles import ROLES
from his.core.dates import day_range, local
from insurance.claims.queries import exports_of_months
from patients.models import Visit
from pharmacy.models import StockCount
from pharmacy.queries import stores
from reports.duties.rules import Due, Duty, dues_between, load_duties
from reports.duties.workdays import load_holidays
from reports.filing_models import DutyOwner, DutyTick, Filing
from reports.models import ReportRun
from reports.period import Period

LOOKS_BACK = timedelta(days=92)
"""How long a duty that was not done stays on the list of what is late."""
_BADGES = {"late": "stop", "soon": "warn", "done": "ok", "ahead": "off"}


@dataclass(frozen=True, slots=True)
class Progress:
    """What was done so far, in words, where it is opened, and whether it is enough."""

    words: str
    is_done: bool = False
    url: str = ""
    tick: DutyTick | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A duty of a period at a facility, as of a day."""

    duty: Duty
    period: Period
    due: Due
    progress: Progress
    owner: str
    is_mine: bool
    today: date

    @property
    def standing(self) -> str:
        """`done`, `late` (after the red line), `soon` (from the warning line on) or `ahead`."""
        if self.progress.is_done:
            return "done"
        if self.today > self.due.due_on:
            return "late"
        return "soon" if self.today >= self.due.warn_on else "ahead"

    @property
    def badge(self) -> tuple[str, str]:
        """(words, kind): quá hạn stands before the words of the state."""
        words = self.progress.words
        return (f"Quá hạn · {words}" if self.standing == "late" else words), _BADGES[self.standing]

    @property
    def may_be_ticked(self) -> bool:
        """Whether somebody's word counts: a report of the product is done when it is sent, not otherwise."""
        return self.duty.proof != "filing" and not self.progress.is_done


def tasks_between(facility: Facility, first: date, last: date, today: date, actor: Actor) -> list[Task]:
    """The duties of a facility with a red line between two days, earliest first; none of periods that ended before the
    facility began to work with the product."""
    found = dues_between(facility.kind, first, last, load_holidays(), load_duties())
    began = began_on(facility)
    kept = [item for item in found if began is not None and item[1].end >= began]
    progress = _Progress(facility, [(duty, period) for duty, period, _ in kept], today)
    owners = owners_at(facility)
    return [
        Task(duty, period, due, progress.of(duty, period), *owner_of(duty, owners.get(duty.code), actor), today)
        for duty, period, due in kept
    ]


def to_do(actor: Actor, today: date, ahead: timedelta) -> list[Task]:
    """What is not done and late or due soon, the latest first in line; of the actor, or all for who signs reports."""
    rows = tasks_between(actor.facility, today - LOOKS_BACK, today + ahead, today, actor)
    return [row for row in rows if not row.progress.is_done and (row.is_mine or actor.may("reports.sign"))]


def began_on(facility: Facility) -> date | None:
    """The day of the first visit of a facility in the product; None before there is one."""
    first = Visit.objects.for_facility(facility).order_by("arrived_at").values_list("arrived_at", flat=True).first()
    return local(first).date() if first else None


def owners_at(facility: Facility) -> dict[str, DutyOwner]:
    """Whom the facility gave its duties to, by duty."""
    return {row.duty: row for row in DutyOwner.objects.for_facility(facility).select_related("user")}


def owner_of(duty: Duty, row: DutyOwner | None, actor: Actor) -> tuple[str, bool]:
    """Who does a duty, and whether it is the actor's."""
    if row is not None and row.user is not None:
        return row.user.display_name, row.user_id == actor.user.pk
    role = row.role if row is not None else duty.role
    return ROLES[role][0], role in actor.roles


class _Progress:
    """Reads what is asked for once, for all duties of a list."""

    def __init__(self, facility: Facility, asked: Iterable[tuple[Duty, Period]], today: date) -> None:
        pairs = list(asked)
        starts = {period.start for _, period in pairs}
        forms = {duty.form for duty, _ in pairs if duty.form}
        runs = ReportRun.objects.for_facility(facility).filter(form__in=forms, store="", period_start__in=starts)
        self._runs = {(r.form, r.period): r for r in runs.defer("values", "checks").order_by("version")}
        filings = Filing.objects.for_facility(facility).filter(form__in=forms, store="", period_start__in=starts)
        live = filings.exclude(state=Filing.State.WITHDRAWN).defer("refs", "checks")
        self._filings = {(f.form, Period(f.period_start, f.period_end)): f for f in live}
        ticks = DutyTick.objects.for_facility(facility).filter(period_start__in=starts, taken_back_at__isnull=True)
        self._ticks = {(t.duty, t.period_start): t for t in ticks.select_related("by")}
        self._claim_months = {period.start for duty, period in pairs if duty.proof == "claims_export"}
        self._today = today
        self._facility = facility
        self._first = min(starts, default=date.max)

    def of(self, duty: Duty, period: Period) -> Progress:
        """How far the duty is."""
        if tick := self._ticks.get((duty.code, period.start)):
            words = f"Đã làm {tick.done_on:%d/%m/%Y}"
            return Progress(words, is_done=True, tick=tick)
        how = {"filing": self._filing, "claims_export": self._export, "stocktake": self._counted}
        return how[duty.proof](duty, period) if duty.proof in how else Progress("Chưa làm")

    def _filing(self, duty: Duty, period: Period) -> Progress:
        key = (duty.form, period)
        filing, run = self._filings.get(key), self._runs.get(key)
        if filing is not None:
            is_sent = filing.state == Filing.State.SENT
            return Progress(filing.get_state_display(), is_sent, reverse("report-run", args=[filing.run_id]))
        if run is not None:
            return Progress("Nháp", url=reverse("report-run", args=[run.pk]))
        asked = urlencode({"form": duty.form, "month": period.typed()})
        return Progress("Chưa làm", url=f"{reverse('reports')}?{asked}")

    def _export(self, duty: Duty, period: Period) -> Progress:
        url = f"{reverse('claims')}?{urlencode({'month': f'{period.start:%Y-%m}'})}"
        due, written, last = self._exports.get(period.start, (0, 0, None))
        if last is None or not written:
            return Progress("Chưa xuất", url=url)
        if written < due:
            return Progress(f"Đã xuất {written}/{due}", url=url)
        if self._today <= period.end:
            return Progress(f"Đã xuất {written} đến nay", url=url)
        return Progress(f"Đã xuất {local(last):%d/%m/%Y}", is_done=True, url=url)

    @cached_property
    def _exports(self) -> dict[date, tuple[int, int, datetime | None]]:
        return exports_of_months(self._facility, self._claim_months)

    def _counted(self, duty: Duty, period: Period) -> Progress:
        """Every active store was counted as a monthly or yearly stock-take that ended in the ledger."""
        stores_now, counted_at = self._counts
        start, end = period.instants()
        counted = len({store for store, at in counted_at if start <= at < end and store in stores_now})
        words = f"Đã kiểm {counted}/{len(stores_now)} kho" if counted else "Chưa làm"
        return Progress(words, is_done=bool(stores_now) and counted == len(stores_now), url=reverse("stock-counts"))

    @cached_property
    def _counts(self) -> tuple[set[int], list[tuple[int, datetime]]]:
        """The active stores, and when which store was counted in the months that are asked for."""
        counts = StockCount.objects.for_facility(self._facility).filter(
            state=StockCount.State.POSTED,
            occasion__in=(StockCount.Occasion.MONTHLY, StockCount.Occasion.YEARLY),
            snapshot_at__gte=day_range(self._first)[0],
        )
        return {one.pk for one in stores(self._facility)}, list(counts.values_list("store_id", "snapshot_at"))
