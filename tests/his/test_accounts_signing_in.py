"""Accounts: made, given roles, stopped and opened again; nobody is locked out, nothing of a password is kept."""

import json
from threading import Thread

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from his.accounts.actor import actor_for
from his.accounts.models import Membership, User
from his.accounts.services.accounts import (
    add_account,
    deactivate_account,
    generate_password,
    link_staff,
    reactivate_account,
    rename_account,
    reset_password,
    set_roles,
    update_account,
)
from his.accounts.services.staff import end_staff
from his.audit.models import AuditEntry
from his.core.errors import NotFound, Refusal
from his.demo.places import DEMO_PASSWORD, build_places
from tests.cast import DAY, World, at

SECRET = "giấy trắng mực đen 99"


def new(world: World, **more) -> User:
    facts = {"username": "moi.nv", "full_name": "Người Mới", "password": SECRET, "roles": ["cashier"], "at": at()}
    return add_account(**{**facts, "actor": world.hospital.actor("admin"), **more})


def roles(world: World, user: User) -> set[str]:
    rows = Membership.objects.for_facility(world.hospital.facility).filter(user=user, is_active=True)
    return set(rows.values_list("role", flat=True))


def refused(code: str, field: str | None = None):
    return pytest.raises(Refusal, check=lambda refusal: (refusal.code, refusal.field) == (code, field))


def test_a_new_account_signs_in_and_may_do_what_its_roles_say(world: World, client: Client) -> None:
    user = new(world, username="  Moi.NV ", full_name="Nguyễn  Thị 'Mới' <A>", roles=["cashier", "reception"])
    assert (user.username, user.display_name) == ("moi.nv", "Nguyễn Thị 'Mới' <A>")
    signed_in = client.post(reverse("account_login"), {"login": "moi.nv", "password": SECRET})
    assert signed_in.status_code == 302
    actor = actor_for(user, world.hospital.facility)
    assert actor.may("billing.collect")
    assert not actor.may("accounts.manage")


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"username": "ab"}, "username", "username"),
        ({"username": "có dấu"}, "username", "username"),
        ({"username": "<b>'x'"}, "username", "username"),
        ({"full_name": " "}, "empty", "full_name"),
        ({"roles": []}, "role", "roles"),
        ({"roles": ["vua"]}, "role", "roles"),
        ({"password": "ngan"}, "weak_password", "password"),
        ({"password": "Người Mới1"}, "weak_password", "password"),
        ({"password": "password123"}, "weak_password", "password"),
    ],
)
def test_a_slip_leaves_no_account(world: World, wrong, code, field) -> None:
    before = User.objects.count()
    with refused(code, field):
        new(world, **wrong)
    assert User.objects.count() == before


def test_a_name_in_use_is_refused_in_the_same_words_here_and_elsewhere(world: World) -> None:
    said = []
    for name in ("cashier.bv", "cashier.tyt", "CASHIER.tyt"):
        with refused("taken", "username") as refusal:
            new(world, username=name)
        said.append(refusal.value.message_vi.replace(name.lower(), "?"))
    assert len(set(said)) == 1
    assert Membership.objects.filter(user__username="cashier.tyt").count() == 1


def test_nothing_of_a_password_is_written_down(world: World) -> None:
    user = new(world)
    reset_password(user=user, password=SECRET + "0", actor=world.hospital.actor("admin"))
    entries = AuditEntry.objects.for_facility(world.hospital.facility).values_list("action", "facts")
    assert {"accounts.add_account", "accounts.reset_password"} <= {action for action, _ in entries}
    kept = json.dumps(list(entries), ensure_ascii=False)
    assert "moi.nv" in kept
    user.refresh_from_db()
    for trace in (SECRET, user.password, "argon2", "md5$"):
        assert trace not in kept


def test_made_passwords_differ_and_are_strong_enough(world: World) -> None:
    made = {generate_password() for _ in range(50)}
    assert len(made) == 50
    assert new(world, password=made.pop()).has_usable_password()


def test_roles_are_exchanged_and_keep_the_person(world: World) -> None:
    place = world.hospital
    set_roles(user=place.users["doctor"], roles=["nurse", "manager"], actor=place.actor("admin"))
    actor = place.actor("doctor")
    assert actor.roles == {"nurse", "manager"}
    assert actor.practitioner() == place.staff["doctor"]


def test_an_account_acts_as_another_person_or_nobody(world: World) -> None:
    place, admin = world.hospital, world.hospital.actor("admin")
    user = place.users["cashier"]
    with refused("staff_taken", "staff"):
        link_staff(user=user, staff=place.staff["doctor"], actor=admin, at=at())
    end_staff(staff=place.staff["doctor5"], last_day=at().date().replace(day=1), actor=admin)
    with refused("staff_ended", "staff"):
        link_staff(user=user, staff=place.staff["doctor5"], actor=admin, at=at())
    deactivate_account(user=place.users["nurse"], actor=admin)
    link_staff(user=user, staff=place.staff["nurse"], actor=admin, at=at())
    assert place.actor("cashier").staff == place.staff["nurse"]
    with refused("staff_taken", "staff"):
        reactivate_account(user=place.users["nurse"], roles=["nurse"], staff=place.staff["nurse"], actor=admin, at=at())
    link_staff(user=user, staff=None, actor=admin, at=at())
    assert place.actor("cashier").staff is None


