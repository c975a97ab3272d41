"""Who comes in a month of many visits, drawn in order of arrival from the data of the demonstration.

Unlike the demonstration's plan, doctors are not queued for: as many visits as asked for fit into the working hours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from his.core.dates import vn_datetime
from his.core.money import ZERO
from his.demo.cast import PROVINCE
from his.demo.clinic import Clinic, ExamPlan
from his.demo.people import CardPlan, Invention, Person
from his.demo.places import HOSPITAL
from his.demo.profiles import Profile
from his.demo.volume.setting import Desk, Setting, Worker

POOL = 5000
"""Most people who are remembered as possible returning patients."""
_SERIAL_START = 500_000
"""Numbers of papers begin here, far from those of the demonstration's people."""
_RETURN_AFTER = 7
_RETURN_CHANCE = 0.35
_SATURDAY = 6


@dataclass(slots=True, eq=False)
class Visitor:
    """A person who comes, perhaps again; the ids are known once the person is stored."""

    person: Person
    last_day: date
    patient_id: int = 0
    code: str = ""
    card_id: int = 0
    copay_amount: Decimal = ZERO

    @property
    def card(self) -> CardPlan | None:
        return self.person.cards[0] if self.person.cards else None


@dataclass(slots=True)
class Draft:
    """One visit with all that its desks enter, and when: without drugs `dispensed_at` is the time of signing."""

    visitor: Visitor
    desk: Desk
    doctor: Worker
    reception: Worker
    nurse: Worker
    pharmacist: Worker
    cashier: Worker
    arrived_at: datetime
    exam: ExamPlan
    dispensed_at: datetime
    closed_at: datetime
    paid_at: datetime
    route: str
    referral_facility_code: str
    referral_number: str
    visit_type: str
    injury_code: str
    is_priority: bool
    method: str

    @property
    def day(self) -> date:
        return self.arrived_at.date()

    @property
    def prescribed_at(self) -> datetime:
        return self.exam.signed_at - timedelta(minutes=1)


