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
    long_wards,
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
    """Bed days of one stay at one price: quantity in days, rate in percent (TYLE_TT_DV).

    A stay whose price changes after an operation has several, `part` counting those of one price from 0. `first_at` is
    when the stay began, of later ones when the price changed. `is_medical`: at the medical price after the surgical
    days. Each reason ends with its law in brackets.
    """

    key: int
    is_medical: bool
    first_at: datetime
    rate: Decimal
    part: int = 0
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

    Stays that follow each other without a gap are one stay; so are those of one calendar day, whose hours are added
    (day treatment that comes again in the afternoon has one bed day). `has_extra_day` is how the last one ended,
    `operated_on` the days of operations, `is_observation` a stay at a station or polyclinic, of which only the first
    days count.
    """
    count = _Count(params, operated_on)
    ordered = sorted(stays, key=lambda stay: stay.started_at)
    for episode in _episodes(ordered):
        is_last = episode[-1] is ordered[-1]
        count.add(episode, has_extra_day=has_extra_day and is_last, is_short=is_observation)
        count.explain_the_rest(episode)
    return sorted(count.found, key=lambda one: (one.first_at, one.key, one.is_medical))


def _episodes(stays: Sequence[Stay]) -> Iterator[list[Stay]]:
    run: list[Stay] = []
    for stay in stays:
        if run and stay.started_at > run[-1].ended_at and run[0].started_at.date() != stay.ended_at.date():
            yield run
            run = []
        run.append(stay)
    if run:
        yield run


@dataclass(slots=True)
class _Count:
    """The bed days of one visit while they are counted, in the order in which they were found."""

    params: Params
    operated_on: Sequence[date]
    found: list[BedDays] = field(default_factory=list)

    def add(self, episode: Sequence[Stay], *, has_extra_day: bool, is_short: bool) -> None:
        """Count one stay and say why."""
        start, end = episode[0].started_at, episode[-1].ended_at
        lain = sum((stay.ended_at - stay.started_at for stay in episode), timedelta())
        plain = bed_days(self.params, admitted_at=start, left_at=start + lain)
        days = bed_days(self.params, admitted_at=start, left_at=start + lain, has_extra_day=has_extra_day)
        most = int(self.params.number("bed_observation_days")) if is_short else days
        first_surgical = next((stay.started_at.date() for stay in episode if stay.medical_price is not None), None)
        said = f"Nằm từ {start:%H:%M %d/%m/%Y} đến {end:%H:%M %d/%m/%Y}: {plain} ngày giường"
        if lain != end - start:
            said = f"Nằm nhiều lần trong ngày {start:%d/%m/%Y}, tất cả {_hours_text(lain)}: {plain} ngày giường"
        touched: list[BedDays] = []
        last: list[BedDays] = []
        for window in _windows(self.params, start, end, days)[:most]:
            last = self._lay_out(episode, window, self._surgical_from(window[0].date(), first_surgical))
            touched += last
        for one in touched:
            one.because(said, self.params.value("bed_no_charge_hours").law, first=True)
            if days > most:
                one.because(f"Giường lưu tính tối đa {most} ngày", self.params.value("bed_observation_days").law)
        if most >= days > plain and last:
            law = self.params.value("bed_single_day_hours").law
            last[-1].because("Tính thêm ngày ra viện theo kết quả điều trị", law)

    def explain_the_rest(self, episode: Sequence[Stay]) -> None:
        """Add the beds of a stay that count nothing."""
        counted = {one.key for one in self.found}
        is_counted = any(stay.key in counted for stay in episode)
        hours = int(self.params.number("bed_no_charge_hours"))
        words = "các ngày đã tính cho giường khác" if is_counted else f"nằm không quá {hours} giờ"
        for stay in episode:
            if stay.key not in counted:
                nothing = self._at(stay, stay.started_at)
                law = self.params.value("bed_no_charge_hours").law
                nothing.because(f"Không tính ngày giường: {words}", law, first=True)

    def _surgical_from(self, day: date, first_surgical: date | None) -> "_Price":
        """Whether the surgical price holds on the day: counted from the last operation, else from the first surgical
        bed."""
        operated = max((on for on in self.operated_on if on <= day), default=None)
        base = operated or first_surgical
        if base is None or base > day:
            return _Price(is_surgical=True, is_operated=operated is not None)
        is_surgical = surgical_bed_days(self.params, days=(day - base).days + 1)[1] == 0
        return _Price(is_surgical=is_surgical, is_operated=operated is not None)

    def _lay_out(self, episode: Sequence[Stay], window: tuple[datetime, datetime], price: "_Price") -> list[BedDays]:
        """Add one day to the beds of its wards; answers those that it touched."""
        wards: dict[str, list[tuple[timedelta, datetime, Stay]]] = {}
        for stay in episode:
            length = min(stay.ended_at, window[1]) - max(stay.started_at, window[0])
            if length > timedelta():
                wards.setdefault(stay.ward, []).append((length, stay.started_at, stay))
        leads = [max(rows, key=lambda row: row[:2])[2] for rows in wards.values()]
        hours = [Decimal(sum((row[0] for row in rows), timedelta()) // _MINUTE) / 60 for rows in wards.values()]
        asked = [
            WardStay(bed_price=price.of(stay), hours=spent, patients=stay.patients)
            for stay, spent in zip(leads, hours, strict=True)
        ]
        touched = []
        for stay, quantity in zip(leads, ward_quantities(self.params, asked), strict=True):
            if not quantity:
                continue
            known = self._at(stay, window[0], is_medical=price.is_medical(stay), is_operated=price.is_operated)
            known.quantity += quantity
            touched.append(known)
            if len(leads) > 1:
                text = f"Ngày {window[0]:%d/%m} nằm {len(leads)} khoa: {self._of_wards(asked)}"
                known.because(text, self.params.value("bed_transfer_quantity").law)
        return touched

    def _of_wards(self, asked: Sequence[WardStay]) -> str:
        """How a day of several wards is divided."""
        if len(asked) == 2:
            return "mỗi khoa nửa ngày"
        hours, counted = int(self.params.number("bed_no_charge_hours")), len(long_wards(self.params, asked))
        if not counted:
            return f"không khoa nào quá {hours} giờ, tính cho khoa nằm lâu nhất trong ngày (cách hiểu của phần mềm)"
        if counted == 1:
            return f"tính cho khoa duy nhất quá {hours} giờ"
        return "khoa giá cao nhất và thấp nhất mỗi khoa nửa ngày"

    def _at(self, stay: Stay, changed_at: datetime, *, is_medical: bool = False, is_operated: bool = False) -> BedDays:
        """The bed days of the stay at the price; a first one begins with the stay, another when the price changed."""
        known = [one for one in self.found if one.key == stay.key]
        if known and known[-1].is_medical == is_medical:
            return known[-1]
        part = sum(one.is_medical == is_medical for one in known)
        rate = bed_share_rate(self.params, patients=stay.patients)
        new = BedDays(stay.key, is_medical, changed_at if known else stay.started_at, rate, part)
        self.found.append(new)
        if is_medical:
            days = int(self.params.number("bed_surgical_days"))
            since = "sau mổ" if is_operated else "từ giường ngoại khoa đầu tiên (chưa ghi ngày mổ)"
            text = f"Quá {days} ngày {since}: giá ngày giường nội khoa"
            new.because(text, self.params.value("bed_surgical_days").law)
        if stay.patients > 1:
            who = "3 người trở lên" if stay.patients > 2 else f"{stay.patients} người"
            text = f"{who} nằm một giường: tính {percent_text(rate)}% giá"
            new.because(text, self.params.value("bed_share_rate:2").law)
        if stay.is_stretcher and stretcher_rate(self.params) < rate:
            new.rate = stretcher_rate(self.params)
            text = f"Băng ca, giường gấp: tính {percent_text(new.rate)}% giá"
            new.because(text, self.params.value("bed_stretcher_rate").law)
        return new


@dataclass(frozen=True, slots=True)
class _Price:
    """Which price holds on a day, and whether it is counted from an operation."""

    is_surgical: bool
    is_operated: bool

    def is_medical(self, stay: Stay) -> bool:
        """Whether the day of the bed is one at the medical price."""
        return stay.medical_price is not None and not self.is_surgical

    def of(self, stay: Stay) -> Decimal:
        """The price of a day in the bed, đồng."""
        return stay.price if stay.medical_price is None or self.is_surgical else stay.medical_price


def _windows(params: Params, start: datetime, end: datetime, days: int) -> list[tuple[datetime, datetime]]:
    """The times of the days that count: a stay below the limit as a whole, else calendar days from the first on."""
    if days == 1 and end - start < timedelta(hours=int(params.number("bed_single_day_hours"))):
        return [(start, end)]
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    return [(max(start, midnight + number * _DAY), min(end, midnight + (number + 1) * _DAY)) for number in range(days)]


def _hours_text(length: timedelta) -> str:
    hours, minutes = divmod(length // _MINUTE, 60)
    return f"{hours} giờ {minutes} phút" if minutes else f"{hours} giờ"
