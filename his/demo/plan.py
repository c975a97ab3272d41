"""A month of visits, decided before anything is stored: who comes when, with what, and what each desk will do.

Everything is drawn from generators seeded by month and facility, in the order of the visits, so that the same
catalogue gives the same month. Times follow one another as at real desks: arrival, readings, exam, orders, results,
signing, dispensing, closing, paying; all within the working hours of the day.
"""

import calendar
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from his.catalogs.models import Drug
from his.core.dates import vn_datetime
from his.demo.cast import PROVINCE, CastVisit, cast_visits
from his.demo.clinic import Clinic, ExamPlan
from his.demo.menu import Menu
from his.demo.people import Invention, Person
from his.demo.places import HOSPITAL
from his.demo.profiles import Profile, profile, profiles

_DAYS = {"station": (1.3, 1.0, 1.1, 1.0, 1.1, 0.35, 0.0), "hospital": (1.3, 1.1, 1.0, 1.0, 1.1, 0.5, 0.12)}
_FULL_DAY, _MORNING = ((7, 0, 230), (13, 15, 130)), ((7, 0, 230),)
_LUNCH, _AFTER_LUNCH = time(11, 30), time(13, 0)
_RETURN_AFTER = 7
"""Fewest days between two visits of the same drawn person."""
_SUNDAY = 6
_AFTER_INJURY = "wound_dressing"
"""What an injured patient comes back for."""


@dataclass(slots=True)
class VisitPlan:
    """One visit with all that its desks will enter."""

    person: Person
    card: int | None
    profile: Profile
    room: str
    arrived_at: datetime
    route: str
    referral_facility_code: str
    referral_number: str
    visit_type: str
    is_priority: bool
    exam: ExamPlan
    ending: str = "paid"
    method: str = "cash"
    is_scanned: bool = False
    consultation: str = ""


ENDINGS = {
    True: {"paid": 938, "part": 20, "debt": 18, "wrong_method": 14, "returned": 8, "waived": 2},
    False: {
        "paid": 740,
        "part": 20,
        "debt": 18,
        "wrong_method": 14,
        "returned": 8,
        "deposit": 90,
        "waived": 50,
        "voided": 60,
    },
}
"""How the account of a visit ends, and how many of a thousand visits end so, with a card and without."""


def bank_reference(claim_code: str, method: str) -> str:
    """The invented number of the bank transaction that pays a visit by transfer; empty for other methods."""
    return f"FT{claim_code}" if method == "transfer" else ""


@dataclass(slots=True)
class _Request:
    """A visit that was promised: of the cast, or a follow-up."""

    person: Person
    profile: Profile
    given: CastVisit | None = None
    is_return: bool = False


@dataclass(slots=True)
class _Seen:
    person: Person
    last: date


@dataclass(slots=True)
class MonthPlan:
    """The visits of a facility in a month in the order of arrival."""

    menu: Menu
    visits: list[VisitPlan] = field(default_factory=list)

    def demand(self) -> dict[str, Decimal]:
        """How much of each drug the month hands out, by drug code."""
        total: dict[str, Decimal] = defaultdict(Decimal)
        for visit in self.visits:
            for line in visit.exam.drugs:
                total[line.drug.code] += line.quantity
        return dict(total)

    def drugs(self) -> dict[str, Drug]:
        """The drugs of the menu by code."""
        return {drug.code: drug for drug in self.menu.drugs}


def plan_month(menu: Menu, month: date, *, visits: int, rooms: dict[str, str]) -> MonthPlan:
    """Decide `visits` visits of the month, those of the cast among them. `rooms` are the exam rooms: code to name."""
    return _Planner(menu, month, visits, rooms).plan()


