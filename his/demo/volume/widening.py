"""A loaded and built month made many times as wide, for measuring the export: copies of visits, splits and claims.

To load and build two hundred thousand visits takes more than an hour, and the export reads nothing of a visit beside
the rows that are copied here and the patient with the card. The copies have numbers of their own, behind those of the
loaded visits, but the documents of the visit that they were copied from: they are for measuring only.
"""

from collections.abc import Sequence
from datetime import date

from django.db import transaction

from his.accounts.models import Facility
from his.demo.volume.copying import Ids, copy_rows, take_numbers
from insurance.claims import fresh
from insurance.locks import lock_claims
from insurance.models import BenefitResult, Claim
from patients.models import Visit

CHUNK = 500


def widen(facility: Facility, month: date, times: int) -> int:
    """Have the visits of the month `times` times; how many copies were made."""
    loaded = Visit.objects.for_facility(facility).filter(claim_month=month).order_by("claim_code")
    keys, ids = list(loaded.values_list("pk", flat=True)), Ids()
    for _turn in range(1, times):
        for start in range(0, len(keys), CHUNK):
            with transaction.atomic():
                _copy(facility, month, keys[start : start + CHUNK], ids)
    return len(keys) * (times - 1)


def _copy(facility: Facility, month: date, keys: Sequence[int], ids: Ids) -> None:
    lock_claims(facility)
    series = f"visit:{month:%y%m}"
    numbers = take_numbers(facility, {series: len(keys)})[series]
    visits = {visit.pk: visit for visit in Visit.objects.filter(pk__in=keys).order_by("claim_code")}
    results = {row.pk: row for row in BenefitResult.objects.filter(visit__in=keys, is_current=True)}
    claims = list(Claim.objects.filter(visit__in=keys, is_current=True))
    for visit in visits.values():
        visit.pk, visit.claim_code = ids.next(Visit), f"{facility.code}.{month:%y%m}.{next(numbers):06d}"
    for result in results.values():
        result.pk, result.visit_id = ids.next(BenefitResult), visits[result.visit_id].pk
    copy_rows(list(visits.values()))
    copy_rows(list(results.values()))
    prints = fresh.begin(facility, [visit.pk for visit in visits.values()])
    for claim in claims:
        visit = visits[claim.visit_id]
        claim.pk, claim.visit_id, claim.claim_code = ids.next(Claim), visit.pk, visit.claim_code
        claim.result_id = results[claim.result_id].pk
        for name in fresh.FIELDS:
            setattr(claim, name, getattr(prints[visit.pk], name))
    copy_rows(claims)
