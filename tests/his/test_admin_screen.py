"""The administrator's screens: by role and facility, with what was typed kept, and by keyboard alone."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from his.accounts.models import Department, FacilityStatus, Membership, Room, Staff, User
from his.accounts.urls import urlpatterns
from his.demo.places import DEMO_PASSWORD
from tests.cast import DAY, World, at

SECRET = "giấy trắng mực đen 99"
LISTS = ("admin", "admin-staff", "admin-places", "admin-facility", "admin-catalogs")


@pytest.fixture
def desk(client, world: World, time_machine):
    time_machine.move_to(at(9), tick=False)
    client.force_login(world.hospital.users["admin"])
    return client


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def account(**more) -> dict[str, object]:
    return {
        "username": "moi.nv",
        "full_name": "Người 'Mới' <A>",
        "password": "",
        "staff": "",
        "roles": ["cashier"],
        **more,
    }


def test_a_made_password_is_shown_once_and_works(desk, client, world):
    made = desk.post(reverse("admin-account-new"), account())
    password = made.context["password"]
    assert f'value="{password}"' in text_of(made)
    assert "no-store" in made["Cache-Control"]
    user = User.objects.get(username="moi.nv")
    shown = text_of(desk.get(reverse("admin-account", args=[user.pk])))
    assert password not in shown
    assert "Người &#x27;Mới&#x27; &lt;A&gt;" in shown
    assert password not in str(dict(desk.session))
    client.logout()
    assert client.post(reverse("account_login"), {"login": "moi.nv", "password": password}).status_code == 302


def test_a_typed_password_is_never_shown(desk):
    made = desk.post(reverse("admin-account-new"), account(password=SECRET), follow=True)
    assert "Đã lập tài khoản moi.nv" in text_of(made)
    assert SECRET not in text_of(made)
    wrong = desk.post(reverse("admin-account-new"), account(username="cashier.tyt", password=SECRET))
    assert wrong.status_code == 422
    assert "không dùng được" in text_of(wrong)
    assert SECRET not in text_of(wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"username": ""}, "Hãy gõ tên đăng nhập"),
        ({"username": "Có Dấu"}, "Tên đăng nhập gồm"),
        ({"roles": []}, "Hãy chọn ít nhất một vai trò"),
        ({"roles": ["vua"]}, "Không có vai trò này"),
        ({"password": "ngan"}, "ít nhất 10 ký tự"),
    ],
)
def test_a_slip_is_said_beside_the_field_and_the_rest_stays(desk, wrong, message):
    answer = desk.post(reverse("admin-account-new"), account(**wrong))
    page = text_of(answer)
    assert answer.status_code == 422
    assert f'class="error" id="id_{next(iter(wrong))}_error">' in page
    assert message in page
    assert "Người &#x27;Mới&#x27; &lt;A&gt;" in page
    assert ('value="cashier" checked' in page) == ("roles" not in wrong)
    assert not User.objects.filter(username="moi.nv").exists()


def test_roles_are_explained_in_words(desk):
    page = text_of(desk.get(reverse("admin-account-new")))
    for words in ("Khám, chẩn đoán, kê đơn, ký", "Quản lý tài khoản và cơ sở", "Hoàn tiền"):
        assert words in page


def test_an_account_is_changed_stopped_and_opened_again(desk, world):
    user, staff = world.hospital.users["cashier"], world.hospital.staff["doctor5"]
    Membership.objects.filter(staff=staff).delete()
    url = reverse("admin-account", args=[user.pk])
    form = {"full_name": "Thu ngân Một", "staff": staff.pk, "roles": ["cashier", "reception"]}
    assert "Đã lưu tài khoản" in text_of(desk.post(url, form, follow=True))
    assert world.hospital.actor("cashier").roles == {"cashier", "reception"}
    assert world.hospital.actor("cashier").staff == staff
    stopped = text_of(desk.post(reverse("admin-account-stop", args=[user.pk]), follow=True))
    assert "Đã ngừng" in stopped
    assert "Mở lại với các vai trò đã chọn" in stopped
    desk.post(url, {**form, "roles": ["reception"]})
    assert world.hospital.actor("cashier").roles == {"reception"}
    row = next(row for row in desk.get(reverse("admin")).context["rows"] if row.user == user)
    assert (row.roles_vi, row.staff) == ("Tiếp đón", staff)


def test_one_does_not_take_ones_own_role(desk, world):
    user = world.hospital.users["admin"]
    url = reverse("admin-account", args=[user.pk])
    answer = desk.post(url, {"full_name": "Quản trị", "staff": "", "roles": ["manager"]})
    assert (answer.status_code, "Không tự bỏ quyền quản trị" in text_of(answer)) == (422, True)
    stop = desk.post(reverse("admin-account-stop", args=[user.pk]))
    assert stop.status_code == 422
    page = text_of(desk.get(url))
    assert "Ngừng tài khoản" not in page
    assert reverse("account_change_password") in page


def test_a_shared_account_offers_no_password(desk, world):
    user = world.hospital.users["cashier"]
    Membership.objects.create(facility=world.station.facility, user=user, role="cashier")
    page = text_of(desk.get(reverse("admin-account", args=[user.pk])))
    assert "còn dùng ngoài cơ sở" in page
    assert reverse("admin-account-password", args=[user.pk]) not in page
    assert world.station.facility.name not in page
    answer = desk.post(reverse("admin-account-password", args=[user.pk]), {"password": ""})
    assert answer.status_code == 422


def test_a_password_is_reset(desk, client, world):
    user = world.hospital.users["cashier"]
    url = reverse("admin-account-password", args=[user.pk])
    weak = desk.post(url, {"password": "ngan"})
    assert (weak.status_code, "ít nhất 10 ký tự" in text_of(weak)) == (422, True)
    made = desk.post(url, {"password": ""}).context["password"]
    assert client.post(reverse("account_login"), {"login": user.username, "password": made}).status_code == 302


def test_words_find_accounts_and_people(desk, world):
    found = desk.post(reverse("admin"), {"words": "cashier2"}).context["rows"]
    assert [row.user.username for row in found] == ["cashier2.bv"]
    people = desk.post(reverse("admin-staff"), {"words": "quang gia"}).context["rows"]
    assert [row.staff.code for row in people] == ["BS01"]
    assert [row.staff.code for row in desk.post(reverse("admin-staff"), {"words": "000209"}).context["rows"]] == [
        "DS01"
    ]
    nobody = desk.post(reverse("admin-staff"), {"words": "<'không ai'>"})
    assert "Không có nhân viên nào khớp" in text_of(nobody)
    assert "&lt;&#x27;không ai&#x27;&gt;" in text_of(nobody)


def test_a_person_is_added_changed_and_leaves(desk, world):
    department = world.hospital.departments["K01"]
    form = {"full_name": "Lê 'Mới' <B>", "title": "Bác sĩ", "department": department.pk, "licence_no": "000299/VD-GPHN"}
    form |= {"licence_issued_on": "01052020", "working_scope": "Nội khoa"}
    made = desk.post(reverse("admin-staff-new"), {**form, "code": "BS09", "since": "01102026"}, follow=True)
    assert "Lê &#x27;Mới&#x27; &lt;B&gt;" in text_of(made)
    staff = Staff.objects.get(code="BS09")
    url = reverse("admin-staff-one", args=[staff.pk])
    desk.post(url, {**form, "licence_no": "000300/VD-GPHN", "since": ""})
    desk.post(url, {**form, "licence_no": "000301/VD-GPHN", "since": "05/10/2026"})
    periods = list(Staff.objects.filter(code="BS09").order_by("valid_from").values_list("licence_no", "valid_to"))
    assert periods == [("000300/VD-GPHN", DAY.replace(day=4)), ("000301/VD-GPHN", None)]
    latest = Staff.objects.get(code="BS09", valid_to=None)
    slip = desk.post(reverse("admin-staff-end", args=[latest.pk]), {"last_day": "32102026"})
    assert slip.status_code == 422
    desk.post(reverse("admin-staff-end", args=[latest.pk]), {"last_day": "05102026"})
    assert "BS09" not in [row.staff.code for row in desk.get(reverse("admin-staff")).context["rows"]]
    assert [row.staff.code for row in desk.get(reverse("admin-staff"), {"left": "1"}).context["rows"]] == ["BS09"]


def test_who_left_but_still_signs_in_is_pointed_out(desk, world):
    staff = world.hospital.staff["doctor"]
    desk.post(reverse("admin-staff-end", args=[staff.pk]), {"last_day": "05102026"})
    page = text_of(desk.get(reverse("admin-staff-one", args=[staff.pk])))
    assert "Còn tài khoản hoạt động" in page
    assert reverse("admin-account", args=[world.hospital.users["doctor"].pk]) in page
    account_page = desk.get(reverse("admin-account", args=[world.hospital.users["doctor"].pk]))
    assert account_page.context["form"]["staff"].value() == staff.pk


def test_places_are_added_and_switched_off(desk, world):
    desk.post(reverse("admin-department-new"), {"code": "K99", "name": "Khoa 'mới' <C>", "is_active": "on"})
    department = Department.objects.get(code="K99")
    form = {"code": "PK9", "name": "Phòng 9", "kind": "exam", "department": department.pk, "is_active": "on"}
    slip = desk.post(reverse("admin-room-new"), {**form, "exam_service_text": "khám gì đó"})
    assert (slip.status_code, "Phòng khám phải có mã công khám" in text_of(slip)) == (422, True)
    assert 'value="khám gì đó"' in text_of(slip)
    desk.post(reverse("admin-room-new"), {**form, "exam_service_code": "02.1896"})
    room = Room.objects.get(code="PK9")
    url = reverse("admin-department", args=[department.pk])
    busy = desk.post(url, {"name": "Khoa"})
    assert (busy.status_code, "Khoa còn phòng đang dùng: PK9" in text_of(busy)) == (422, True)
    desk.post(
        reverse("admin-room", args=[room.pk]), {**form, "name": "Cũ", "exam_service_code": "02.1896", "is_active": ""}
    )
    room.refresh_from_db()
    assert (room.name, room.is_active, room.kind) == ("Cũ", False, "exam")
    assert desk.post(url, {"name": "Khoa cũ"}).status_code == 302
    assert "Khám Nội" in text_of(desk.get(reverse("admin-room", args=[room.pk])))


def test_the_exam_box_offers_exams_only(desk):
    page = text_of(desk.get(reverse("admin-exam-options"), {"q": "kham"}))
    assert "Khám Nhi" in page
    assert "39.800 đ" in page
    assert "Siêu âm" not in text_of(desk.get(reverse("admin-exam-options"), {"q": "sieu am"}))


def test_the_facility_is_changed_and_ranked(desk, world):
    details = {"name": "Bệnh viện 'Mới' <D>", "province_code": "99", "commune_code": "99002"}
    assert "Bệnh viện &#x27;Mới&#x27; &lt;D&gt;" in text_of(desk.post(reverse("admin-facility"), details, follow=True))
    slip = desk.post(reverse("admin-facility"), {**details, "province_code": "9x"})
    assert (slip.status_code, "chỉ gồm chữ số" in text_of(slip)) == (422, True)
    tier = {"tier": "basic", "points": "55,5", "former_line": "district", "since": "01112026"}
    assert "từ ngày 01/11/2026" in text_of(desk.post(reverse("admin-tier"), tier, follow=True))
    early = desk.post(reverse("admin-tier"), {**tier, "since": "01012024"})
    assert (early.status_code, "không được trước ngày đó" in text_of(early)) == (422, True)
    assert FacilityStatus.objects.for_facility(world.hospital.facility).count() == 2


def addresses_with_ids() -> list[str]:
    return [pattern.name for pattern in urlpatterns if "<int" in str(pattern.pattern)]


@pytest.mark.parametrize("name", addresses_with_ids())
def test_every_address_with_an_id_is_not_found_at_another_facility(desk, world, name):
    theirs = {"account": world.station.users["cashier"], "staff": world.station.staff["doctor"]}
    theirs |= {"department": world.station.departments["K01"], "room": world.station.rooms["PK1"]}
    url = reverse(name, args=[theirs[name.split("-")[1]].pk])
    form = {"full_name": "X", "name": "X", "password": SECRET, "roles": ["cashier"], "department": "", "code": "X"}
    answers = {desk.get(url).status_code, desk.post(url, form).status_code}
    assert answers <= {404, 405}
    assert 404 in answers
    assert not Membership.objects.for_facility(world.hospital.facility).filter(user=theirs["account"]).exists()


def test_people_and_places_of_another_facility_cannot_be_chosen(desk, world):
    staff, department = world.station.staff["doctor"].pk, world.station.departments["K01"].pk
    person = desk.post(reverse("admin-account-new"), account(staff=staff))
    assert (person.status_code, "không làm việc tại cơ sở" in text_of(person)) == (422, True)
    room = {"code": "P9", "name": "P9", "kind": "lab", "department": department}
    place = desk.post(reverse("admin-room-new"), room)
    assert (place.status_code, "không có tại cơ sở" in text_of(place)) == (422, True)
    for name in LISTS:
        page = text_of(desk.get(reverse(name)))
        for trace in (".tyt", "Trạm Y tế xã Thí Dụ", "Lê Minh Giả"):
            assert trace not in page


@pytest.mark.parametrize("role", ["doctor", "reception", "manager", "claims"])
def test_others_are_kept_out(client, world, role):
    client.force_login(world.hospital.users[role])
    for pattern in urlpatterns:
        if pattern.name == "audit":
            continue
        kind = "11111111-1111-1111-1111-111111111111" if "uuid" in str(pattern.pattern) else 1
        url = reverse(pattern.name, args=[kind] if "<" in str(pattern.pattern) else [])
        assert {client.get(url).status_code, client.post(url, {}).status_code} <= {403, 405}
    assert reverse("admin") not in text_of(client.get(reverse("home")))


def test_a_stranger_is_sent_to_sign_in(client, world):
    assert client.get(reverse("admin")).status_code == 302


def test_lists_read_a_fixed_number_of_queries(desk, world, django_assert_max_num_queries):
    place = world.hospital
    for number in range(40):
        staff = Staff.objects.create(
            facility=place.facility,
            code=f"T{number}",
            full_name="Thử",
            department=place.departments["K01"],
            valid_from=DAY,
        )
        user = User.objects.create(username=f"thu{number}")
        Membership.objects.create(facility=place.facility, user=user, role="nurse", staff=staff)
        Room.objects.create(
            facility=place.facility, code=f"R{number}", name="Thử", kind="lab", department=place.departments["K01"]
        )
    for name, most in (("admin", 9), ("admin-staff", 7), ("admin-places", 7), ("admin-facility", 8)):
        with django_assert_max_num_queries(most, info=name):
            assert desk.get(reverse(name)).status_code == 200
    with django_assert_max_num_queries(9):
        desk.get(reverse("admin-account", args=[place.users["doctor"].pk]))


@pytest.mark.e2e
@pytest.mark.django_db(transaction=True)
def test_an_account_is_made_by_keyboard_alone(live_server, chromium, world):
    page = chromium.new_page(viewport={"width": 1366, "height": 768})
    page.goto(live_server.url + reverse("account_login"))
    keys = page.keyboard
    page.fill("[name=login]", "admin.bv")
    page.fill("[name=password]", DEMO_PASSWORD)
    keys.press("Enter")
    page.wait_for_url(live_server.url + "/")
    page.goto(live_server.url + reverse("admin"))
    expect(page.locator("#id_words")).to_be_focused()
    keys.press("F2")
    expect(page.locator("#id_username")).to_be_focused()
    keys.type("lan.nt")
    keys.press("Enter")
    keys.type("Nguyễn Thị Lan Anh")
    for _ in range(3):
        keys.press("Enter")
    expect(page.locator("[name=roles][value=reception]")).to_be_focused()
    keys.press("Space")
    keys.press("F9")
    made = page.locator("#id_made")
    expect(made).to_be_focused()
    user = User.objects.get(username="lan.nt")
    assert user.check_password(made.input_value())
    assert set(user.memberships.values_list("role", flat=True)) == {"reception"}
    page.close()