def test_a_stopped_account_loses_everything_here_at_once(world: World, client: Client) -> None:
    place, admin = world.hospital, world.hospital.actor("admin")
    user = place.users["cashier"]
    client.force_login(user)
    assert client.get(reverse("cashier")).status_code == 200
    deactivate_account(user=user, actor=admin)
    assert client.get(reverse("cashier")).status_code == 403
    assert place.facility.name not in client.get(reverse("home")).content.decode()
    with refused("already_inactive"):
        deactivate_account(user=user, actor=admin)
    with refused("already_inactive"):
        reset_password(user=user, password=SECRET, actor=admin)
    reactivate_account(user=user, roles=["cashier"], actor=admin, at=at())
    assert client.get(reverse("cashier")).status_code == 200
    with refused("already_active"):
        reactivate_account(user=user, roles=["cashier"], actor=admin, at=at())


def test_stopping_here_leaves_the_other_facility_alone(world: World) -> None:
    user = world.hospital.users["cashier"]
    Membership.objects.create(facility=world.station.facility, user=user, role="cashier")
    deactivate_account(user=user, actor=world.hospital.actor("admin"))
    assert actor_for(user, world.station.facility).may("billing.collect")


def test_name_and_password_of_an_account_used_elsewhere_stay(world: World) -> None:
    user, admin = world.hospital.users["cashier"], world.hospital.actor("admin")
    Membership.objects.create(facility=world.station.facility, user=user, role="administrator", is_active=False)
    with refused("shared_account", "password"):
        reset_password(user=user, password=SECRET, actor=admin)
    with refused("shared_account", "full_name"):
        rename_account(user=user, full_name="Tên Khác", actor=admin)
    update_account(user=user, full_name="Thu ngân", roles=["reception"], staff=None, actor=admin, at=at())
    assert roles(world, user) == {"reception"}
    assert Membership.objects.for_facility(world.station.facility).get(user=user).role == "administrator"


def test_no_service_reaches_an_account_of_another_facility(world: World) -> None:
    theirs, admin = world.station.users["cashier"], world.hospital.actor("admin")
    calls = [
        lambda: update_account(user=theirs, full_name="X", roles=["cashier"], staff=None, actor=admin, at=at()),
        lambda: set_roles(user=theirs, roles=["administrator"], actor=admin),
        lambda: link_staff(user=theirs, staff=None, actor=admin, at=at()),
        lambda: rename_account(user=theirs, full_name="X", actor=admin),
        lambda: reset_password(user=theirs, password=SECRET, actor=admin),
        lambda: deactivate_account(user=theirs, actor=admin),
        lambda: reactivate_account(user=theirs, roles=["cashier"], actor=admin, at=at()),
        lambda: new(world, staff=world.station.staff["doctor"]),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()
    assert not Membership.objects.for_facility(world.hospital.facility).filter(user=theirs).exists()


def test_administrators_do_not_lock_themselves_out(world: World) -> None:
    place, admin = world.hospital, world.hospital.actor("admin")
    with refused("own_administrator", "roles"):
        set_roles(user=admin.user, roles=["manager"], actor=admin)
    with refused("own_administrator", "roles"):
        deactivate_account(user=admin.user, actor=admin)
    set_roles(user=admin.user, roles=["administrator", "manager"], actor=admin)
    assert place.actor("admin").may("accounts.manage")


def test_the_last_administrator_stays(world: World) -> None:
    place, admin = world.hospital, world.hospital.actor("admin")
    second = new(world, roles=["administrator"])
    set_roles(user=admin.user, roles=["manager"], actor=actor_for(second, place.facility))
    with refused("last_administrator", "roles"):
        deactivate_account(user=second, actor=admin)  # a session that began before the role was taken
    assert actor_for(second, place.facility).may("accounts.manage")


@pytest.mark.django_db(transaction=True)
def test_of_two_administrators_who_dismiss_each_other_one_stays() -> None:
    places = build_places()
    world = World(places["99001"], places["99002"])
    first = world.hospital.actor("admin")
    second = actor_for(new(world, roles=["administrator"]), first.facility)
    refusals: list[str] = []

    def dismiss(actor, user) -> None:
        try:
            deactivate_account(user=user, actor=actor)
        except Refusal as refusal:
            refusals.append(refusal.code)
        finally:
            connection.close()

    rows = Membership.objects.filter(facility=first.facility, role="administrator")
    with transaction.atomic():  # both read everything before either may write
        list(rows.select_for_update())
        threads = [
            Thread(target=dismiss, args=(first, second.user)),
            Thread(target=dismiss, args=(second, first.user)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(0.3)
    for thread in threads:
        thread.join(10)
    assert refusals == ["last_administrator"]
    assert rows.filter(is_active=True).count() == 1


def test_a_new_password_ends_sessions_and_lock_out(world: World, client: Client) -> None:
    place, user = world.hospital, world.hospital.users["cashier"]
    client.force_login(user)
    for _ in range(5):
        Client().post(reverse("account_login"), {"login": user.username, "password": "sai-mat-khau"})
    reset_password(user=user, password=SECRET, actor=place.actor("admin"))
    assert client.get(reverse("cashier")).status_code == 302
    signed_in = client.post(reverse("account_login"), {"login": user.username, "password": SECRET})
    assert signed_in.status_code == 302
    with refused("own_password", "password"):
        reset_password(user=place.users["admin"], password=SECRET, actor=place.actor("admin"))
    old = Client().post(reverse("account_login"), {"login": user.username, "password": DEMO_PASSWORD})
    assert old.status_code == 200


def test_saving_without_a_change_writes_only_that_it_was_saved(world: World) -> None:
    place, user = world.hospital, world.hospital.users["doctor"]
    before = AuditEntry.objects.count()
    update_account(
        user=user,
        full_name=user.display_name,
        roles=["doctor"],
        staff=place.staff["doctor"],
        actor=place.actor("admin"),
        at=at(9, day=DAY),
    )
    new_entries = AuditEntry.objects.order_by("-pk")[: AuditEntry.objects.count() - before]
    assert [entry.action for entry in new_entries] == ["accounts.update_account"]
