"""What no desk ever sends: NUL characters, ids that are none, numbers of 5,000 digits. An answer, never a crash."""

import pytest
from django.test import Client
from django.urls import reverse

from his.accounts.models import Membership, User
from his.accounts.roles import ROLES
from his.core.codes import row_id
from his.core.dates import parse_day
from tests.cast import World, anh_hung, lan_visit

DIGITS = "9" * 5000
NOT_IDS = ["²", "٣", DIGITS, "9" * 25, "-1", "x'", "1\0"]


@pytest.fixture
def everyone(world: World, client: Client) -> Client:
    """Somebody with every role at the hospital."""
    user = world.hospital.users["manager"]
    for role in ROLES:
        Membership.objects.get_or_create(facility=world.hospital.facility, user=user, role=role)
    client.force_login(user)
    return client


@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id_is_the_id_of_no_row(text: str) -> None:
    assert row_id(text) == 0


def test_ids_in_addresses_that_are_none(everyone: Client) -> None:
    asked = [
        ("reception", "done"),
        ("triage-list", "current"),
        ("doctor", "room"),
        ("doctor-queue", "visit"),
        ("search-diagnoses", "visit"),
        ("results", "department"),
        ("results-list", "order"),
        ("dispensing-queue", "current"),
        ("stock", "store"),
        ("stock-drugs", "q"),
        ("stock-documents", "store"),
        ("cashier-list", "current"),
        ("cashier-receipts", "day"),
        ("claims", "visit"),
        ("claims", "month"),
        ("claims", "page"),
        ("audit", "day"),
        ("cases", "month"),
        ("national", "day"),
        ("report-calendar", "month"),
    ]
    for name, key in asked:
        for text in (*NOT_IDS, "2026-13", "12/9999", "31/12/9999"):
            assert everyone.get(reverse(name), {key: text}).status_code in {200, 302, 404}, (name, key, text[:20])


DAYS = ["01/01/0001", "31/12/1899", "31/12/9999", "31/02/2026", "٠١/٠١/٢٠٢٦", "1", DIGITS]


@pytest.mark.parametrize("text", DAYS)
def test_a_day_that_no_hospital_writes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(Năm phải từ 1900 đến 9998|Ngày)"):
        parse_day(text)


@pytest.mark.parametrize("text", DAYS)
def test_days_in_addresses_that_are_none(everyone: Client, text: str) -> None:
    """The first days of the calendar have no day before, the last none after: every screen asks for both."""
    asked = [
        ("audit", "day"),
        ("national", "day"),
        ("controlled-book", "day"),
        ("controlled-year", "start"),
        ("climate", "day"),
        ("stock-documents", "start"),
        ("briefing", "day"),
        ("cash-day", "day"),
        ("cash-transfers", "day"),
        ("cashier-receipts", "day"),
        ("invoices", "day"),
        ("dispensing", "day"),
        ("items", "on"),
    ]
    for name, key in asked:
        assert everyone.get(reverse(name), {key: text}).status_code in {200, 422}, name
    assert everyone.get(reverse("prices", args=["services"]), {"on": text}).status_code in {200, 422}
    assert everyone.get(reverse("register", args=["A1"]), {"start": text, "end": text}).status_code in {200, 422}


def test_nul_characters_are_dropped(world: World, everyone: Client) -> None:
    hung = anh_hung(world.hospital)
    found = everyone.post(reverse("reception-find"), {"text": "Trần\0 Văn Hùng"}, follow=True)
    assert hung.code in found.content.decode()
    assert everyone.post(reverse("dispensing-find"), {"text": "a\0b"}).status_code == 422
    assert everyone.get(reverse("stock-drugs"), {"q": "para\0", "a\0b": "1"}).status_code == 200
    answer = everyone.post(
        reverse("stock-stores"), {"code": "KL\0", "name": "Kho lẻ\0", "kind": "cabinet"}, follow=True
    )
    assert "Kho lẻ" in answer.content.decode()


def test_numbers_of_any_length_are_refused_in_words(world: World, everyone: Client) -> None:
    visit = lan_visit(world.hospital)
    everyone.get(reverse("doctor-visit", args=[visit.pk]))
    line = {"lines-TOTAL_FORMS": "1", "lines-INITIAL_FORMS": "0", "lines-0-drug": "TH0001", "lines-0-days": "5"}
    for name in ("morning", "quantity"):
        sent = {**line, f"lines-0-{name}": DIGITS}
        answer = everyone.post(reverse("exam-prescription", args=[visit.pk]), sent, headers={"HX-Request": "true"})
        assert answer.status_code == 422
        assert "Số quá dài" in answer.content.decode()
        assert DIGITS in answer.content.decode()
    opened = everyone.post(reverse("cashier-session"), {"opening_float": "0", "back": "-1"})
    assert opened.status_code == 302


def test_the_sign_in_library_shows_only_the_pages_that_are_used(everyone: Client) -> None:
    for path in ("signup/", "email/", "inactive/", "reauthenticate/", "password/reset/", "password/set/", "no-such/"):
        assert everyone.get(f"/accounts/{path}").status_code == 404
    for path in ("password/change/", "logout/"):
        assert everyone.get(f"/accounts/{path}").status_code == 200


def test_changing_the_password_speaks_vietnamese(db: None, client: Client) -> None:
    client.force_login(User.objects.create_user("ngoc", password="mat-khau-thu-99"))
    path = "/accounts/password/change/"
    shown = client.get(path).content.decode()
    assert all(label in shown for label in ("Mật khẩu hiện tại", "Mật khẩu mới", "Gõ lại mật khẩu mới"))
    assert "password?" not in shown
    short = {"oldpassword": "sai", "password1": "ngan", "password2": "khac"}
    answer = client.post(path, short).content.decode()
    assert "Hãy nhập mật khẩu hiện tại" in answer
    assert "Mật khẩu phải có ít nhất 10 ký tự." in answer
