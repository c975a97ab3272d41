"""What the clinical desks ask of the layers above."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from his.accounts.models import Facility
from his.core.hooks import Hook

usable_stock: Hook[[Facility, Sequence[int], date], dict[int, Decimal]] = Hook("usable_stock")
"""(facility, drug ids, day) -> usable quantity by drug id, filled by the pharmacy; absent ids have none."""
