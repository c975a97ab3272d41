"""Numbers without gaps: patient codes, claim codes, queue numbers, documents."""

from django.db import connection

from his.accounts.models import Facility

_NEXT = """
    INSERT INTO patients_counter (facility_id, series, last) VALUES (%s, %s, 1)
    ON CONFLICT (facility_id, series) DO UPDATE SET last = patients_counter.last + 1
    RETURNING last
"""


def next_number(*, facility: Facility, series: str) -> int:
    """The next number of a series of the facility, from 1.

    The row stays locked until the transaction ends, so a number given out and rolled back is given out again. Call it
    late in a service: everyone who wants the same series waits. Outside a transaction it is a defect.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(f"a number of {series} was asked for outside a transaction")
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [facility.pk, series])
        return int(cursor.fetchone()[0])
