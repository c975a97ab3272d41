"""What `manage.py bench` measures: rates of loading and exporting, and how long searches keep a desk waiting.

Seconds differ from machine to machine; the ratios beside them compare with the least that the same machine needs, a
row fetched by its key.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import cycle, islice
from math import ceil
from random import Random
from time import perf_counter
from typing import Any

from django.db import connection

from his.accounts.models import Facility
from his.catalogs.models import Diagnosis
from his.catalogs.queries import search_diagnoses
from his.catalogs.services import import_catalog
from his.core.errors import Refusal
from his.core.text import fold
from his.demo.ground import survey
from his.demo.places import build_places
from his.demo.volume.claims import claim_figures
from his.demo.volume.load import Loaded, load_month
from patients.hooks import visit_checks
from patients.models import Patient, Visit
from patients.notices import Stage
from patients.queries import find_patients

SAMPLES = 200
_FIRST_MONTH = date(2026, 1, 1)
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Timings:
    """Sorted seconds of repeated calls."""

    seconds: tuple[float, ...]

    def percentile(self, share: float) -> float:
        """The least time that this share of the calls did not exceed, in seconds."""
        return self.seconds[max(0, ceil(len(self.seconds) * share) - 1)]


def bench_claims(
    *,
    facility_code: str,
    visits: int,
    seed: int,
    times: int = 1,
    progress: Callable[[Loaded], None] = lambda _loaded: None,
    say: Callable[[str], None] = lambda _text: None,
) -> dict[str, Any]:
    """Load a month, build its claims, and time the export beside other ways to the same files (`claims`).

    With `times` each built visit is there so many times (`widening`) when the export is measured. Works in a database
    that is empty or has only invented facilities; the month is the first of 2026 without a visit. Refuses real
    facilities and a year that is full.
    """
    facility, month, loaded = _loaded_month(facility_code, visits, seed, progress)
    figures = claim_figures(facility, month, say, times)
    return {**_head(facility, month), **_load_figures(loaded), "visits": loaded.visits * times, **figures}


def bench_search(
    *, facility_code: str, visits: int, seed: int, progress: Callable[[Loaded], None] = lambda _loaded: None
) -> dict[str, Any]:
    """Load a month likewise, search, and check lines by the rules; the answer has milliseconds and ratios."""
    facility, month, loaded = _loaded_month(facility_code, visits, seed, progress)
    found = {**_search_figures(facility, month), **_desk_figures(facility, month)}
    return {**_head(facility, month), **_load_figures(loaded), **found}


def _loaded_month(
    facility_code: str, visits: int, seed: int, progress: Callable[[Loaded], None]
) -> tuple[Facility, date, Loaded]:
    facility = prepared(facility_code)
    month = free_month(facility)
    loaded = load_month(facility=facility, month=month, visits=visits, seed=seed, progress=progress)
    _refresh_statistics()
    return facility, month, loaded


def _head(facility: Facility, month: date) -> dict[str, Any]:
    return {"facility": facility.code, "month": f"{month:%Y-%m}"}


def prepared(code: str) -> Facility:
    """The facility, founded with the starter catalogue in an empty database."""
    if survey().is_empty:
        for place in build_places().values():
            import_catalog(kind="starter", path=None, actor_name="bench", facility=place.facility)
    facility = Facility.objects.filter(code=code).first()
    if facility is None:
        raise Refusal("no_facility", f"Không có cơ sở {code}")
    return facility


def free_month(facility: Facility) -> date:
    """The first month of the year without a visit at the facility."""
    months = (_FIRST_MONTH.replace(month=number) for number in range(1, _MONTHS + 1))
    taken = Visit.objects.for_facility(facility)
    for month in months:
        if not taken.filter(claim_code__startswith=f"{facility.code}.{month:%y%m}.").exists():
            return month
    raise Refusal("year_full", f"Mọi tháng của năm {_FIRST_MONTH.year} đã có lượt khám, hãy dùng cơ sở dữ liệu mới")


def _refresh_statistics() -> None:
    """Let the planner know the new rows, as autovacuum does within minutes at a working facility."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _load_figures(loaded: Loaded) -> dict[str, Any]:
    return {
        "visits": loaded.visits,
        "patients": loaded.patients,
        "rows": loaded.rows,
        "load_seconds": round(loaded.seconds, 2),
        "load_visits_per_second": round(loaded.visits / loaded.seconds, 1),
    }


