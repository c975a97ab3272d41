"""`manage.py bench reports`: every form of a loaded month, and the lists against the least that the machine needs.

Each step runs in a process of its own (`report_steps`), so that its memory is its own. A month that is already loaded
is measured as it is: nothing is loaded or built twice.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count

from his.accounts.models import Facility
from his.core.errors import Refusal
from his.demo.volume.claims import address, build, settle
from his.demo.volume.load import Loaded, load_month
from his.demo.volume.measure import prepared
from his.demo.volume.report_steps import ROWS
from insurance.claims import fresh
from insurance.claims.inclusion import LEFT_OUT
from insurance.claims.queries import results_of_month
from patients.models import Visit
from reports.definition import form_codes, load_form
from reports.lists.rows import rows
from reports.lists.services import list_query
from reports.period import Period

Say = Callable[[str], None]
ROUNDS = 3
LIST = "79A"
_MONTHS = tuple(date(2026, number, 1) for number in range(7, 13))
"""From July 2026 every form is in force; of an earlier month, those that were are measured."""
_LOADED = (*(date(2026, number, 1) for number in range(4, 7)), *_MONTHS)


def bench_reports(
    *, facility_code: str, visits: int, seed: int, progress: Callable[[Loaded], None], say: Say
) -> dict[str, Any]:
    """Time all forms over a month of at least so many visits: one that is there, or a new one.

    Works in a database that is empty or has only invented facilities.
    """
    facility = prepared(facility_code)
    month = _loaded(facility, visits) or _load(facility, visits, seed, progress)
    if _not_fresh(facility, month):
        build(facility, month, say)
        settle()
    with TemporaryDirectory() as folder:
        steps = _Steps(facility, month, Path(folder), say)
        _keep_rows(facility, month)
        try:
            rounds = [(steps.run("floor", LIST), steps.run("listed", LIST)) for _ in range(ROUNDS)]
        finally:
            _drop_rows()
        floor_s, list_s = (median(step["seconds"] for step in part) for part in zip(*rounds, strict=True))
        forms = {form: steps.of(form) for form in _measured(month)}
    return {
        "facility": facility.code,
        "month": f"{month:%Y-%m}",
        "visits": _visits(facility, month),
        "list_rows": rounds[0][1]["rows"],
        "floor_s": floor_s,
        "list_s": list_s,
        "list_over_floor": round(list_s / floor_s, 2),
        "list_over_floor_cpu": round(_cpu(rounds, 1) / _cpu(rounds, 0), 2),
        "list_peak_mb": max(made["peak_mb"] for _, made in rounds),
        "forms": forms,
    }


def _measured(month: date) -> list[str]:
    """The forms in force in a month that are made of a whole facility."""
    found = []
    for code in form_codes():
        with suppress(Refusal):  # it came into force later
            if not load_form(code, month).is_by_store:
                found.append(code)
    return found


def _cpu(rounds: list[tuple[dict[str, Any], dict[str, Any]]], at: int) -> float:
    found: float = median(pair[at]["cpu_s"] for pair in rounds)
    return found


def _visits(facility: Facility, month: date) -> int:
    return Visit.objects.for_facility(facility).filter(claim_month=month, state=Visit.State.CLOSED).count()


def _loaded(facility: Facility, visits: int) -> date | None:
    """The last month in force of all forms that has enough closed visits."""
    closed = Visit.objects.for_facility(facility).filter(state=Visit.State.CLOSED, claim_month__in=_LOADED)
    found = closed.values("claim_month").annotate(visits=Count("pk")).filter(visits__gte=visits)
    month: date | None = found.order_by("-claim_month").values_list("claim_month", flat=True).first()
    return month


def _load(facility: Facility, visits: int, seed: int, progress: Callable[[Loaded], None]) -> date:
    taken = Visit.objects.for_facility(facility)
    for month in _MONTHS:
        if not taken.filter(claim_code__startswith=f"{facility.code}.{month:%y%m}.").exists():
            load_month(facility=facility, month=month, visits=visits, seed=seed, progress=progress)
            settle()
            return month
    raise Refusal("year_full", "Mọi tháng đã có lượt khám, hãy dùng cơ sở dữ liệu mới")


def _not_fresh(facility: Facility, month: date) -> bool:
    return results_of_month(facility, month).filter(~LEFT_OUT).exclude(fresh.is_fresh(facility)).exists()


def _keep_rows(facility: Facility, month: date) -> None:
    """The finished cells of the list in a table, for the floor."""
    query = list_query(LIST, facility, Period.month(month))
    columns = query.form.file_columns
    kinds = {"money": "numeric", "int": "integer"}
    names = ", ".join(f"c{x} {kinds.get(column.type, 'text')}" for x, column in enumerate(columns))
    places = [query.form.columns.index(column) for column in columns]
    marks = ", ".join(["%s"] * (len(columns) + 1))
    _drop_rows()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE UNLOGGED TABLE {ROWS} (number serial PRIMARY KEY, {names})")
        for number, row in enumerate(rows(query), 1):
            if row.cells:
                cursor.execute(
                    f"INSERT INTO {ROWS} VALUES ({marks})",  # noqa: S608 - fixed names
                    [number, *(row.cells[place] if row.cells[place] != "" else None for place in places)],
                )
    settle()


def _drop_rows() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {ROWS}")


class _Steps:
    """Runs steps, each in a new process and an empty folder."""

    def __init__(self, facility: Facility, month: date, folder: Path, say: Say) -> None:
        self._facility, self._month, self._folder, self._say = facility, month, folder, say

    def of(self, form: str) -> dict[str, Any]:
        """Seconds and growth of memory of what a form has: its list and screen, or its run and spreadsheet."""
        names = ("listed", "screen") if load_form(form, self._month).is_list else ("stored", "spreadsheet")
        return {name: self.run(name, form) for name in names}

    def run(self, name: str, form: str) -> dict[str, Any]:
        """One step."""
        with TemporaryDirectory(dir=self._folder) as out:
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "his.demo.volume.report_steps", name, form, self._facility.code),
                    *(self._month.isoformat(), out),
                ],
                env=os.environ | {"DATABASE_URL": address(), "DJANGO_SETTINGS_MODULE": "his.settings"},
                cwd=settings.BASE_DIR,
                stdout=subprocess.PIPE,
                check=True,
            )
        figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        self._say(f"  {form} {name}: {figures['seconds']:.2f} giây, {figures['rows']} dòng, +{figures['peak_mb']} MB")
        return figures
