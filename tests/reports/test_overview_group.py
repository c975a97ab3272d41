"""Sums over a group of facilities: the group is the only way across, and it shows figures, never people."""

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from his.accounts.actor import actor_for, facilities_where
from his.accounts.models import Facility, FacilityGroup, FacilityStatus, Membership, User
from his.accounts.reach import group_of, group_reach, own_reach
from his.accounts.services.facilities import add_facility, set_group
from his.audit.models import AuditEntry
from his.core.errors import NotFound, PermissionRefused, Refusal
from patients.models import Patient
from reports.overview.figures import Figures
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.scenes import scene

OCTOBER = date(2026, 10, 1)
ROOT = Path(__file__).parents[2]


@scene
def authority(world: World) -> Facility:
    """A health department with one viewer, leading both facilities; a third one belongs to no group."""
    found = add_facility(code="99000", name="Sở Y tế tỉnh Ví Dụ", kind="authority", tier="", since=date(2026, 1, 1))
    viewer = User.objects.create(username="xem.syt")
    Membership.objects.create(facility=found, user=viewer, role="group_viewer")
    set_group(facility=found, code="VD", name="Tỉnh Ví Dụ", members=["99001", "99002"], at=at(7))
    return found


@pytest.fixture
def viewer(authority: Facility) -> Client:
    client = Client()
    client.force_login(User.objects.get(username="xem.syt"))
    return client


def address(authority: Facility) -> str:
    return reverse("overview-group", args=[FacilityGroup.objects.for_facility(authority).get().pk])


def test_the_sums_of_a_group_are_those_of_its_facilities(
    world: World, authority: Facility, hospital_month: list[walk.Walk]
) -> None:
    walk.hung(world, world.station, 9).examine("J06.9").sign().settled()
    actor = actor_for(User.objects.get(username="xem.syt"), authority)
    both = Figures(group_reach(actor, FacilityGroup.objects.get()), OCTOBER, DAY)
    own = [Figures(own_reach(place.actor("manager")), OCTOBER, DAY) for place in (world.station, world.hospital)]
    assert [sum(pair) for pair in zip(*(one.visits() for one in own), strict=True)] == both.visits()
    assert [sum(pair) for pair in zip(*(one.money() for one in own), strict=True)] == both.money()
    for name in ("visits_of_month", "money_of_month", "funnels", "risks", "waited_by_facility"):
        parts = [getattr(one, name) for one in own]
        assert any(parts), name
        assert getattr(both, name) == parts[0] | parts[1], name
    assert both.risk.expiring_value == sum(one.risk.expiring_value for one in own)
    assert both.waited is not None
    assert both.waited.count == sum(one.waited.count for one in own if one.waited)


def test_the_screen_shows_figures_of_members_and_nobody_by_name(
    world: World, authority: Facility, viewer: Client, hospital_month: list[walk.Walk]
) -> None:
    page = viewer.get(address(authority), {"month": "10/2026", "sort": "money"})
    assert page.status_code == 200
    text = page.content.decode()
    rows = page.context["facility_rows"]
    assert [row.facility.code for row in rows] == ["99002", "99001"]
    assert [row.bar for row in rows] == [50, 0]
    assert not [name for name in Patient.objects.values_list("full_name", "code") if name[0] in text or name[1] in text]
    assert not [card for card in page.context["cards"] if card.number.url]
    assert not [
        cell.text
        for picture in page.context["pictures"]
        for row in (*picture.rows, picture.foot)
        for cell in row
        if cell.url
    ]
    assert reverse("switch_facility") in text
    assert 'name="facility" value=' not in text, "the viewer may open none of them"
    assert viewer.get(reverse("overview-groups")).url == address(authority)


def test_a_viewer_reaches_no_screen_of_any_facility(world: World, authority: Facility, viewer: Client) -> None:
    for name in ("overview", "reports", "claims", "reception", "stock", "cashier", "audit", "admin"):
        assert viewer.get(reverse(name)).status_code == 403, name
    assert viewer.get(reverse("overview-list", args=["visits"])).status_code == 403
    assert viewer.post(reverse("switch_facility"), {"facility": "99002"}).status_code == 404