def _search_figures(facility: Facility, month: date) -> dict[str, Any]:
    rng = Random("bench")
    keys = list(Patient.objects.for_facility(facility).order_by("pk").values_list("pk", flat=True)[:SAMPLES])
    floor = timings(lambda pk: Patient.objects.get(pk=pk), keys)
    diagnoses = timings(lambda text: search_diagnoses(text, on=month), diagnosis_queries(rng, month))
    patients = timings(lambda text: find_patients(facility, text, on=month), patient_queries(rng, facility))
    least = floor.percentile(0.95)
    return {
        "diagnoses_known": Diagnosis.objects.on(month).count(),
        "patients_known": Patient.objects.for_facility(facility).count(),
        "row_by_key_p95_ms": _ms(least),
        "search_diagnoses_p50_ms": _ms(diagnoses.percentile(0.5)),
        "search_diagnoses_p95_ms": _ms(diagnoses.percentile(0.95)),
        "search_diagnoses_p95_to_row": round(diagnoses.percentile(0.95) / least, 1),
        "find_patients_p50_ms": _ms(patients.percentile(0.5)),
        "find_patients_p95_ms": _ms(patients.percentile(0.95)),
        "find_patients_p95_to_row": round(patients.percentile(0.95) / least, 1),
    }


def _desk_figures(facility: Facility, month: date) -> dict[str, Any]:
    """How long a doctor waits for the rules when a line is added; the first call, which compiles them, is left out."""
    rows = Visit.objects.for_facility(facility).filter(claim_month=month, is_insured=True, ended_at__isnull=False)
    visits = list(rows.order_by("pk")[:SAMPLES])
    at = visits[0].ended_at or visits[0].arrived_at
    checks = timings(lambda visit: visit_checks(visit, Stage.ORDER, at, None), visits)
    return {
        "check_line_p50_ms": _ms(checks.percentile(0.5)),
        "check_line_p95_ms": _ms(checks.percentile(0.95)),
    }


def timings(call: Callable[[Any], object], arguments: Sequence[Any]) -> Timings:
    """How long each of `SAMPLES` calls took, the arguments taken in turn; a first call warms up."""
    call(arguments[0])
    return Timings(tuple(sorted(_timed(call, argument) for argument in islice(cycle(arguments), SAMPLES))))


def _timed(call: Callable[[Any], object], argument: Any) -> float:
    started = perf_counter()
    call(argument)
    return perf_counter() - started


def diagnosis_queries(rng: Random, on: date) -> list[str]:
    """What a doctor types: beginnings of codes, and beginnings of words of a name without marks."""
    rows = list(Diagnosis.objects.on(on).order_by("code").values_list("code", "name"))
    queries = []
    for code, name in rng.choices(rows, k=SAMPLES):
        words = [word for word in fold(name).replace(",", " ").split() if word.isalpha()][:3]
        cut = [word[: rng.randint(2, len(word))] if len(word) > 2 else word for word in words]
        queries.append(code.replace(".", "").lower()[:3] if rng.random() < 0.2 or not cut else " ".join(cut))
    return queries


def patient_queries(rng: Random, facility: Facility) -> list[str]:
    """What reception types: a name with or without marks, two words of it, a phone, a card, a patient code."""
    rows = Patient.objects.for_facility(facility).order_by("pk").prefetch_related("cards")
    return [_patient_query(rng, patient) for patient in rng.choices(list(rows[:5000]), k=SAMPLES)]


def _patient_query(rng: Random, patient: Patient) -> str:
    cards: Iterable[str] = [card.number for card in patient.cards.all()]
    short = " ".join(patient.search_name.split()[-2:])
    choices = [patient.full_name, patient.search_name, short, short, patient.phone, *cards, patient.code]
    return rng.choice([text for text in choices if text])


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
