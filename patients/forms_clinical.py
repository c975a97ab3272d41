"""What the doctor and the technician type. Rules are in the services; here only the reading of what was typed."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from his.accounts.models import Facility, Room
from his.catalogs import queries as catalogs
from his.catalogs.models import PricedService
from his.core.codes import ICD10, clean_code
from his.core.errors import Refusal
from his.core.text import nfc
from his.ui.forms import DayField, NumberField
from patients.models import Exam, Visit, VitalSigns
from patients.services.outcomes import BEYOND, NEEDS, TRANSFER_FIELDS, TRANSFERS, Transfer, proposed

LINES_MAX = 60
SEND_ON = "send_on"
"""The choice among the outcomes that is none: the visit goes on in another room."""
TREATMENT_RESULTS = (
    ("1", "Khỏi"),
    ("2", "Đỡ"),
    ("3", "Không thay đổi"),
    ("4", "Nặng hơn"),
    ("5", "Tử vong"),
    ("6", "Tiên lượng nặng xin về"),
    ("7", "Chưa xác định"),
    ("8", "Tử vong ngoại viện"),
)

TRANSFER_REASONS = (
    (BEYOND, "Vượt khả năng của cơ sở"),
    (NEEDS, "Đúng quy định chuyển"),
)


def long_text(label: str, rows: int, **attrs: str) -> forms.CharField:
    """A free text; the service limits its length."""
    widget = forms.Textarea(attrs={"rows": rows, "spellcheck": "false", **attrs})
    return forms.CharField(label=label, required=False, strip=False, widget=widget)


def short_text(label: str, **attrs: Any) -> forms.CharField:
    """A text of one line; the service limits its length."""
    return forms.CharField(
        label=label, required=False, strip=False, widget=forms.TextInput(attrs={"autocomplete": "off", **attrs})
    )


def row_indexes(data: Mapping[str, str], prefix: str) -> list[int]:
    """The rows of a grid that were sent and not removed, in order, at most as many as a grid takes."""
    shape = re.compile(rf"{prefix}-(\d+)-")
    sent = sorted({int(found[1]) for name in data if (found := shape.match(name))})
    return [index for index in sent[:LINES_MAX] if not data.get(f"{prefix}-{index}-DELETE")]


class ExamForm(forms.Form):
    """The texts and the outcome of an exam. Everything is optional while it is a draft."""

    reason = short_text("Lý do khám")
    history = long_text("Bệnh sử, tiền sử", 5, **{"data-focus": ""})
    findings = long_text("Khám", 5)
    treatment = short_text("Phương pháp điều trị")
    advice = short_text("Lời dặn")
    outcome = forms.ChoiceField(
        label="Xử trí",
        choices=[*Exam.Outcome.choices, (SEND_ON, "Chuyển phòng khám")],
        required=False,
        initial="home",
    )
    send_on_to = forms.CharField(label="Chuyển đến phòng", required=False, widget=forms.Select)
    treatment_result_code = forms.ChoiceField(
        label="Kết quả điều trị", choices=TREATMENT_RESULTS, required=False, initial="2"
    )
    follow_up_on = DayField(label="Ngày hẹn", required=False)
    transfer_facility_code = short_text("Mã nơi chuyển đến", inputmode="numeric")
    transfer_reason_code = forms.ChoiceField(label="Lý do chuyển", choices=TRANSFER_REASONS, required=False)
    transfer_condition = short_text("Tình trạng lúc chuyển")
    transfer_plan = short_text("Hướng điều trị")
    transport = short_text("Phương tiện vận chuyển", list="transports")
    escort_name = short_text("Người hộ tống")
    escort_title = short_text("Chức danh người hộ tống", list="escort-titles")
    transfer_reason = short_text("Ghi rõ lý do chuyển")

    def offer_rooms(self, rooms: Sequence[Room]) -> None:
        """Rooms to send the person on to; without any, that outcome is not offered."""
        outcome = self.fields["outcome"]
        assert isinstance(outcome, forms.ChoiceField)
        names = [(str(room.pk), f"{room.code} · {room.name}") for room in rooms]
        self.fields["send_on_to"].widget = forms.Select(choices=[("", "Chọn phòng"), *names])
        if not rooms:
            outcome.choices = list(Exam.Outcome.choices)

    def room_to_send_to(self, rooms: Sequence[Room]) -> Room | None:
        """The room that was chosen with the outcome; None for any other outcome. Refuses a missing or unknown room."""
        if self.cleaned_data.get("outcome") != SEND_ON:
            return None
        room = next((room for room in rooms if str(room.pk) == self.cleaned_data.get("send_on_to")), None)
        if room is None:
            raise Refusal("send_on", "Chọn phòng khám chuyển đến", field="send_on_to")
        return room

    @classmethod
    def of(cls, visit: Visit, exam: Exam | None, vitals: VitalSigns | None) -> "ExamForm":
        """The form as the draft has it, else as an exam of the visit begins; a transfer slip is proposed."""
        slip = proposed(visit, vitals)
        initial: dict[str, Any] = {name: getattr(slip, name) for name in TRANSFER_FIELDS}
        initial |= {"outcome": Exam.Outcome.HOME, "treatment_result_code": "2", "reason": visit.reason}
        if exam is None:
            return cls(initial=initial)
        draft = {name: getattr(exam, name) for name in cls.base_fields if name != "send_on_to"}
        if exam.outcome in TRANSFERS:
            return cls(initial=draft)
        kept = {name: value for name, value in draft.items() if value or name not in initial or name == "reason"}
        return cls(initial=initial | kept)

    def draft(self) -> dict[str, Any]:
        """Arguments of `save_exam`; a day that cannot be read yet is left as it was."""
        apart = {"send_on_to", *TRANSFER_FIELDS}
        values = {
            name: self.cleaned_data[name] for name in self.base_fields if name in self.cleaned_data.keys() - apart
        }
        if values.get("outcome") in TRANSFERS:
            values["transfer"] = {
                name: self.cleaned_data[name] for name in TRANSFER_FIELDS if name in self.cleaned_data
            }
        if values.get("outcome") == SEND_ON:
            del values["outcome"]
        if "follow_up_on" in values and values["follow_up_on"] is None:
            values["clear_follow_up"] = True
        return values

    def outcome_values(self) -> dict[str, Any]:
        """Arguments of `sign_exam`; with a room to send to the outcome is not read."""
        values = {name: self.cleaned_data.get(name) for name in ("outcome", "treatment_result_code", "follow_up_on")}
        slip = {name: self.cleaned_data.get(name, "") for name in TRANSFER_FIELDS}
        return values | {"transfer": Transfer(**slip)}


class DiagnosisRow:
    """One diagnosis as typed: the code that was chosen, or words for which no row was chosen."""

    def __init__(self, code: str = "", text: str = "", error: str = "", index: str = "") -> None:
        self.code, self.text, self.error, self.index = code, text, error, index


class DiagnosisForm:
    """The main diagnosis and the others, with the words beside the codes, as the search boxes send them."""

    def __init__(self, main: DiagnosisRow, others: Sequence[DiagnosisRow]) -> None:
        self.main, self.others = main, list(others)

    @classmethod
    def of(cls, exam: Exam | None) -> "DiagnosisForm":
        """The diagnoses that are stored."""
        rows = list(exam.diagnoses.all()) if exam is not None else []
        main = next((row for row in rows if row.is_main), None)
        return cls(
            DiagnosisRow(main.code, f"{main.code} {main.name}") if main else DiagnosisRow(),
            [
                DiagnosisRow(row.code, f"{row.code} {row.name}", index=str(i))
                for i, row in enumerate(r for r in rows if not r.is_main)
            ],
        )

    @classmethod
    def read(cls, data: Mapping[str, str], on: date) -> "DiagnosisForm":
        """What was sent. Words that are themselves a code ("I10") are taken as that code."""
        others = [
            DiagnosisRow(data.get(f"others-{i}-code", ""), data.get(f"others-{i}-code_text", ""), index=str(i))
            for i in row_indexes(data, "others")
        ]
        form = cls(DiagnosisRow(data.get("main", ""), data.get("main_text", "")), others)
        for row in [form.main, *form.others]:
            _resolve(row, on)
        form.others = [row for row in form.others if row.code or row.text.strip()]
        return form

    @property
    def is_valid(self) -> bool:
        return not any(row.error for row in [self.main, *self.others])

    @property
    def next_index(self) -> str:
        """The number of the empty row after the others."""
        return str(max((int(row.index) for row in self.others), default=-1) + 1)

    @property
    def total(self) -> int:
        """The number of the row that the grid adds next."""
        return int(self.next_index) + 1

    @property
    def codes(self) -> list[str]:
        """Codes of the others, in order."""
        return [row.code for row in self.others if row.code]

    def add_refusal(self, refusal: Refusal) -> bool:
        """Put a refusal beside the row it is about. False when it is about none of them."""
        if refusal.field == "main":
            self.main.error = refusal.message_vi
            return True
        if refusal.field != "others":
            return False
        wrong = refusal.facts.get("wrong", "")
        row = next((row for row in reversed(self.others) if clean_code(row.code) == wrong), None)
        (row or (self.others[-1] if self.others else self.main)).error = refusal.message_vi
        return True


def _resolve(row: DiagnosisRow, on: date) -> None:
    row.code, row.text = nfc(row.code), nfc(row.text)
    if row.code or not row.text:
        return
    typed = row.text.split()[0].upper()
    try:
        known = catalogs.diagnosis_on(typed, on) if ICD10.match(typed) else None
    except Refusal:
        known = None
    if known is None:
        row.error = f"Chưa chọn mã bệnh cho “{row.text}”"
    else:
        row.code, row.text = known.code, f"{known.code} {known.name}"


class AmendForm(forms.Form):
    """A correction after signing."""

    text = long_text("Nội dung bổ sung", 3)
    reason = short_text("Lý do")


class OrderForm(forms.Form):
    """One service to order."""

    service = forms.CharField(label="Dịch vụ", required=False)
    service_text = forms.CharField(required=False, strip=False)
    quantity = NumberField(label="Số lượng", initial=Decimal(1))
    note = short_text("Ghi chú")
    is_insured = forms.BooleanField(label="BHYT", required=False)
    is_on_demand = forms.BooleanField(label="Theo yêu cầu", required=False)
    extra_told = forms.BooleanField(label="Đã báo người bệnh", required=False)

    chosen: PricedService

    def read_service(self, facility: Facility, on: date) -> bool:
        """Find the chosen service on the list of the day; else say so beside the box."""
        typed = nfc(self.cleaned_data.get("service", "") or self.cleaned_data.get("service_text", ""))
        if not typed:
            self.add_error("service", "Hãy chọn một dịch vụ")
            return False
        try:
            self.chosen = catalogs.service_on(facility, typed[:50], on)
        except Refusal:
            self.add_error("service", f"Chưa chọn dịch vụ cho “{typed}”")
            return False
        return True
