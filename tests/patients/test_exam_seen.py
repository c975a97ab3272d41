"""Two pages with the same exam open: the one that saves later never writes over the other, and loses nothing."""

import re
from datetime import date

import pytest
from django.test import Client

from his.audit.models import AuditEntry
from his.core.errors import Refusal
from patients.forms_clinical import ExamForm
from patients.models import Exam, Visit
from patients.services import unseen
from patients.services.exams import save_exam, set_diagnoses, start_exam
from patients.services.signing import sign_exam
from tests.cast import World, at, lan_visit, weigh
from tests.patients.doctor_desk import HTMX, stopped_clock, typed, url
from tests.scenes import scene

SAID = "Phiếu này vừa được sửa ở nơi khác lúc"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list:
    return stopped_clock(monkeypatch)


@scene
def visit(world: World) -> Visit:
    row = lan_visit(world.hospital)
    weigh(row, world.hospital)
    return row


@scene
def exam(world: World, visit: Visit) -> Exam:
    return start_exam(visit=visit, actor=world.hospital.actor("doctor"), at=at(8, 10))


class Desk:
    """A browser page with the form of an exam, as the script of the page goes on with it."""

    def __init__(self, world: World, visit: Visit, who: str = "doctor") -> None:
        self.client, self.visit = Client(), visit
        self.client.force_login(world.hospital.users[who])
        self.read(self.client.get(url("doctor-visit", visit)))

    def read(self, answer) -> None:
        self.page = answer.content.decode()
        found = re.search(r'name="seen" value="([^"]*)"', self.page)
        self.seen = found[1] if found else ""

    def draft(self, *, hear: bool = True, **changes: str):
        answer = self.client.post(url("exam-draft", self.visit), typed(seen=self.seen, **changes))
        if hear and answer.status_code == 204:
            self.seen = answer["X-Seen"]
        return answer

    def sign(self, **changes: str):
        answer = self.client.post(url("exam-sign", self.visit), typed(seen=self.seen, **changes), follow=True)
        self.read(answer)
        return answer


# The services


def test_a_stamp_is_of_all_that_the_form_shows(exam):
    """Whatever a form writes changes the stamp; nothing else does."""
    assert set(unseen._SHOWN) == set(ExamForm.base_fields) - {"send_on_to"}
    stamps = {unseen.stamp_of(exam)}
    for name in unseen._SHOWN:
        setattr(exam, name, date(2026, 11, 6) if name == "follow_up_on" else "4")
        stamps.add(unseen.stamp_of(exam))
    assert len(stamps) == len(unseen._SHOWN) + 1
    before = unseen.stamp_of(exam)
    exam.draft_saved_at = at(9)
    assert unseen.stamp_of(exam) == before


def test_a_stamp_is_of_the_diagnoses_and_which_is_main(world, exam):
    doctor = world.hospital.actor("doctor")
    stamps = set()
    for main, others in (("", []), ("I10", []), ("I10", ["E11.9"]), ("E11.9", ["I10"]), ("", ["I10", "E11.9"])):
        rows = set_diagnoses(exam=exam, main=main, others=others, actor=doctor, at=at(8, 20))
        assert unseen.stamp_of(exam, rows) == unseen.stamp_of(Exam.objects.get())
        stamps.add(unseen.stamp_of(exam, rows))
    assert len(stamps) == 5


def test_beginning_an_exam_changes_no_stamp(visit, exam):
    assert unseen.stamp_unbegun(visit) == unseen.stamp_of(exam)


def test_what_another_changed_is_not_written_over(world, exam):
    first, second = world.hospital.actor("doctor"), world.hospital.actor("doctor5")
    seen = unseen.stamp_of(exam)
    saved = save_exam(exam=exam, findings="Của người thứ hai", seen=f"{seen}.b", actor=second, at=at(8, 31))
    assert saved.stamp == unseen.stamp_of(Exam.objects.get())
    name = second.user.display_name
    for call, more in (
        (save_exam, {"findings": "Của người thứ nhất"}),
        (set_diagnoses, {"main": "I10"}),
        (sign_exam, {}),
    ):
        with pytest.raises(Refusal) as caught:
            call(exam=exam, seen=f"{seen}.a", actor=first, at=at(8, 40), **more)
        assert caught.value.code == "already_changed"
        assert caught.value.message_vi == f"{SAID} 08:31 ({name}): bản nháp ở đây chưa lưu"
    stored = Exam.objects.get()
    assert (stored.findings, stored.is_signed, stored.diagnoses.count()) == ("Của người thứ hai", False, 0)


