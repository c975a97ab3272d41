"""Where insured patients come from and how, as expressions: one meaning for the lists and for what is counted."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Case, Field, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Left

from reports.lists.codes import ELSEWHERE, HERE, OldCodes

ORIGINS = ("here", "province", "elsewhere")
ROUTES = ("right", "wrong", "unknown")
WRONG_WAY = "3"
"""Old reason of who came without a referral (trái tuyến)."""


def origin_of(visit: str, facility: Combinable, values: Sequence[Any], field: type[Field]) -> Case:
    """The one of `values` for where the patient of a visit is registered, in the order of `ORIGINS`.

    `visit` is the path to the visit, `facility` the code of the facility. Provinces are told by the first two
    characters of the facilities' codes.
    """
    here, province, elsewhere = (Value(value) for value in values)
    in_province = Q(**{f"{visit}card__registered_facility_code__startswith": Left(facility, 2)})
    is_here = _is_here(visit, facility)
    return Case(When(is_here, then=here), When(in_province, then=province), default=elsewhere, output_field=field())


def route_of(
    visit: str, entitlement: str, facility: Combinable, codes: OldCodes, values: Sequence[Any], field: type[Field]
) -> Case:
    """The one of `values` for how the patient came, in the order of `ROUTES`: by the old reason that `codes` maps the
    code of entitlement to; `entitlement` is the path to that code."""
    is_here = _is_here(visit, facility)
    whens = []
    for where, condition in ((HERE, is_here), (ELSEWHERE, ~is_here)):
        table = codes.table("reason", is_here=where == HERE)
        wrong = [code for code, old in table.items() if old == WRONG_WAY]
        right = [code for code in table if code not in wrong]
        for value, listed in zip(values, (right, wrong), strict=False):
            whens.append(When(condition & Q(**{f"{entitlement}__in": listed}), then=Value(value)))
    return Case(*whens, default=Value(values[2]), output_field=field())


def _is_here(visit: str, facility: Combinable) -> Q:
    return Q(**{f"{visit}card__registered_facility_code": facility})
