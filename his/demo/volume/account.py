"""The account of a visit: charges with copied prices, the split by the benefit engine, receipts and drawers."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Max

from his.accounts.models import Facility
from his.core.money import ZERO
from his.demo.plan import bank_reference
from his.demo.volume.clinical import Stored
from his.demo.volume.copying import take_numbers
from his.demo.volume.people_rows import Maker
from his.demo.volume.setting import Setting
from insurance.benefits.engine import Facts, LineSplit, Split, load, split
from insurance.billing.books import counter_of, number_text, open_books, series_of
from insurance.billing.charges import charge_values
from insurance.billing.closing import line_values, result_values
from insurance.billing.drawers import DENOMINATIONS
from insurance.billing.facts import items_of
from insurance.billing.ledger import expected_cash, payable_amount
from insurance.billing.origins import Source, drug_source, service_source
from insurance.models import BenefitLine, BenefitResult, CashEntry, CashSession, Charge
from patients.models import Counter

_SMALL_CHANGE = "Tiền lẻ dưới mệnh giá nhỏ nhất"


@dataclass(slots=True)
class Drawer:
    """The drawer of one cashier on one day while the load fills it; `is_stored` once a chunk has written it."""

    row: CashSession
    day: date
    cash_amount: Decimal = ZERO
    last_at: datetime | None = None
    is_stored: bool = False


@dataclass(slots=True)
class Drawers:
    """Open drawers by cashier and day."""

    by_key: dict[tuple[int, date], Drawer] = field(default_factory=dict)

    def keep_stored(self) -> None:
        """Forget drawers that no chunk has written, and take the figures of the others from the ledger."""
        self.by_key = {key: drawer for key, drawer in self.by_key.items() if drawer.is_stored}
        for drawer in self.by_key.values():
            drawer.cash_amount = expected_cash(drawer.row)
            drawer.last_at = drawer.row.entries.aggregate(last=Max("at"))["last"]

    def close_before(self, day: date | None) -> list[Drawer]:
        """Count and close the drawers of earlier days (of all days when `day` is None); answers those closed."""
        done = [key for key in self.by_key if day is None or key[1] < day]
        closed = [self.by_key.pop(key) for key in done]
        for drawer in closed:
            _count(drawer)
        return closed


def _count(drawer: Drawer) -> None:
    row, left = drawer.row, drawer.cash_amount
    notes: dict[str, int] = {}
    for face in DENOMINATIONS:
        count, left = int(left // face), left % face
        if count:
            notes[str(face)] = count
    row.closed_at, row.expected_amount = drawer.last_at, drawer.cash_amount
    row.counted_amount, row.denominations = drawer.cash_amount - left, notes
    row.note = _SMALL_CHANGE if left else ""


class AccountRows:
    """Turns closed visits into charges, one current split each, and receipts for what is due."""

    def __init__(self, setting: Setting, maker: Maker, drawers: Drawers) -> None:
        self.setting, self.maker, self.drawers = setting, maker, drawers
        self.facility: Facility = setting.facility

    def add(self, chunk: Sequence[Stored]) -> None:
        """The accounts of a chunk. Visits are taken in order of time, because co-payments of the year add up."""
        due: list[tuple[Stored, BenefitResult, Decimal]] = []
        for one in chunk:
            result = self._close(one)
            if amount := payable_amount(result):
                due.append((one, result, amount))
        self._collect(due)

    # Charges

    def _charges(self, one: Stored) -> list[Charge]:
        """Exams first, then what was ordered and prescribed in the order of time."""
        exam, kinds, is_insured = one.exam, Charge.SourceKind, one.visit.is_insured
        sources = [
            service_source(kinds.EXAM, exam.pk, one.draft.desk.exam, Decimal(1), exam.started_at, is_insured=True)
        ]
        for order in sorted(one.orders, key=lambda order: (order.ordered_at, order.pk)):
            sources.append(
                service_source(
                    kinds.ORDER, order.pk, order.service, order.quantity, order.ordered_at, is_insured=is_insured
                )
            )
        for line in one.lines:
            sources.append(
                drug_source(line.pk, line.drug, line.quantity, one.draft.prescribed_at, is_insured=is_insured)
            )
        return [self._charge(one, source) for source in sources]

    def _charge(self, one: Stored, source: Source) -> Charge:
        charge: Charge = self.maker.make(
            Charge, visit_id=one.visit.pk, created_at=one.draft.closed_at, **charge_values(source)
        )
        return charge

    # The split

    def _close(self, one: Stored) -> BenefitResult:
        charges = self._charges(one)
        on = one.draft.exam.signed_at.date()
        params = load(on=on)
        answer = split(self._facts(one, on), items_of(charges), params)
        if answer.entitlement_code not in params.codes_outside_limit():
            one.draft.visitor.copay_amount += answer.totals.copay
        result = self._result(one, answer)
        by_key = {line.key: line for line in answer.lines}
        for position, charge in enumerate(charges, 1):
            self._line(result, charge, position, by_key[str(charge.pk)])
        return result

    def _facts(self, one: Stored, on: date) -> Facts:
        facility, status, plan = self.facility, self.setting.status_on(on), one.draft.visitor.card
        counts_copay = plan is not None and plan.five_years_from is not None
        return Facts(
            ended_on=on,
            admitted_on=one.draft.day,
            visit_type=one.visit.visit_type,
            card_number=plan.number if plan else None,
            registered_facility=plan.registered_facility_code if plan else "",
            facility_code=facility.code,
            facility_kind=facility.kind,
            facility_tier=status.tier,
            facility_points=status.points,
            facility_provisional=status.is_provisional,
            former_line=status.former_line,
            route=one.visit.route,
            main_icd=one.draft.exam.main,
            patient_born=one.draft.visitor.person.birth.value,
            five_years_from=plan.five_years_from if plan else None,
            copay_exempt_from=plan.copay_exempt_from if plan else None,
            copay_paid_this_year=one.draft.visitor.copay_amount if counts_copay else ZERO,
            area_code=plan.area_code if plan else "",
            card_valid_from=plan.valid_from if plan else None,
            card_valid_to=plan.valid_to if plan else None,
        )

    def _result(self, one: Stored, answer: Split) -> BenefitResult:
        result: BenefitResult = self.maker.make(
            BenefitResult,
            visit_id=one.visit.pk,
            version=1,
            computed_at=one.draft.closed_at,
            computed_by_id=one.draft.cashier.user.pk,
            **result_values(answer),
        )
        return result

    def _line(self, result: BenefitResult, charge: Charge, position: int, line: LineSplit) -> None:
        self.maker.make(BenefitLine, result_id=result.pk, charge_id=charge.pk, position=position, **line_values(line))

    # The cash ledger

    def _collect(self, due: list[tuple[Stored, BenefitResult, Decimal]]) -> None:
        """A receipt for each amount, numbered in the order of time and year."""
        due.sort(key=lambda row: (row[0].draft.paid_at, row[0].visit.pk))
        sizes: dict[str, int] = defaultdict(int)
        for one, _, _ in due:
            sizes[_series(one)] += 1
        numbers = take_numbers(self.facility, sizes)
        self._open_books(due)
        for one, result, amount in due:
            draft, drawer = one.draft, self._drawer(one)
            if draft.method == CashEntry.Method.CASH:
                drawer.cash_amount += amount
            drawer.last_at = max(drawer.last_at or draft.paid_at, draft.paid_at)
            self.maker.make(
                CashEntry,
                visit_id=one.visit.pk,
                result_id=result.pk,
                session_id=drawer.row.pk,
                kind=CashEntry.Kind.RECEIPT,
                method=draft.method,
                number=number_text(_books(one), next(numbers[_series(one)])),
                bank_reference=bank_reference(one.visit.claim_code, draft.method),
                amount=amount,
                at=draft.paid_at,
                by_id=draft.cashier.user.pk,
            )

    def _open_books(self, due: Sequence[tuple[Stored, BenefitResult, Decimal]]) -> None:
        """Books for the numbers just taken; the counters are held."""
        for series, on in {_books(one): one.draft.paid_at.date() for one, _, _ in reversed(due)}.items():
            last = Counter.objects.get(facility=self.facility, series=counter_of(series)).last
            open_books(facility=self.facility, series=series, until=last, on=on)

    def _drawer(self, one: Stored) -> Drawer:
        user_id, day = one.draft.cashier.user.pk, one.draft.day
        key = (user_id, day)
        if key not in self.drawers.by_key:
            opened_at = one.draft.paid_at.replace(hour=6, minute=45)
            row = CashSession(
                pk=self.maker.ids.next(CashSession),
                facility_id=self.facility.pk,
                cashier_id=user_id,
                opened_at=opened_at,
                opening_float=ZERO,
            )
            self.drawers.by_key[key] = Drawer(row, day)
        return self.drawers.by_key[key]


def _books(one: Stored) -> str:
    return series_of(CashEntry.Kind.RECEIPT, one.draft.paid_at.date())


def _series(one: Stored) -> str:
    return counter_of(_books(one))
