"""Bed days of a stay: which days count, for which bed, at what rate, and why. Pure.

How many days a stay earns, what a shared bed is worth and how a day of several wards is divided stand in `rates`; here
days are laid out on the beds somebody lay in. Sources: TT 39/2018/TT-BYT Đ6, TT 39/2024/TT-BYT Đ4c.

The day of admission counts first, the day of leaving last and only when the stay earns one more day. Several beds of
one ward on one day are that ward's one day, at the bed where the person lay longest; no text read says otherwise.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from insurance.benefits.engine.facts import ZERO
from insurance.benefits.engine.params import Params
from insurance.benefits.engine.rates import (
    WardStay,
    bed_days,
    bed_share_rate,
    stretcher_rate,
    surgical_bed_days,
    ward_quantities,
)
from insurance.benefits.engine.work import percent_text

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stay:
    """Some time in one bed: prices are đồng a day; `medical_price` follows the surgical days, None for other beds.

    Times are those of the ward's clock; `patients` 3 stands for three and more.
    """

    key: int
    ward: str
    started_at: datetime
    ended_at: datetime
    price: Decimal
    medical_price: Decimal | None = None
    patients: int = 1
    is_stretcher: bool = False


@dataclass(slots=True)
class BedDays:
    """The bed days of one stay at one price: quantity in days, rate in percent (TYLE_TT_DV), from `first_at` on.

    `is_medical`: at the medical price after the surgical days. Each reason ends with its law in brackets.
    """

    key: int
    is_medical: bool
    first_at: datetime
    rate: Decimal
    quantity: Decimal = ZERO
    reasons: list[str] = field(default_factory=list)

    def because(self, text_vi: str, law: str, *, first: bool = False) -> None:
        """Keep a reason once, at the end or before the others."""
        reason = f"{text_vi} [{law}]"
        if reason not in self.reasons:
            self.reasons.insert(0 if first else len(self.reasons), reason)


def count_beds(
    params: Params,
    stays: Sequence[Stay],
    *,
    has_extra_day: bool = False,
    operated_on: Sequence[date] = (),
    is_observation: bool = False,
) -> list[BedDays]:
    """The bed days of the stays of a visit in their order, those that count nothing with quantity 0.

    Stays that follow each other without a gap are one stay. `has_extra_day` is how the last one ended, `operated_on`
    the days of operations, `is_observation` a stay at a station or polyclinic, of which only the first days count.
    Refuses (`ward_hours`) a day of three or more wards with none of them above the least hours.
    """
    found: dict[tuple[int, bool], BedDays] = {}
    ordered = sorted(stays, key=lambda stay: stay.started_at)
    for episode in _episodes(ordered):
        is_last = episode[-1] is ordered[-1]
        _count(params, episode, found, operated_on, has_extra_day=has_extra_day and is_last, is_short=is_observation)
        _explain_the_rest(params, episode, found)
    return sorted(found.values(), key=lambda one: (one.first_at, one.key, one.is_medical))


def _episodes(stays: Sequence[Stay]) -> Iterator[list[Stay]]:
    run: list[Stay] = []
    for stay in stays:
        if run and stay.started_at > run[-1].ended_at:
            yield run
            run = []
        run.append(stay)
    if run:
        yield run


def _count(
    params: Params,
    episode: Sequence[Stay],
    found: dict[tuple[int, bool], BedDays],
    operated_on: Sequence[date],
    *,
    has_extra_day: bool,
    is_short: bool,
) -> None:
    start, end = episode[0].started_at, episode[-1].ended_at
    days = bed_days(params, admitted_at=start, left_at=end, has_extra_day=has_extra_day)
    plain = bed_days(params, admitted_at=start, left_at=end)
    most = int(params.number("bed_observation_days")) if is_short else days
    first_surgical = next((stay.started_at.date() for stay in episode if stay.medical_price is not None), None)
    said = f"Nằm từ {start:%H:%M %d/%m/%Y} đến {end:%H:%M %d/%m/%Y}: {plain} ngày giường"
    touched = []
    for window in _windows(params, start, end, days)[:most]:
        surgical = _is_surgical(params, window[0].date(), operated_on, first_surgical)
        touched += _lay_out(params, episode, window, found, is_surgical=surgical)
    for one in touched:
        one.because(said, params.value("bed_no_charge_hours").law, first=True)
        if days > most:
            one.because(f"Giường lưu tính tối đa {most} ngày", params.value("bed_observation_days").law)
    if days > plain and touched:
        touched[-1].because("Tính thêm ngày ra viện theo kết quả điều trị", params.value("bed_single_day_hours").law)


def _explain_the_rest(params: Params, episode: Sequence[Stay], found: dict[tuple[int, bool], BedDays]) -> None:
    """Add the beds of a stay that count nothing."""
    counted = {key for key, _ in found}
    is_counted = any(stay.key in counted for stay in episode)
    hours = int(params.number("bed_no_charge_hours"))
    words = "các ngày đã tính cho giường khác" if is_counted else f"nằm không quá {hours} giờ"
    for stay in episode:
        if stay.key not in counted:
            nothing = found[stay.key, False] = _bed_days(params, stay, stay.started_at, is_medical=False)
            nothing.because(f"Không tính ngày giường: {words}", params.value("bed_no_charge_hours").law, first=True)


def _windows(params: Params, start: datetime, end: datetime, days: int) -> list[tuple[datetime, datetime]]:
    """The times of the days that count: a stay below the limit as a whole, else calendar days from the first on."""
    if days == 1 and end - start < timedelta(hours=int(params.number("bed_single_day_hours"))):
        return [(start, end)]
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    return [(max(start, midnight + number * _DAY), min(end, midnight + (number + 1) * _DAY)) for number in range(days)]


def _is_surgical(params: Params, day: date, operated_on: Sequence[date], first_surgical: date | None) -> bool:
    """Whether the surgical price still holds on the day: counted from the last operation, else from the first
    surgical bed."""
    base = max((on for on in operated_on if on <= day), default=first_surgical)
    if base is None or base > day:
        return True
    return surgical_bed_days(params, days=(day - base).days + 1)[1] == 0


def _lay_out(
    params: Params,
    episode: Sequence[Stay],
    window: tuple[datetime, datetime],
    found: dict[tuple[int, bool], BedDays],
    *,
    is_surgical: bool,
) -> list[BedDays]:
    """Add one day to the beds of its wards; answers those that it touched."""
    wards: dict[str, list[tuple[timedelta, datetime, Stay]]] = {}
    for stay in episode:
        length = min(stay.ended_at, window[1]) - max(stay.started_at, window[0])
        if length > timedelta():
            wards.setdefault(stay.ward, []).append((length, stay.started_at, stay))
    leads = [max(rows, key=lambda row: row[:2])[2] for rows in wards.values()]
    hours = [Decimal(sum((row[0] for row in rows), timedelta()) // _MINUTE) / 60 for rows in wards.values()]
    prices = [_price(stay, is_surgical=is_surgical) for stay in leads]
    asked = [
        WardStay(bed_price=price, hours=spent, patients=stay.patients)
        for stay, spent, price in zip(leads, hours, prices, strict=True)
    ]
    touched = []
    for stay, quantity in zip(leads, ward_quantities(params, asked), strict=True):
        is_medical = stay.medical_price is not None and not is_surgical
        known = found.get((stay.key, is_medical))
        if known is None:
            if not quantity:
                continue
            begins = max(stay.started_at, window[0])
            known = found[stay.key, is_medical] = _bed_days(params, stay, begins, is_medical=is_medical)
        known.quantity += quantity
        touched.append(known)
        if len(leads) > 1:
            words = "mỗi khoa nửa ngày" if len(leads) == 2 else "khoa giá cao nhất và thấp nhất mỗi khoa nửa ngày"
            text = f"Ngày {window[0]:%d/%m} nằm {len(leads)} khoa: {words}"
            known.because(text, params.value("bed_transfer_quantity").law)
    return touched


def _price(stay: Stay, *, is_surgical: bool) -> Decimal:
    return stay.price if is_surgical or stay.medical_price is None else stay.medical_price


def _bed_days(params: Params, stay: Stay, first_at: datetime, *, is_medical: bool) -> BedDays:
    rate = bed_share_rate(params, patients=stay.patients)
    new = BedDays(stay.key, is_medical, first_at, rate)
    if is_medical:
        days = int(params.number("bed_surgical_days"))
        new.because(f"Quá {days} ngày sau mổ: giá ngày giường nội khoa", params.value("bed_surgical_days").law)
    if stay.patients > 1:
        who = "3 người trở lên" if stay.patients > 2 else f"{stay.patients} người"
        new.because(f"{who} nằm một giường: tính {percent_text(rate)}% giá", params.value("bed_share_rate:2").law)
    if stay.is_stretcher and stretcher_rate(params) < rate:
        new.rate = stretcher_rate(params)
        new.because(f"Băng ca, giường gấp: tính {percent_text(new.rate)}% giá", params.value("bed_stretcher_rate").law)
    return new
