"""Sign-in: one page, lock-out after failures, idle sessions end, pages carry their headers."""

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse

from his.audit.models import AuditEntry
from his.demo.places import DEMO_PASSWORD
from his.printing.models import PrintRecord
from patients.models import QueueTicket
from tests.cast import World, lan_visit


def _sign_in(client: Client, username: str, password: str) -> int:
    return client.post(reverse("account_login"), {"login": username, "password": password}).status_code


def test_a_user_signs_in_and_sees_home(world: World, client: Client) -> None:
    assert _sign_in(client, "reception.bv", DEMO_PASSWORD) == 302
    page = client.get(reverse("home"))
    assert page.status_code == 200
    assert "Bệnh viện Đa khoa Ví Dụ" in page.content.decode()


def test_five_failures_lock_the_account_even_for_the_right_password(world: World, client: Client) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        _sign_in(client, "reception.bv", "sai-mat-khau")
    assert _sign_in(client, "reception.bv", DEMO_PASSWORD) == 429
    assert _sign_in(client, "cashier.bv", DEMO_PASSWORD) == 302


def test_a_wrong_password_is_answered_in_vietnamese(world: World, client: Client) -> None:
    page = client.post(reverse("account_login"), {"login": "reception.bv", "password": "sai-mat-khau"})
    assert "Tên đăng nhập hoặc mật khẩu chưa đúng" in page.content.decode()


def test_nobody_signs_up(world: World, client: Client) -> None:
    body = {"username": "moi", "password1": "mot-mat-khau-dai", "password2": "mot-mat-khau-dai"}
    client.post(reverse("account_signup"), body)
    assert _sign_in(client, "moi", "mot-mat-khau-dai") != 302


def test_an_idle_session_ends_and_polling_does_not_keep_it(world: World, client: Client) -> None:
    with time_machine.travel("2026-10-06 08:00:00+07:00", tick=False) as clock:
        _sign_in(client, "reception.bv", DEMO_PASSWORD)
        assert client.get(reverse("home")).status_code == 200
        clock.shift(settings.IDLE_SIGN_OUT_MINUTES * 60 - 10)
        assert client.get(reverse("home"), headers={"X-Poll": "1"}).status_code == 200
        clock.shift(20)
        assert client.get(reverse("home")).status_code == 302


def test_pages_are_not_cached_and_load_nothing_from_outside(world: World, client: Client) -> None:
    page = client.get(reverse("account_login"))
    assert "no-store" in page.headers["Cache-Control"]
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "http" + "s://" not in page.content.decode()
    assert "http" + "://" not in page.content.decode()


@pytest.mark.parametrize("header", ["Sec-Purpose: prefetch;prerender", "Purpose: prefetch", "X-Moz: prefetch"])
def test_looking_ahead_prints_nothing(world: World, client: Client, header: str) -> None:
    """A browser that fetches what nobody opened counts no copy and leaves no entry in the audit chain."""
    ticket = QueueTicket.objects.get(visit=lan_visit(world.hospital))
    client.force_login(world.hospital.users["reception"])
    address, entries = reverse("ticket-pdf", args=[ticket.pk]), AuditEntry.objects.count()
    answer = client.get(address, headers=dict([header.split(": ")]))
    assert (answer.status_code, answer.content) == (204, b"")
    assert (PrintRecord.objects.count(), AuditEntry.objects.count()) == (0, entries)
    assert client.get(address, headers={"Sec-Purpose": ""}).content.startswith(b"%PDF")
    assert PrintRecord.objects.get().copy_no == 1


def test_function_keys_can_be_turned_off_for_the_account(world: World, client: Client) -> None:
    client.force_login(world.hospital.users["reception"])
    assert 'data-fkeys="off"' not in client.get(reverse("keys")).content.decode()
    client.post(reverse("switch_keys"))
    assert 'data-fkeys="off"' in client.get(reverse("keys")).content.decode()