def test_diagnoses_of_another_are_a_change_with_its_time(world, exam):
    doctor = world.hospital.actor("doctor")
    seen = unseen.stamp_of(exam)
    save_exam(exam=exam, findings="x", seen=f"{seen}.a", actor=doctor, at=at(8, 31))
    seen = unseen.stamp_of(Exam.objects.get())
    set_diagnoses(exam=exam, main="I10", actor=world.hospital.actor("doctor5"), at=at(8, 33))
    with pytest.raises(Refusal, match=f"{SAID} 08:33"):
        save_exam(exam=exam, findings="y", seen=f"{seen}.a", actor=doctor, at=at(8, 40))


def test_who_says_nothing_of_what_was_seen_is_not_asked(world, exam):
    """The programming interface changes single texts."""
    doctor = world.hospital.actor("doctor")
    save_exam(exam=exam, findings="x", actor=doctor, at=at(8, 31))
    assert save_exam(exam=exam, advice="y", actor=doctor, at=at(8, 32)).findings == "x"


# The desk


def test_a_later_draft_is_not_stored_and_says_so(world, visit, clock):
    first, second = Desk(world, visit), Desk(world, visit, "doctor5")
    assert first.draft(findings="Tim đều").status_code == 204
    clock[0] = at(8, 45)
    refused = second.draft(findings="Phổi trong")
    assert (refused.status_code, refused["Content-Type"]) == (409, "text/plain; charset=utf-8")
    name = world.hospital.users["doctor"].display_name
    assert refused.content.decode() == f"{SAID} 08:30 ({name}): bản nháp ở đây chưa lưu. Nhấn F9 để xem hai bản"
    assert Exam.objects.get().findings == "Tim đều"
    assert first.draft(findings="Tim đều, phổi trong").status_code == 204


def test_two_tabs_of_one_doctor_are_two_pages(world, visit):
    first, second = Desk(world, visit), Desk(world, visit)
    assert first.draft(findings="Tim đều").status_code == 204
    assert second.draft(findings="Phổi trong").status_code == 409
    assert Exam.objects.get().findings == "Tim đều"


def test_only_the_diagnoses_differ(world, visit):
    first, second = Desk(world, visit), Desk(world, visit)
    assert first.draft(main="I10").status_code == 204
    assert second.draft(main="E11.9").status_code == 409
    # Words without a code cannot be stored, but must not pass as seen either.
    assert second.draft(main="", main_text="tiểu đường").status_code == 409
    assert second.draft(main="", **{"main_text": "tiểu đường", "others-0-code": "I10"}).status_code == 409
    assert [row.code for row in Exam.objects.get().diagnoses.all()] == ["I10"]


