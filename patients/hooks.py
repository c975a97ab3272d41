"""What the clinical desks ask of the layers above."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.accounts.models import Facility, Staff
from his.core.errors import Refusal
from his.core.hooks import Hook
from patients.allergens import Allergen
from patients.models import Prescription, PrescriptionLine, Visit
from patients.notices import Notice, SafetyReport, Stage
from patients.shortages import NotReserved
from patients.wards import CountedBed

usable_stock: Hook[[Facility, Sequence[int], date], dict[int, Decimal]] = Hook("usable_stock")
"""(facility, drug ids, day) -> usable quantity by drug id, filled by the pharmacy; absent ids have none."""

reserve_stock: Hook[[Prescription, Actor, datetime], list[NotReserved]] = Hook("reserve_stock")
"""(signed prescription, actor, instant) -> what the pharmacy could not keep for it, filled by the pharmacy.

A step inside the service that signs; the visit is locked. It refuses nothing for want of stock.
"""

release_stock: Hook[[Visit, Actor, datetime], None] = Hook("release_stock")
"""(visit, actor, instant): keep nothing more for its prescriptions, because it is closed or they were replaced; filled
by the pharmacy. A step inside a service that has locked the visit."""

is_handed_out: Hook[[Prescription], bool] = Hook("is_handed_out")
"""Whether a prescription was handed out and not taken back, filled by the pharmacy."""

visit_checks: Hook[[Visit, Stage, datetime, Sequence[PrescriptionLine] | None], list[Notice]] = Hook("visit_checks")
"""(visit, stage, instant, drugs) -> what the rules of the stage find, filled by the insurance package.

`drugs` are lines as typed, not stored, in the place of those of the open exam; None: the stored ones. A visit without
insurance or without an exam has no notices.
"""

prescribing_checks: Hook[[Visit, Staff | None, datetime, Sequence[PrescriptionLine] | None], SafetyReport] = Hook(
    "prescribing_checks"
)
"""(visit, prescriber, instant, drugs) -> whether the prescription of the open exam is safe, of insured and uninsured
visits alike, filled by the insurance package, whose engine asks the rules. `drugs` as in `visit_checks`.

A check that fails is told in the report; it never raises.
"""

allergens: Hook[[date], Sequence[Allergen]] = Hook("allergens")
"""(day) -> the ingredients and groups against which allergies are recorded; none when their list cannot be read."""

bed_days: Hook[[Sequence[Visit], date, datetime], dict[int, list[CountedBed] | Refusal]] = Hook("bed_days")
"""(visits, day of the price list, instant) -> their bed days by visit, a stay that goes on as if it ended at the
instant; filled by the insurance package. Where they cannot be counted, the refusal that says why, such as a bed day
that the price list lacks. The visits are of one facility."""