class _Planner:
    def __init__(self, menu: Menu, month: date, visits: int, rooms: dict[str, str]) -> None:
        self.menu, self.month, self.rooms, self.count = menu, month.replace(day=1), rooms, visits
        code = menu.facility.code
        self.rng = Random(f"{month:%Y-%m}:{code}")
        self.people = Invention(code, Random(f"people:{month:%Y-%m}:{code}"))
        self.clinic = Clinic(menu, self.rng)
        self.seen: list[_Seen] = []
        self.promised: dict[date, list[_Request]] = defaultdict(list)
        self.free_at: dict[str, datetime] = {}
        known = [(row, row.weight(is_station=menu.is_station, month=month.month)) for row in profiles()]
        self.profiles = [row for row, weight in known if weight and menu.main_code(row) and self._rooms(row)]
        self.weights = [weight for row, weight in known if row in self.profiles]

    def plan(self) -> MonthPlan:
        days = self._days()
        for given in cast_visits():
            if given.facility_code == self.menu.facility.code:
                self.promised[self.month.replace(day=given.day)].append(
                    _Request(given.person, profile(given.profile), given)
                )
        given_visits = sum(len(found) for found in self.promised.values())
        plan = MonthPlan(self.menu)
        for day, number in self._numbers(days, max(0, self.count - given_visits)).items():
            plan.visits += self._day(day, number)
        return plan

    def _days(self) -> list[date]:
        last = calendar.monthrange(self.month.year, self.month.month)[1]
        return [self.month.replace(day=number) for number in range(1, last + 1)]

    def _numbers(self, days: list[date], count: int) -> dict[date, int]:
        """How many visits each day has beside those of the cast."""
        shares = _DAYS["station" if self.menu.is_station else "hospital"]
        drawn = self.rng.choices(days, [shares[day.weekday()] for day in days], k=count)
        return {day: drawn.count(day) for day in days}

    def _day(self, day: date, number: int) -> list[VisitPlan]:
        promised = self.promised.pop(day, [])
        cast = [one for one in promised if one.given]
        returning = [one for one in promised if not one.given]
        if (
            len(returning) > number or day.weekday() == _SUNDAY
        ):  # nobody is asked to come on a Sunday: they come the next day
            keep = 0 if day.weekday() == _SUNDAY else number
            self.promised[day + timedelta(days=1)] += returning[keep:]
            returning = returning[:keep]
        requests: list[_Request | None] = [*cast, *returning, *([None] * (number - len(returning)))]
        self.rng.shuffle(requests)
        arrivals = sorted(self._arrival(day) for _ in requests)
        self.free_at = {}
        return [self._visit(request, arrived) for request, arrived in zip(requests, arrivals, strict=True)]

    def _arrival(self, day: date) -> datetime:
        windows = _FULL_DAY if day.weekday() != 5 else _MORNING
        hour, minute, length = windows[0] if len(windows) == 1 or self.rng.random() < 0.7 else windows[1]
        start = vn_datetime(day, time(hour, minute))
        return start + timedelta(minutes=int(self.rng.triangular(0, length, length / 4)))

    def _visit(self, request: _Request | None, arrived: datetime) -> VisitPlan:
        day = arrived.date()
        given = request.given if request else None
        if request is None:
            found = self._profile(day)
            person = self._person(found, day)
        else:
            found, person = request.profile, request.person
        room = self._rooms(found)[0] if given else self.rng.choice(self._rooms(found))
        card = (given.card if given else 0) if person.cards else None
        route, origin, slip = self._route(person, card, found, request, day)
        exam = self.clinic.examine(
            person,
            found,
            started_at=self._exam_time(room, arrived, is_urgent=route == "emergency"),
            transfer_to=given.transfer_to if given else self._transfer(found, request),
            is_return=route == "follow_up",
        )
        self._promise_return(person, found, exam, day, request)
        return VisitPlan(
            person=person,
            card=card,
            profile=found,
            room=room,
            arrived_at=arrived,
            route=route,
            referral_facility_code=origin,
            referral_number=slip,
            visit_type="01" if self.menu.is_station or exam.transfer_to else found.visit_type,
            is_priority=person.age(day) >= 75 or person.age(day) < 6 or found.rooms == ("PK4",),
            exam=exam,
            ending=self._ending(exam, given, is_insured=card is not None),
            method=self.rng.choices(("cash", "transfer", "card"), (70, 24, 6))[0],
            is_scanned=bool(person.citizen_id) and self.rng.random() < 0.6,
            consultation=given.consultation if given else "",
        )

    def _profile(self, day: date) -> Profile:
        if day.weekday() == _SUNDAY:
            urgent = [row for row in self.profiles if row.emergency]
            return self.rng.choices(urgent, [row.emergency * row.weight_hospital for row in urgent])[0]
        return self.rng.choices(self.profiles, self.weights)[0]

    def _person(self, found: Profile, day: date) -> Person:
        """Somebody new, or now and then a person who was here before and fits."""
        if self.seen and self.rng.random() < 0.2:
            for known in self.rng.choices(self.seen, k=12):
                fits = found.age_min <= known.person.age(day) <= found.age_max and found.sex in {"", known.person.sex}
                if fits and (day - known.last).days >= _RETURN_AFTER:
                    known.last = day
                    return known.person
        is_insured = self.rng.random() < (0.95 if self.menu.is_station else 0.92)
        person = self.people.person(
            on=day, sex=found.sex, age_min=found.age_min, age_max=found.age_max, is_insured=is_insured
        )
        self.seen.append(_Seen(person, day))
        return person

    def _rooms(self, found: Profile) -> list[str]:
        if self.menu.is_station:
            return list(self.rooms)[:1]
        return [room for room in found.rooms if room in self.rooms]

    def _exam_time(self, room: str, arrived: datetime, *, is_urgent: bool) -> datetime:
        """When the doctor of the room has time: after the readings, one patient after another, not over lunch."""
        ready = arrived + timedelta(minutes=3 if is_urgent else self.rng.randint(7, 14))
        free = self.free_at.get(room, ready)
        starts = ready if is_urgent else max(ready, free)
        if _LUNCH <= starts.time() < _AFTER_LUNCH and not is_urgent:
            starts = max(free, datetime.combine(starts.date(), _AFTER_LUNCH, starts.tzinfo))
        self.free_at[room] = max(free, starts + timedelta(minutes=self.rng.randint(5, 8)))
        return starts

    def _route(
        self, person: Person, card: int | None, found: Profile, request: _Request | None, day: date
    ) -> tuple[str, str, str]:
        """How the patient comes: route, facility of the slip and its number."""
        if request and request.given and request.given.route:
            return request.given.route, request.given.referral_facility_code, request.given.referral_number
        own = self.menu.facility.code
        if request and request.is_return:
            return "follow_up", own, ""  # the story fills in the number of the slip that was given
        if found.emergency and self.rng.randrange(100) < found.emergency:
            return "emergency", "", ""
        if card is None:
            return "self", "", ""
        registered = person.cards[card].registered_facility_code
        if registered == own:
            return "registered", "", ""
        if self.menu.is_station or self.rng.random() < 0.38:
            return "self", "", ""
        return "referral", registered, f"{registered}.GC{day:%y}.{self.rng.randrange(1000, 999_999):06d}"

    def _transfer(self, found: Profile, request: _Request | None) -> str:
        """Where the patient is sent on to; mostly nowhere."""
        chance = 0.025 if self.menu.is_station else 0.006
        if request is not None or found.rooms == ("PK4",) or self.rng.random() >= chance:
            return ""
        return HOSPITAL if self.menu.is_station else PROVINCE

    def _promise_return(
        self, person: Person, found: Profile, exam: ExamPlan, day: date, request: _Request | None
    ) -> None:
        """Most patients with an appointment inside the month come on that day with the slip of this visit."""
        if exam.follow_up_on is None or exam.follow_up_on.month != day.month or not person.cards:
            return
        comes = 20 if request and request.is_return else 80
        if self.rng.randrange(100) >= comes:
            return
        later = profile(_AFTER_INJURY) if found.injury else found
        self.promised[exam.follow_up_on].append(_Request(person, later, is_return=True))

    def _ending(self, exam: ExamPlan, given: CastVisit | None, *, is_insured: bool) -> str:
        """How the account of the visit ends at the cashier; only few do not simply pay."""
        if given:
            return "paid"
        kinds, weights = zip(*ENDINGS[is_insured].items(), strict=True)
        kind: str = self.rng.choices(kinds, weights)[0]
        return "paid" if kind == "returned" and not exam.drugs else kind