class Planner:
    """Draws the visits of a month. The same setting, number and seed give the same visits."""

    def __init__(self, setting: Setting, visits: int, seed: int) -> None:
        self.setting = setting
        self.count = visits
        self.rng = Random(f"{setting.facility.code}:{setting.first:%Y-%m}:{visits}:{seed}")
        self.clinic = Clinic(setting.menu, self.rng)
        self.people = Invention(setting.facility.code, Random(f"people:{setting.first:%Y-%m}:{seed}"))
        self.people.serial = _SERIAL_START + setting.patients_known
        self.pool: list[Visitor] = []
        month, is_station = setting.first.month, setting.menu.is_station
        weights = [(row, row.weight(is_station=is_station, month=month)) for row in setting.kinds]
        self.kinds = [row for row, weight in weights if weight]
        self.weights = [weight for _row, weight in weights if weight]

    def drafts(self) -> Iterator[Draft]:
        """The visits in order of arrival."""
        for day, number in self._numbers().items():
            arrivals = sorted(self._arrival(day) for _ in range(number))
            for arrived in arrivals:
                yield self._draft(arrived)

    def _numbers(self) -> dict[date, int]:
        days = self.setting.days
        shares = [0.5 if day.isoweekday() == _SATURDAY else 1.0 for day in days]
        drawn = sorted(self.rng.choices(range(len(days)), shares, k=self.count))
        numbers = dict.fromkeys(days, 0)
        for index in drawn:
            numbers[days[index]] += 1
        return numbers

    def _arrival(self, day: date) -> datetime:
        is_morning = day.isoweekday() == _SATURDAY or self.rng.random() < 0.7
        start, length = (time(7), 230) if is_morning else (time(13), 140)
        return vn_datetime(day, start) + timedelta(minutes=int(self.rng.triangular(0, length, length / 4)))

    def _draft(self, arrived: datetime) -> Draft:
        rng, crew = self.rng, self.setting.crew
        profile = rng.choices(self.kinds, self.weights)[0]
        visitor = self._visitor(profile, arrived.date())
        desk = self._desk(profile)
        route, origin, slip = self._route(visitor, profile, arrived.date())
        exam = self._exam(visitor, profile, arrived)
        dispensed = exam.signed_at + timedelta(minutes=rng.randint(4, 20) if exam.drugs else 0)
        closed = dispensed + timedelta(minutes=rng.randint(2, 8))
        age = visitor.person.age(arrived.date())
        return Draft(
            visitor=visitor,
            desk=desk,
            doctor=rng.choice(desk.doctors),
            reception=rng.choice(crew["reception"]),
            nurse=rng.choice(crew["nurse"]),
            pharmacist=rng.choice(crew["pharmacist"]),
            cashier=rng.choice(crew["cashier"]),
            arrived_at=arrived,
            exam=exam,
            dispensed_at=dispensed,
            closed_at=closed,
            paid_at=closed + timedelta(minutes=rng.randint(1, 5)),
            route=route,
            referral_facility_code=origin,
            referral_number=slip,
            visit_type="01" if self.setting.menu.is_station else profile.visit_type,
            injury_code=profile.injury,
            is_priority=age < 6 or age >= 75,
            method=rng.choices(("cash", "transfer", "card"), (70, 24, 6))[0],
        )

    def _exam(self, visitor: Visitor, profile: Profile, arrived: datetime) -> ExamPlan:
        starts = arrived + timedelta(minutes=self.rng.randint(8, 45))
        return self.clinic.examine(visitor.person, profile, started_at=starts, transfer_to=self._transfer())

    def _transfer(self) -> str:
        """Where the patient is sent on to; mostly nowhere."""
        is_station = self.setting.menu.is_station
        if self.rng.random() >= (0.025 if is_station else 0.006):
            return ""
        return HOSPITAL if is_station else PROVINCE

    def _visitor(self, profile: Profile, day: date) -> Visitor:
        """Somebody who was here before and fits, else somebody new."""
        if self.pool and self.rng.random() < _RETURN_CHANCE:
            for known in self.rng.choices(self.pool, k=12):
                fits = profile.age_min <= known.person.age(day) <= profile.age_max
                fits = fits and profile.sex in {"", known.person.sex} and _card_holds(known.card, day)
                if fits and (day - known.last_day).days >= _RETURN_AFTER:
                    known.last_day = day
                    return known
        person = self.people.person(
            on=day,
            sex=profile.sex,
            age_min=profile.age_min,
            age_max=profile.age_max,
            is_insured=self.rng.random() < 0.94,
        )
        person.cards = [_valid(card, day) for card in person.cards]
        visitor = Visitor(person, day)
        if len(self.pool) < POOL:
            self.pool.append(visitor)
        else:
            self.pool[self.rng.randrange(POOL)] = visitor
        return visitor

    def _desk(self, profile: Profile) -> Desk:
        fitting = [desk for desk in self.setting.desks if desk.room.code in profile.rooms]
        return self.rng.choice(fitting or self.setting.desks)

    def _route(self, visitor: Visitor, profile: Profile, day: date) -> tuple[str, str, str]:
        """How the patient comes: route, facility of the slip and its number."""
        own, rng = self.setting.facility.code, self.rng
        if visitor.card is None:
            return "self", "", ""
        if rng.randrange(100) < profile.emergency:
            return "emergency", "", ""
        registered = visitor.card.registered_facility_code
        if registered == own:
            return "registered", "", ""
        if self.setting.menu.is_station or rng.random() < 0.4:
            return "self", "", ""
        return "referral", registered, f"{registered}.GC{day:%y}.{rng.randrange(1000, 999_999):06d}"


def _card_holds(card: CardPlan | None, day: date) -> bool:
    return card is None or card.valid_from <= day <= card.valid_to


def _valid(card: CardPlan, day: date) -> CardPlan:
    """The card, in another year than that of the demonstration with the validity of the visit's year."""
    if _card_holds(card, day):
        return card
    return replace(card, valid_from=date(day.year, 1, 1), valid_to=date(day.year, 12, 31))