def test_one_page_goes_on_for_hours(world, visit, clock):
    """Also when an answer is lost, when a diagnosis is refused, and when the panel begins the exam or changes it."""
    page = Desk(world, visit)
    page.client.post(url("exam-orders", visit), {"service": "23.0075.1494", "quantity": "1"}, headers=HTMX)
    for number in range(12):
        clock[0] = at(9 + number // 2, 30 * (number % 2))
        changes = {"findings": f"Dòng {number}", "main": ("I10", "E11.9", "R9'<")[number % 3]}
        assert page.draft(hear=number % 4 != 3, **changes).status_code == 204, number
        assert Exam.objects.get().findings == f"Dòng {number}"
    assert page.draft(hear=False, findings="Mất mạng").status_code == 204
    assert "results_pending" not in page.sign(findings="Mất mạng", main="").content.decode()
    assert "Chưa có bệnh chính" in page.page or "chưa có kết quả" in page.page
    assert page.draft(findings="Sau khi ký bị từ chối").status_code == 204


def test_the_same_words_from_two_pages_are_no_conflict(world, visit):
    first, second = Desk(world, visit), Desk(world, visit)
    assert first.draft().status_code == 204
    assert second.draft().status_code == 204
    assert second.draft(findings="Nối tiếp").status_code == 204


def test_signing_shows_both_texts_and_stores_nothing(world, visit):
    first, second = Desk(world, visit), Desk(world, visit, "doctor5")
    first.draft(findings="Tim <đều>", main="I10")
    answer = second.sign(findings="Phổi & trong", main="E11.9")
    assert answer.status_code == 409
    rows = [(row.label, row.stored, row.typed) for row in answer.context["conflict"]["rows"]]
    assert [row[:1] for row in rows] == [("Khám",), ("Chẩn đoán",)]
    assert rows[0][1:] == ("Tim <đều>", "Phổi & trong")
    assert rows[1][1].startswith("I10 ")
    assert "Tim &lt;đều&gt;" in second.page
    assert second.page.count("Phổi &amp; trong") == 2  # in its field, and beside what is stored
    stored = Exam.objects.get()
    assert (stored.findings, stored.is_signed) == ("Tim <đều>", False)
    # Once more without an answer: still refused.
    assert second.sign(findings="Phổi & trong", main="E11.9").status_code == 409
    assert second.draft(findings="Phổi & trong").status_code == 409


def test_the_doctor_keeps_what_is_typed_here(world, visit):
    first, second = Desk(world, visit), Desk(world, visit, "doctor5")
    first.draft(findings="Tim đều", main="I10")
    shown = second.sign(findings="Phổi trong", main="E11.9").context["conflict"]["stamp"]
    kept = second.sign(findings="Tim đều, phổi trong", main="E11.9", keep=shown)
    assert kept.status_code == 200
    assert "Đã giữ phần gõ ở đây" in second.page
    stored = Exam.objects.get()
    assert (stored.findings, stored.is_signed) == ("Tim đều, phổi trong", False)
    assert [row.code for row in stored.diagnoses.all()] == ["E11.9"]
    # Now the first page is the one that is behind; the second one signs.
    assert first.draft(findings="Tim đều!").status_code == 409
    second.sign(findings="Tim đều, phổi trong", main="E11.9")
    assert Exam.objects.get().is_signed


def test_keeping_is_of_what_was_shown_only(world, visit):
    first, second = Desk(world, visit), Desk(world, visit)
    first.draft(findings="Tim đều")
    shown = second.sign(findings="Phổi trong").context["conflict"]["stamp"]
    first.draft(findings="Tim đều, mạch nhanh")
    again = second.sign(findings="Phổi trong", keep=shown)
    assert again.status_code == 409
    assert again.context["conflict"]["rows"][0].stored == "Tim đều, mạch nhanh"
    assert Exam.objects.get().findings == "Tim đều, mạch nhanh"


def test_the_doctor_takes_what_is_stored(world, visit):
    first, second = Desk(world, visit), Desk(world, visit)
    first.draft(findings="Tim đều")
    second.sign(findings="Phổi trong")
    second.sign(findings="Phổi trong", take="1")
    assert "Tim đều</textarea>" in second.page
    assert "Phổi trong" not in second.page
    assert second.draft(findings="Tim đều, phổi trong").status_code == 204


def test_what_was_typed_while_another_signed_is_shown(world, visit):
    first, second = Desk(world, visit), Desk(world, visit)
    first.sign(findings="Tim đều")
    assert second.draft(findings="Phổi trong").content.decode().startswith("Lượt này đã khám và ký ở phòng này")
    answer = second.sign(findings="Phổi trong")
    assert answer.status_code == 409
    assert [(row.label, row.stored, row.typed) for row in answer.context["conflict"]["rows"]] == [
        ("Khám", "Tim đều", "Phổi trong")
    ]
    assert "chép vào bổ sung hồ sơ" in second.page
    assert Exam.objects.get().findings == "Tim đều"


def test_the_page_is_named_in_the_audit_entries(world, visit):
    page = Desk(world, visit)
    page.draft(main="I10")
    name = page.seen.partition(".")[2]
    for action in ("patients.save_exam", "patients.set_diagnoses"):
        assert AuditEntry.objects.get(action=action).facts["desk_page"] == name
