"""The claims by which the coverage of a standard is told: those of the invented facilities of province 99."""

from collections.abc import Iterator, Sequence
from itertools import islice

from his.accounts.models import Facility
from insurance.claims.build import build_tables
from insurance.claims.gather import gather
from insurance.claims.inclusion import reason_left_out_of
from insurance.standards import Standard
from insurance.standards.coverage import Tables
from patients.models import Visit

INVENTED = "99"
CHUNK = 200


def demo_cases(standard: Standard) -> Iterator[tuple[str, Tables]]:
    """Claim code and rows of each claim of the invented facilities, the message of arrival among them."""
    for facility in Facility.objects.filter(province_code=INVENTED).order_by("code"):
        visits = Visit.objects.for_facility(facility).filter(state=Visit.State.CLOSED)
        rows = visits.select_related("patient", "card", "facility").order_by("claim_code").iterator(CHUNK)
        while chunk := list(islice(rows, CHUNK)):
            yield from _cases(facility, chunk, standard)


def _cases(facility: Facility, visits: Sequence[Visit], standard: Standard) -> Iterator[tuple[str, Tables]]:
    for record in gather(facility, visits):
        if reason_left_out_of(record.visit, record.result):
            continue
        tables = build_tables(record)
        arrival = {} if tables.check_in is None else {"XML0": [tables.check_in]}
        yield record.visit.claim_code, arrival | dict(tables.in_envelope(standard))
