"""What a correction changed in the costs of a visit: the split that a report read against the one in force now."""

from datetime import datetime

from his.accounts.models import Facility
from insurance.billing.difference import Difference, between
from insurance.billing.queries import lines_of
from insurance.models import BenefitResult


def split_change(facility: Facility, claim_code: str, then: datetime, now: datetime | None) -> Difference | None:
    """The lines that differ between the splits of a visit at two instants (None: the one in force); None when both are
    the same, or there was none at all."""
    results = BenefitResult.objects.for_facility(facility).filter(visit__claim_code=claim_code)
    old = results.filter(computed_at__lte=then).order_by("-version").first()
    new = (
        results.filter(is_current=True).first()
        if now is None
        else (results.filter(computed_at__lte=now).order_by("-version").first())
    )
    if old == new:
        return None
    return between(old.version if old else 0, lines_of(old) if old else [], lines_of(new) if new else [])
