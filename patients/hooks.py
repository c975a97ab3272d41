"""What the clinical desks ask of the layers above."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from his.accounts.models import Facility
from his.core.hooks import Hook
from patients.models import PrescriptionLine, Visit
from patients.notices import Notice, Stage

usable_stock: Hook[[Facility, Sequence[int], date], dict[int, Decimal]] = Hook("usable_stock")
"""(facility, drug ids, day) -> usable quantity by drug id, filled by the pharmacy; absent ids have none."""

visit_checks: Hook[[Visit, Stage, datetime, Sequence[PrescriptionLine] | None], list[Notice]] = Hook("visit_checks")
"""(visit, stage, instant, drugs) -> what the rules of the stage find, filled by the insurance package.

`drugs` are lines as typed, not stored, in the place of those of the open exam; None: the stored ones. A visit without
insurance or without an exam has no notices.
"""
