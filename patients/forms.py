"""Forms of the reception and triage desks. They read what was typed; whether it may be stored, the services decide."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.urls import reverse_lazy

from his.accounts.models import Room
from his.catalogs import queries as catalogs
from his.catalogs.models import AdministrativeUnit, Sex
from his.core import dates
from his.core.codes import clean_code, identity_kind
from his.core.dates import BirthDate
from his.core.errors import Refusal
from his.ui.forms import DayField, NumberField, add_refusal
from his.ui.text import money_text
from patients.models import InsuranceCard, Patient, Route, Source
from patients.scan import Scan

_OFF = {"autocomplete": "off", "spellcheck": "false"}
# Whose visits come first by age: under six, and from 75 on (Luật KCB 2023 Đ3 k4).
_PRIORITY_BELOW, _PRIORITY_FROM = 6, 75
CARD_FIELDS = (
    "card_number",
    "card_registered_facility_code",
    "card_valid_from",
    "card_valid_to",
    "card_area_code",
    "card_five_years_from",
)


class BirthField(forms.CharField):
    """A birth date typed as `15031954`, `03/1954`, `1954` or `72t`; gives a `BirthDate` as precise as that."""

    def __init__(self, *, on: date, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.on = on

    def clean(self, value: Any) -> BirthDate:
        typed = super().clean(value)
        try:
            return dates.parse_birth(typed, on=self.on)
        except ValueError as wrong:
            raise forms.ValidationError(str(wrong), code="birth") from None

    def prepare_value(self, value: Any) -> Any:
        return value.text() if isinstance(value, BirthDate) else value


def _text(label: str, limit: int, *, required: bool = False, **attrs: str) -> forms.CharField:
    # The service says how long a text may be and keeps what was typed; the widget only stops a paste by mistake.
    widget = forms.TextInput(attrs={**_OFF, **attrs})
    return forms.CharField(label=label, required=required, max_length=limit, widget=widget)


def _room_text(room: Room) -> str:
    """A room as `exam_rooms` gives it: who waits, and what its exam costs an insured patient above the fund's price."""
    text = f"{room.code} · {room.name} · {getattr(room, 'waiting_count', None) or 0} chờ"
    extra = getattr(room, "exam_extra", None) or 0
    return f"{text} · BHYT trả thêm {money_text(extra)} đ" if extra > 0 else text


