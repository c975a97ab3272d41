"""`manage.py add_facility`: a facility with its first administrator, or nothing."""

import getpass
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from his.accounts.models import Facility, FacilityStatus, User
from his.audit.models import AuditEntry
from his.audit.record import broken_positions

SECRET = "giấy trắng mực đen 99"


@pytest.fixture
def found(db: None, monkeypatch: pytest.MonkeyPatch):
    """The command with the password that is typed when it asks."""

    def run(code: str = "99003", *, password: str = SECRET, admin: str = "quantri.tyt3", tier: str = "primary") -> str:
        monkeypatch.setattr(getpass, "getpass", lambda prompt: password)
        out = StringIO()
        options = {"kind": "commune_station", "tier": tier, "admin": admin, "stdout": out}
        call_command("add_facility", code, "Trạm Y tế 'Ba' <Thử>", **options)
        return out.getvalue()

    return run


def test_the_first_administrator_signs_in_and_sets_up_the_rest(found, client: Client) -> None:
    said = found()
    assert "99003" in said
    assert SECRET not in said
    facility = Facility.objects.get(code="99003")
    assert FacilityStatus.objects.for_facility(facility).get().tier == "primary"
    assert client.post(reverse("account_login"), {"login": "quantri.tyt3", "password": SECRET}).status_code == 302
    page = client.get(reverse("admin")).content.decode()
    assert "quantri.tyt3" in page
    assert "Trạm Y tế &#x27;Ba&#x27; &lt;Thử&gt;" in page
    entries = AuditEntry.objects.for_facility(facility).order_by("position")
    assert [entry.action for entry in entries] == ["accounts.add_facility", "accounts.add_account"]
    assert broken_positions(facility, entries[0].month) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"code": "9900"}, "Mã cơ sở gồm đúng 5 chữ số"),
        ({"password": "ngan"}, "ít nhất 10 ký tự"),
        ({"admin": "Có Dấu"}, "Tên đăng nhập gồm"),
    ],
)
def test_a_slip_founds_nothing(found, wrong, message) -> None:
    with pytest.raises(CommandError, match=message):
        found(**wrong)
    assert not Facility.objects.exists()
    assert not User.objects.filter(username="quantri.tyt3").exists()


def test_without_a_keyboard_it_says_what_is_missing(found, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", closed)
    with pytest.raises(CommandError, match="Cần nhập mật khẩu"):
        call_command("add_facility", "99003", "Trạm", kind="commune_station", tier="primary", admin="quantri.tyt3")


def test_a_code_or_name_in_use_is_refused(found) -> None:
    found()
    with pytest.raises(CommandError, match="Cơ sở 99003 đã có"):
        found(admin="khac.tyt3")
    with pytest.raises(CommandError, match="không dùng được"):
        found("99004")
    assert Facility.objects.count() == 1
