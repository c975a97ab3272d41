"""Duties that follow an event: their clocks stand in the calendar, with the lists where they run."""

from datetime import date, datetime

import time_machine
from django.urls import reverse

from his.accounts.actor import Actor
from reports.duties.events import event_tasks
from tests.cast import World, anh_hung, at, ba_lan
from tests.insurance import walk
from tests.patients.test_cases import examined, place  # noqa: F401 - a fixture
from tests.pharmacy.test_incidents import lose, store  # noqa: F401 - a fixture


def test_duties_in_hours_tell_the_clocks_that_run_and_open_their_list(place, store, world: World) -> None:  # noqa: F811
    for born, code in ((anh_hung(place), "B05.9"), (ba_lan(place)[0], "A97.0")):
        examined(place, born, code)
    lose(world, store, "L1", hour=10)

    def told(actor: Actor, when: datetime) -> dict[str, tuple[str, str, str]]:
        return {row.duty.code: (*row.badge, row.url) for row in event_tasks(actor, when)}

    assert told(place.actor("manager"), at(12)) == {
        "BTN24": ("2 việc", "warn", reverse("cases")),
        "KSDB48": ("1 việc", "warn", reverse("controlled-incidents")),
    }
    later = at(12, day=date(2026, 10, 7))
    assert told(place.actor("manager"), later)["BTN24"][:2] == ("2 việc, 1 quá hạn", "stop")
    dues = {row.duty.code: row.next_due_at for row in event_tasks(place.actor("manager"), later)}
    assert dues["KSDB48"] == at(10, day=date(2026, 10, 8))
    assert told(place.actor("claims"), at(12))["BTN24"] == ("2 việc", "warn", ""), "who may not open it, no link"
    assert {row[0] for row in told(world.hospital.actor("manager"), at(12)).values()} == {"Không có việc nào chờ báo"}
    with time_machine.travel(later, tick=True):
        page = walk.signed_in(place, "manager").get(reverse("report-calendar"))
    text = page.content.decode()
    assert (page.context["late"], "2 việc, 1 quá hạn" in text) == (1, True)
    assert f'<a class="row-link" href="{reverse("cases")}">' in text


def test_the_first_page_shows_the_clocks_before_what_has_days(place, store, world: World) -> None:  # noqa: F811
    examined(place, anh_hung(place), "B05.9")
    lose(world, store, "L1", hour=10)

    def first_page(who: str, when: datetime) -> str:
        with time_machine.travel(when, tick=True):
            return walk.signed_in(place, who).get(reverse("home")).content.decode()

    manager = first_page("manager", at(12, day=date(2026, 10, 7)))
    assert "Ca bệnh hoặc nghi bệnh truyền nhiễm" in manager
    assert "1 việc, 1 quá hạn" in manager, "24 hours after a case of the morning are over at noon of the next day"
    assert "08/10/2026 10:00" in manager, "the loss of 10 o'clock: 48 hours by the clock"
    assert f'href="{reverse("controlled-incidents")}"' in manager
    november = first_page("manager", at(12, day=date(2026, 11, 9)))
    assert november.index("Thất thoát, nhầm lẫn") < november.index("Biểu 9/BCT"), "hours come before days"
    head = first_page("pharmacist", at(12))
    assert ("Thất thoát, nhầm lẫn" in head, "Ca bệnh hoặc nghi bệnh" in head) == (True, False), "each their own"
    assert "Thất thoát, nhầm lẫn" not in walk.signed_in(world.hospital, "manager").get(reverse("home")).content.decode()