class VisitForm(forms.Form):
    """The visit, and a card that is not stored yet."""

    card_number = _text("Mã thẻ BHYT", 30)
    card_registered_facility_code = _text("Nơi ĐK (mã)", 10, inputmode="numeric")
    card_valid_from = DayField(label="Giá trị từ", required=False)
    card_valid_to = DayField(label="Đến ngày", required=False)
    card_area_code = forms.ChoiceField(
        label="KV", required=False, choices=[("", "–"), ("K1", "K1"), ("K2", "K2"), ("K3", "K3")]
    )
    card_five_years_from = DayField(label="Đủ 5 năm từ", required=False)
    card_issued_on = DayField(required=False, widget=forms.HiddenInput)

    room = forms.ModelChoiceField(label="Phòng khám", queryset=Room.objects.none(), empty_label=None)
    visit_type = forms.ChoiceField(label="Loại hình")
    route = forms.ChoiceField(
        label="Đường đến", required=False, choices=[("", "Theo nơi đăng ký trên thẻ"), *Route.choices]
    )
    referral_facility_code = _text("Mã nơi chuyển đến", 10, inputmode="numeric")
    referral_number = _text("Số giấy chuyển/hẹn", 60)
    injury_code = forms.ChoiceField(label="Tai nạn", required=False)
    reason = _text("Lý do đến khám", 1000)
    commune = forms.CharField(label="Xã, phường nơi ở", required=False, max_length=10, widget=forms.HiddenInput)
    commune_text = forms.CharField(required=False, max_length=300, widget=forms.HiddenInput)
    priority = forms.BooleanField(label="Ưu tiên", required=False)
    confirm_second = forms.BooleanField(label="Vẫn mở thêm lượt khám hôm nay", required=False)
    source = forms.ChoiceField(required=False, choices=Source.choices, widget=forms.HiddenInput)
    key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        on: date,
        rooms: Sequence[Room],
        visit_types: Sequence[tuple[str, str]],
        injuries: Iterable[tuple[str, str]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.on = on
        room = self.fields["room"]
        assert isinstance(room, forms.ModelChoiceField)
        room.queryset = Room.objects.filter(pk__in=[r.pk for r in rooms]).select_related("facility", "department")
        names = [(r.pk, _room_text(r)) for r in rooms]
        room.widget = forms.Select(choices=names, attrs={"size": min(max(len(rooms), 2), 8)})
        room.error_messages["required"] = "Hãy chọn phòng khám"
        self._choose("visit_type", visit_types)
        self._choose("injury_code", [("", "Không"), *injuries])

    def _choose(self, name: str, choices: Iterable[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(choices)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("card_number"):
            for name, message in (
                ("card_registered_facility_code", "Ghi nơi đăng ký KCB ban đầu trên thẻ"),
                ("card_valid_from", "Ghi ngày bắt đầu có giá trị trên thẻ"),
            ):
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, message)
        elif any(cleaned.get(name) for name in CARD_FIELDS[1:]) and "card_number" not in self.errors:
            self.add_error("card_number", "Ghi mã thẻ, hoặc xóa các ô còn lại của thẻ")
        self._find_commune(cleaned)
        return cleaned

    def _find_commune(self, cleaned: dict[str, Any]) -> None:
        """The codes of the chosen commune; words without a choice are told, not dropped."""
        code, typed = cleaned.get("commune", ""), cleaned.get("commune_text", "")
        unit = catalogs.commune_on(code, self.on)
        cleaned["commune_code"], cleaned["province_code"] = (unit.code, unit.parent_code) if unit else ("", "")
        if unit is None and (code or typed):
            self.add_error("commune", f"Chưa chọn xã, phường cho “{typed or code}”")

    @property
    def commune_words(self) -> str:
        """What stands in the box of the commune."""
        return str(self["commune_text"].value() or "")

    def refuse(self, refusal: Refusal) -> None:
        """Put a refusal of the services beside the field of this form that it is about."""
        field = refusal.field
        if field == "card" and "card" not in self.fields:
            field = "card_valid_to" if refusal.code == "card_expired" else "card_number"
        add_refusal(self, Refusal(refusal.code, refusal.message_vi, field=field))

    begins_at_commune = False

    def focus_first_gap(self, *names: str) -> None:
        """Begin in the first of these fields that is empty, else at the room."""
        name = next((name for name in names if not self[name].value()), "room")
        self.fields[name].widget.attrs["data-focus"] = ""
        self.begins_at_commune = name == "commune"

    @property
    def shows_card(self) -> bool:
        """Whether the fields of a new card should be open."""
        return any(self[name].value() or self.errors.get(name) for name in CARD_FIELDS)

    @property
    def shows_more(self) -> bool:
        """Whether the seldom used fields of the visit should be open."""
        return any(self[name].value() or self.errors.get(name) for name in ("referral_number", "injury_code"))


class NewPatientForm(VisitForm):
    """A person who is not registered here, with card and visit: one form, one key."""

    full_name = _text("Họ và tên", 300, required=True)
    birth = forms.CharField(label="Ngày sinh")
    sex = forms.ChoiceField(label="Giới tính", choices=[("", "Chọn"), *Sex.choices])
    citizen_id = _text("Số định danh, hộ chiếu", 30)
    phone = _text("Điện thoại", 30, inputmode="tel")
    address = _text("Địa chỉ", 600)
    social_insurance_no = _text("Mã số BHXH", 20, inputmode="numeric")
    old_id_number = _text("CMND cũ", 20, inputmode="numeric")
    ethnicity_code = forms.ChoiceField(label="Dân tộc", required=False)
    occupation_code = forms.ChoiceField(label="Nghề nghiệp", required=False)
    nationality_code = _text("Quốc tịch (mã)", 3, inputmode="numeric")
    guardian_name = _text("Cha, mẹ, người giám hộ", 300)
    guardian_phone = _text("Điện thoại người giám hộ", 30, inputmode="tel")
    allergies = _text("Dị ứng", 600)
    field_order = ("full_name", "birth", "sex", "citizen_id", "phone", "address")
    confirm_duplicate = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        ethnicities: Sequence[tuple[str, str]] = (),
        occupations: Sequence[tuple[str, str]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        attrs = {
            **_OFF,
            "placeholder": "15031954, 1954, 72t",
            "hx-post": reverse_lazy("reception-birth"),
            "hx-trigger": "change",
            "hx-target": "#birth_words",
            "aria-describedby": "birth_words",
        }
        self.fields["birth"] = BirthField(
            label="Ngày sinh", max_length=30, on=self.on, widget=forms.TextInput(attrs=attrs)
        )
        identity = self.fields["citizen_id"].widget.attrs
        identity |= {
            "hx-post": reverse_lazy("reception-identity"),
            "hx-trigger": "change",
            "hx-target": "#identity_words",
            "aria-describedby": "identity_words",
        }
        self._choose("ethnicity_code", ethnicities or [("01", "Kinh")])
        self._choose("occupation_code", occupations or [("00", "Không xác định")])
        for name, message in (("full_name", "Hãy ghi họ và tên"), ("birth", "Hãy ghi ngày sinh, năm sinh hoặc tuổi")):
            self.fields[name].error_messages["required"] = message
        self.fields["sex"].error_messages["required"] = "Hãy chọn giới tính"

    @property
    def shows_person_more(self) -> bool:
        """Whether the seldom used fields of the person should be open."""
        named = ("guardian_name", "guardian_phone", "allergies")
        checked = (*named, "old_id_number", "social_insurance_no", "ethnicity_code", "occupation_code")
        return any(self[name].value() for name in named) or any(
            self.errors.get(name) for name in (*checked, "nationality_code")
        )

    @property
    def identity_words(self) -> str:
        """What paper the number is of, for the line under the box."""
        return identity_words(str(self["citizen_id"].value() or ""))


class KnownPatientForm(VisitForm):
    """A registered person: which card, and the two facts that change most."""

    card = forms.ChoiceField(label="Khám bằng thẻ", required=False)
    phone = _text("Điện thoại", 30, inputmode="tel")
    address = _text("Địa chỉ", 600)

    def __init__(self, *args: Any, cards: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choose("card", [*cards, ("", "Không dùng thẻ, tự trả viện phí")])


class CancelForm(forms.Form):
    """Why a visit is cancelled."""

    reason = _text("Lý do hủy", 600, required=True)


class VitalsForm(forms.Form):
    """One set of vital signs; all optional, at least one is wanted by the service."""

    pulse = NumberField(label="Mạch", required=False)
    temperature = NumberField(label="Nhiệt độ", required=False)
    systolic = NumberField(label="Huyết áp tối đa", required=False)
    diastolic = NumberField(label="Huyết áp tối thiểu", required=False)
    respiration = NumberField(label="Nhịp thở", required=False)
    oxygen_saturation = NumberField(label="SpO2", required=False)
    weight_kg = NumberField(label="Cân nặng", required=False)
    height_cm = NumberField(label="Chiều cao", required=False)

    UNITS = {
        "pulse": "lần/phút",
        "temperature": "°C",
        "systolic": "mmHg",
        "diastolic": "mmHg",
        "respiration": "lần/phút",
        "oxygen_saturation": "%",
        "weight_kg": "kg",
        "height_cm": "cm",
    }

    def __init__(self, *args: Any, begin: str = "pulse", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[begin].widget.attrs["data-focus"] = ""

    def rows(self) -> list[tuple[forms.BoundField, str]]:
        """Fields with their units, in the order of the paper form."""
        return [(self[name], unit) for name, unit in self.UNITS.items()]


_PAPERS = {"citizen": "Căn cước công dân", "passport": "Hộ chiếu Việt Nam", "foreign": "Giấy tờ nước ngoài"}


def identity_words(number: str, *, is_foreigner: bool = False) -> str:
    """The paper that a number is of, in words; empty when it is of none."""
    return _PAPERS.get(identity_kind(clean_code(number), is_foreigner=is_foreigner), "")


def has_priority_age(birth: BirthDate, on: date) -> bool:
    """Whether the age alone gives priority; only the year may be known."""
    age = dates.age_years(birth.value, on)
    return age < _PRIORITY_BELOW or age >= _PRIORITY_FROM


def person_initial(scan: Scan, on: date, *, ethnicities: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """What a scan already says of a new person and their card: it is never asked again."""
    names = ("full_name", "birth", "sex", "citizen_id", "old_id_number", "social_insurance_no", "address", "phone")
    initial: dict[str, Any] = {name: getattr(scan, name) for name in names}
    initial["guardian_name"] = scan.guardian_name
    if scan.kind == "name":
        initial["full_name"] = " ".join(word for word in scan.full_name.split() if not word.isdigit())
    initial["ethnicity_code"] = _ethnicity(scan.ethnicity, ethnicities)
    initial |= {"occupation_code": "00", "nationality_code": "000", **commune_initial(scan.address, on)}
    initial["priority"] = bool(scan.birth and has_priority_age(scan.birth, on))
    return {**initial, **card_initial(scan)}


def _ethnicity(name: str, ethnicities: Sequence[tuple[str, str]]) -> str:
    wanted = name.casefold()
    return next((code for code, text in ethnicities if text.casefold() == wanted), "01")


def card_initial(scan: Scan) -> dict[str, Any]:
    """What a scan says of a card."""
    return {
        "card_number": scan.card_number,
        "card_registered_facility_code": scan.registered_facility_code,
        "card_valid_from": scan.valid_from,
        "card_valid_to": scan.valid_to,
        "card_area_code": scan.area_code,
        "card_five_years_from": scan.five_years_from,
        "card_issued_on": scan.card_issued_on,
        "source": scan.source,
    }


def commune_initial(address: str, on: date) -> dict[str, str]:
    """The commune that an address names beyond doubt, as the box shows it; nothing otherwise."""
    return _commune(catalogs.commune_of_address(address, on=on) if address else None, on)


def _commune(unit: AdministrativeUnit | None, on: date) -> dict[str, str]:
    if unit is None:
        return {}
    return {"commune": unit.code, "commune_text": catalogs.commune_names([unit], on=on)[unit.code]}


def known_initial(patient: Patient, card: InsuranceCard | None, on: date, address: str = "") -> dict[str, Any]:
    """What is known of a registered person for a visit on the day; `address` is that of the scanned paper."""
    stored = _commune(catalogs.commune_on(patient.commune_code, on), on)
    return {
        **(stored or commune_initial(address or patient.address, on)),
        "card": str(card.pk) if card else "",
        "phone": patient.phone,
        "address": patient.address,
        "priority": has_priority_age(patient.birth, on),
        "source": Source.TYPED,
    }


def carried(data: Mapping[str, Any], *, with_card: bool = True) -> dict[str, Any]:
    """The visit, and the card, of a form that was typed, to go on with a registered person."""
    names = ("room", "visit_type", "route", "referral_facility_code", "referral_number", "injury_code", "reason")
    of_card = (*CARD_FIELDS, "card_issued_on", "source") if with_card else ()
    return {name: data[name] for name in (*names, *of_card) if data.get(name)}
