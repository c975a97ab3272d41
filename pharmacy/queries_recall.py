"""Who has units of a lot: what a recall asks for first (thu hồi thuốc)."""

from typing import Any

from django.db.models import F, QuerySet

from pharmacy.models import DispenseLine, Lot
from pharmacy.queries_given import with_returned


def recipients(lot: Lot) -> QuerySet[Any]:
    """What patients were given of a lot and did not bring back (`still`), by one query, the latest
    first; with the patient and the prescription. What was undone counts for nothing."""
    given = DispenseLine.objects.for_facility(lot.facility_id).filter(lot=lot, dispense__is_reversed=False)
    rows: QuerySet[Any] = with_returned(given).annotate(still=F("quantity") - F("came_back"))
    return (
        rows.filter(still__gt=0)
        .select_related("dispense__prescription__visit__patient", "prescription_line")
        .order_by("-dispense__dispensed_at", "-pk")
    )


def recipients_count(lot: Lot) -> int:
    """How many people have some of the lot."""
    return recipients(lot).order_by().values("dispense__prescription__visit__patient").distinct().count()