def test_only_who_leads_a_group_looks_at_it(world: World, authority: Facility) -> None:
    group = FacilityGroup.objects.get()
    manager = world.hospital.users["manager"]
    client = walk.signed_in(world.hospital, "manager")
    assert client.get(address(authority)).status_code == 403, "a member's manager has no right over the group"
    Membership.objects.create(facility=world.hospital.facility, user=manager, role="group_viewer")
    assert client.get(address(authority)).status_code == 404, "the role counts where it was given"
    assert "chưa đứng đầu nhóm nào" in client.get(reverse("overview-groups")).content.decode()
    with pytest.raises(NotFound):
        group_of(world.hospital.actor("manager"), group.pk)
    with pytest.raises(PermissionRefused):
        group_reach(world.station.actor("manager"), group)
    assert Client().get(address(authority)).status_code == 302


def test_a_facility_opens_for_who_has_a_role_there(world: World, authority: Facility, viewer: Client) -> None:
    user = User.objects.get(username="xem.syt")
    Membership.objects.create(facility=world.station.facility, user=user, role="manager")
    Membership.objects.create(facility=world.hospital.facility, user=user, role="cashier")
    assert facilities_where(user, "overview.view") == {world.station.facility.pk}
    page = viewer.get(address(authority)).content.decode()
    assert '<button class="plain" name="facility" value="99001">' in page
    assert '<button class="plain" name="facility" value="99002">' not in page
    after = reverse("overview") + "?month=2026-10"
    answer = viewer.post(reverse("switch_facility"), {"facility": "99001", "next": after}, follow=True)
    assert answer.redirect_chain == [(after, 302)]
    assert "Trạm Y tế xã Thí Dụ" in answer.content.decode()
    outside = viewer.post(reverse("switch_facility"), {"facility": "99001", "next": "https://example.org/"})
    assert outside.url == reverse("home")


def test_more_facilities_ask_no_more_questions(
    world: World, authority: Facility, viewer: Client, hospital_month: list[walk.Walk]
) -> None:

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert viewer.get(address(authority), {"month": "10/2026"}).status_code == 200
        return len(seen)

    asked()
    few = asked()
    codes = [f"98{number:03d}" for number in range(40)]
    for code in codes:
        add_facility(code=code, name=f"Trạm {code}", kind="commune_station", tier="primary", since=date(2026, 1, 1))
    set_group(facility=authority, code="VD", name="Tỉnh Ví Dụ", members=["99001", "99002", *codes], at=at(7))
    assert asked() == few


def test_only_the_operator_makes_a_group_and_the_audit_says_so(world: World, authority: Facility) -> None:
    assert not FacilityStatus.objects.for_facility(authority).exists()
    call_command("facility_group", "99000", "VD", "Tỉnh Ví Dụ", members=["99002"], verbosity=0)
    group = FacilityGroup.objects.get()
    assert [one.code for one in group.members.all()] == ["99002"]
    rows = AuditEntry.objects.for_facility(world.station.facility).filter(action="accounts.set_group").order_by("pk")
    assert [row.facts["is_member"] for row in rows] == [True, False]
    assert AuditEntry.objects.for_facility(authority).filter(action="accounts.set_group").count() == 2
    with pytest.raises(CommandError, match="97001"):
        call_command("facility_group", "99000", "VD", "Tỉnh Ví Dụ", members=["97001"])
    with pytest.raises(Refusal):
        set_group(facility=authority, code="VD", name="Tỉnh Ví Dụ", members=[], at=at(7))
    assert [one.code for one in group.members.all()] == ["99002"]


def calls(path: Path) -> Iterator[str]:
    """Names that a file calls, of functions and of methods."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def test_nothing_else_reads_across_facilities() -> None:
    packages = ("his", "patients", "pharmacy", "insurance", "reports")
    found: dict[str, set[str]] = {"Reach": set(), "for_reach": set()}
    for path in (file for package in packages for file in (ROOT / package).rglob("*.py")):
        for name in set(calls(path)) & set(found):
            found[name].add(str(path.relative_to(ROOT)))
    assert found == {
        "Reach": {"his/accounts/reach.py"},
        "for_reach": {
            "insurance/billing/ledger.py",
            "insurance/claims/queries.py",
            "patients/queries_waiting.py",
            "pharmacy/queries_risk.py",
            "reports/overview/figures.py",
        },
    }
