"""The audit list: who did what on a day, in words; a changed entry is told; nothing of another facility."""

import re
from importlib import import_module

import pgtrigger
import pytest
from django.urls import reverse

from his.accounts.services.places import add_department
from his.audit.actions import ACTIONS
from his.audit.models import AuditEntry
from his.audit.words import facts_vi
from his.service import REGISTRY
from tests.cast import DAY, World, at, lan_visit
from tests.his.test_permission_matrix import SERVICE_MODULES


@pytest.fixture
def desk(client, world: World, time_machine):
    time_machine.move_to(at(9), tick=False)
    client.force_login(world.hospital.users["manager"])
    return client


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_the_day_is_told_in_words_without_names(desk, world):
    visit = lan_visit(world.hospital)
    page = text_of(desk.get(reverse("audit")))
    assert "Mở lượt khám" in page
    assert f"Lượt khám {visit.pk}" in page
    assert "reception.bv" in page
    assert "Nguyễn Thị Lan" not in page
    assert "Nguyên vẹn" in page


def test_figures_are_written_and_diagnoses_are_not() -> None:
    facts = {"amount": "39800.00", "roles": "cashier,manager", "since": "2026-10-06", "insured": True, "reason": None}
    said = ["số tiền 39.800", "vai trò Thu ngân, Lãnh đạo", "từ ngày 06/10/2026", "BHYT có"]
    assert facts_vi({**facts, "main": "I10", "others": "E11.9", "drugs": "TH0001", "visit_id": 3}) == said


def test_a_paper_is_named_by_its_title() -> None:
    """Also one that was not printed since the program started; a code of no paper stays as it is."""
    import_module("his.urls")
    for code, title in (
        ("stock_card", "Thẻ kho"),
        ("count_record_11d", "Biên bản kiểm kê thuốc"),
        ("receipt", "Phiếu thu"),
        ("ticket", "Phiếu số thứ tự"),
        ("79a", "79a"),
    ):
        assert facts_vi({"form": code, "copy": 2}) == [f"biểu mẫu {title}", "bản 2"]


def test_one_user_and_one_day_are_picked(desk, world, time_machine):
    lan_visit(world.hospital)
    admin = world.hospital.actor("admin")
    add_department(code="K99", name="Mới", actor=admin)
    lines = desk.get(reverse("audit"), {"user": admin.user.pk}).context["lines"]
    assert [(line["action"], line["facts"]) for line in lines] == [("Thêm khoa", ["mã K99"])]
    assert desk.get(reverse("audit"), {"day": "05/10/2026"}).context["lines"] == []
    time_machine.move_to(at(9, day=DAY.replace(day=8)), tick=False)
    desk.logout()
    desk.force_login(world.hospital.users["manager"])
    assert desk.get(reverse("audit")).context["lines"] == []
    assert len(desk.get(reverse("audit"), {"day": "06102026", "user": admin.user.pk}).context["lines"]) == 1
    assert desk.get(reverse("audit"), {"day": "31022026"}).status_code == 200


def test_a_changed_entry_is_told(desk, world):
    lan_visit(world.hospital)
    entry = AuditEntry.objects.for_facility(world.hospital.facility).order_by("-position")[0]
    with pgtrigger.ignore("his.AuditEntry:append_only"):
        AuditEntry.objects.filter(pk=entry.pk).update(user=world.hospital.users["cashier"])
    page = text_of(desk.get(reverse("audit")))
    assert "không còn nguyên vẹn" in page
    assert f"(số {entry.position})" in page


def test_a_long_month_is_checked_when_asked(desk, world, monkeypatch):
    lan_visit(world.hospital)
    monkeypatch.setattr("his.audit.queries.QUICK", 1)
    assert "chưa kiểm tra chuỗi" in text_of(desk.get(reverse("audit")))
    assert "Nguyên vẹn" in text_of(desk.get(reverse("audit"), {"check": "1"}))


def test_entries_and_users_of_another_facility_are_not_seen(desk, world):
    lan_visit(world.station)
    page = desk.get(reverse("audit"))
    assert page.context["lines"] == []
    assert ".tyt" not in page.content.decode()
    assert desk.get(reverse("audit"), {"user": world.station.users["admin"].pk}).status_code == 404
    assert desk.get(reverse("audit"), {"user": "rác'"}).status_code == 404


def test_the_list_is_only_read_and_only_by_those_who_may(desk, client, world):
    assert desk.post(reverse("audit")).status_code == 405
    for role, status in (("admin", 200), ("manager", 200), ("doctor", 403), ("cashier", 403)):
        client.force_login(world.hospital.users[role])
        assert client.get(reverse("audit")).status_code == status


def test_a_long_day_reads_a_fixed_number_of_queries(desk, world, django_assert_max_num_queries):
    admin = world.hospital.actor("admin")
    for number in range(120):
        add_department(code=f"T{number}", name="Thử", actor=admin)
    with django_assert_max_num_queries(13):
        page = desk.get(reverse("audit"), {"user": admin.user.pk})
    assert len(page.context["lines"]) == 100
    second = desk.get(reverse("audit"), {"user": admin.user.pk, "page": "2"})
    assert len(second.context["lines"]) == 20
    assert f'href="?user={admin.user.pk}&amp;page=2"' in text_of(page)


def test_every_action_has_words(world):
    for name in SERVICE_MODULES:
        import_module(name)
    assert {action for action in REGISTRY if not action.startswith("tests.")} - set(ACTIONS) == set()
