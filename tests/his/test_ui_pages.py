"""Home, the bar of desks, the change of facility, sign-in and error pages, and the font."""

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import Client

from his.accounts.models import Facility, Membership, User
from his.middleware import FACILITY_KEY
from his.ui import nav, views
from his.ui.nav import NavItem

pytestmark = pytest.mark.django_db

REGISTER = NavItem("t-reception", "Bàn tiếp đón thử", "home", "patients.register", "card", 1)
COLLECT = NavItem("t-cashier", "Bàn thu ngân thử", "keys", "billing.collect", "cash", 2)
LOST = NavItem("t-lost", "Bàn không địa chỉ", "no-such-address", "", "home", 3)


@pytest.fixture
def desks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nav, "_items", {})
    nav.register(COLLECT, REGISTER, LOST)


@pytest.fixture
def station() -> Facility:
    return Facility.objects.create(code="99001", name="Trạm Y tế xã Thí Dụ", kind=Facility.Kind.COMMUNE_STATION)


@pytest.fixture
def hospital() -> Facility:
    return Facility.objects.create(code="99002", name="Bệnh viện Thí Dụ", kind=Facility.Kind.DISTRICT_HOSPITAL)


@pytest.fixture
def ngoc(station: Facility, hospital: Facility) -> User:
    """Reception at the station, cashier at the hospital."""
    user = User.objects.create_user("ngoc", password="mat-khau-thu-99", first_name="Ngọc <Ảnh>")
    Membership.objects.create(user=user, facility=station, role="reception")
    Membership.objects.create(user=user, facility=hospital, role="cashier")
    return user


def page(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_home_shows_the_desks_of_the_facility(client: Client, ngoc: User, desks: None) -> None:
    client.force_login(ngoc)
    shown = page(client, "/")
    assert "Bàn tiếp đón thử" in shown
    assert "Bàn thu ngân thử" not in shown
    assert "Bàn không địa chỉ" not in shown
    assert "Ngọc &lt;Ảnh&gt;" in shown


def test_changing_the_facility_changes_the_desks(client: Client, ngoc: User, desks: None) -> None:
    client.force_login(ngoc)
    shown = client.post("/facility/", {"facility": "99002"}, follow=True).content.decode()
    assert "Đang làm việc tại Bệnh viện Thí Dụ" in shown
    assert "Bàn thu ngân thử" in shown
    assert "Bàn tiếp đón thử" not in shown


def test_a_facility_that_is_not_theirs_is_not_found(client: Client, ngoc: User) -> None:
    Facility.objects.create(code="99003", name="Cơ sở khác", kind=Facility.Kind.POLYCLINIC)
    client.force_login(ngoc)
    answers = [client.post("/facility/", {"facility": code}) for code in ("99003", "99999", "")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert client.get("/facility/").status_code == 405
    assert "Trạm Y tế xã Thí Dụ" in page(client, "/")


def test_the_session_key_is_the_one_the_middleware_reads() -> None:
    assert views.FACILITY_KEY == FACILITY_KEY


def test_a_user_without_a_role_is_told_what_to_do(client: Client) -> None:
    client.force_login(User.objects.create_user("moi"))
    assert "Tài khoản chưa có bàn làm việc nào" in page(client, "/")


def test_pages_need_a_sign_in(client: Client) -> None:
    for path in ("/", "/keys/"):
        assert client.get(path).headers["Location"].startswith("/accounts/login/")


def test_every_page_offers_help_and_regions(client: Client, ngoc: User) -> None:
    client.force_login(ngoc)
    shown = page(client, "/keys/")
    for part in (
        'lang="vi"',
        'id="live"',
        'aria-live="polite"',
        'aria-live="assertive"',
        'id="help"',
        'id="keymap"',
        "#work",
    ):
        assert part in shown
    assert "<kbd>F12</kbd>" in shown
    assert "Người bệnh kế tiếp" in shown


def test_the_sign_in_page_lets_password_managers_work(client: Client) -> None:
    shown = page(client, "/accounts/login/")
    assert 'autocomplete="username"' in shown
    assert 'autocomplete="current-password"' in shown
    assert shown.count("autofocus") == 1


def test_a_wrong_password_is_said_and_the_name_stays(client: Client, ngoc: User) -> None:
    answer = client.post("/accounts/login/", {"login": "ngoc'", "password": "sai"}).content.decode()
    assert 'role="alert"' in answer
    assert 'value="ngoc&#x27;"' in answer


def test_sign_in_and_sign_out(client: Client, ngoc: User) -> None:
    answer = client.post("/accounts/login/", {"login": "ngoc", "password": "mat-khau-thu-99"})
    assert answer.headers["Location"] == "/"
    assert "Kết thúc phiên làm việc" in page(client, "/accounts/logout/")
    assert "Mật khẩu" in page(client, "/accounts/password/change/")
    client.post("/accounts/logout/")
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("400.html", "không hợp lệ"),
        ("403.html", "Không có quyền"),
        ("403_csrf.html", "Phiên làm việc đã cũ"),
        ("404.html", "Không tìm thấy"),
        ("500.html", "Máy chủ gặp lỗi"),
        ("account/lockout.html", "Tạm khóa đăng nhập"),
    ],
)
def test_error_pages_need_no_context(template: str, words: str) -> None:
    """They are drawn when nothing else works: without request, user or database."""
    assert words in render_to_string(template)


def test_an_unknown_address_is_answered_in_vietnamese(client: Client) -> None:
    answer = client.get("/khong-co/")
    assert (answer.status_code, "Không tìm thấy" in answer.content.decode()) == (404, True)


def test_one_code_belongs_to_one_desk(desks: None) -> None:
    nav.register(REGISTER)
    with pytest.raises(ValueError, match="t-reception"):
        nav.register(NavItem("t-reception", "Bàn khác", "home", "", "card", 1))


def test_the_font_comes_from_its_package() -> None:
    css = finders.find("his/his.css")
    assert isinstance(css, str)
    with open(css, encoding="utf-8") as file:
        cuts = [line.split('url("../')[1].split('"')[0] for line in file if "@font-face" in line]
    assert len(cuts) == 5
    for cut in cuts:
        found = finders.find(cut)
        assert isinstance(found, str)
        with open(found, "rb") as font:
            assert font.read(4) == b"\x00\x01\x00\x00"
    assert finders.find("fonts/../forms.py") is None


def test_collectstatic_collects_the_font() -> None:
    finder = finders.get_finder("his.ui.finders.FontFinder")
    listed = {f"{storage.prefix}/{path}" for path, storage in finder.list(None)}
    assert "fonts/BeVietnamPro-Regular.ttf" in listed
    assert len(listed) == 5
