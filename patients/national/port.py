"""What the national prescription system must be able to do; each way to reach it is one adapter of this port.

The only place that knows which fields a sent prescription has: `Sent` and `body`, names of QĐ 808/QĐ-BYT. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

SEX: Final = {"1": 2, "2": 3}
"""The system counts 1 unknown, 2 male, 3 female, unlike every other one."""

KINDS: Final = {"C": "c", "N": "n", "H": "h", "T": "y"}
"""How QĐ 808 writes the kinds of TT 26/2025 and TT 55/2025; the code itself keeps the current letter."""

OUTPATIENT: Final = 2


class SystemUnavailable(Exception):  # noqa: N818 - not an error of the prescription: send it again later
    """The system was not reached, so nothing was taken. The message is for people, in Vietnamese."""


class AnswerLost(SystemUnavailable):
    """It may have taken the prescription: no answer came, or none that says so, such as an unknown status or code."""


class PrescriptionRejected(Exception):  # noqa: N818 - an answer
    """The system refuses the prescription and says why; nothing was taken, somebody must look at it."""


class AlreadyKnown(Exception):  # noqa: N818 - an answer
    """The system has a prescription under this code, ours or not; `checksum` is of what it has, empty when not said."""

    def __init__(self, message_vi: str, checksum: str = "") -> None:
        super().__init__(message_vi)
        self.checksum = checksum


@dataclass(frozen=True, slots=True)
class SentDiagnosis:
    """One diagnosis of the exam."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class SentLine:
    """One drug: `name` is the international name with strength, `brand` the trade name; both are never empty."""

    code: str
    brand: str
    name: str
    unit: str
    quantity: Decimal
    usage: str


@dataclass(frozen=True, slots=True)
class Course:
    """The days for which drugs of a paper are taken; `decoctions` of herbs, else 0."""

    number: int
    first_day: date
    last_day: date
    decoctions: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """One paper of a prescription as it is sent. `doctor` is who signed, by the number of the practice licence."""

    code: str
    kind: str
    facility_code: str
    doctor: str
    patient_name: str
    born_on: date
    sex: str
    weight_kg: Decimal | None
    citizen_id: str
    card_number: str
    address: str
    phone: str
    guardian: str
    diagnoses: tuple[SentDiagnosis, ...]
    lines: tuple[SentLine, ...]
    course: Course | None
    advice: str
    follow_up_days: int | None
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """The system's answer to a prescription that it took."""

    checksum: str


class PrescriptionSystem(Protocol):
    """One way to reach the system. Only what it says for certain is an answer."""

    def send(self, sent: Sent, *, at: datetime) -> Receipt:
        """Hand a prescription over. Raises SystemUnavailable, AnswerLost, PrescriptionRejected or AlreadyKnown."""
        ...

    def is_checksum_of(self, body: Mapping[str, Any], checksum: str) -> bool:
        """Whether a checksum that the system gave is of this body; False when that cannot be known."""
        ...


def body(sent: Sent) -> dict[str, Any]:
    """The prescription as the interface of the system writes it (QĐ 808/QĐ-BYT); `signed_at` is Vietnamese time."""
    found: dict[str, Any] = {
        "loai_don_thuoc": KINDS[sent.kind],
        "ma_don_thuoc": sent.code,
        "ho_ten_benh_nhan": sent.patient_name,
        "ngay_sinh_benh_nhan": f"{sent.born_on:%d/%m/%Y}",
        "gioi_tinh": SEX.get(sent.sex, 1),
        "can_nang": "" if sent.weight_kg is None else _number(sent.weight_kg),
        "dia_chi": sent.address,
        "ma_dinh_danh_y_te": "",
        "ma_dinh_danh_cong_dan": sent.citizen_id,
        "ma_so_the_bao_hiem_y_te": sent.card_number,
        "thong_tin_nguoi_giam_ho": sent.guardian,
        "chan_doan": [{"ma_chan_doan": one.code, "ten_chan_doan": one.name, "ket_luan": ""} for one in sent.diagnoses],
        "luu_y": "",
        "hinh_thuc_dieu_tri": OUTPATIENT,
        "thong_tin_don_thuoc": [
            {
                "ma_thuoc": line.code,
                "biet_duoc": line.brand,
                "ten_thuoc": line.name,
                "don_vi_tinh": line.unit,
                "so_luong": _number(line.quantity),
                "cach_dung": line.usage,
            }
            for line in sent.lines
        ],
        "loi_dan": sent.advice,
        "so_dien_thoai_nguoi_kham_benh": sent.phone,
        "ngay_tai_kham": "" if sent.follow_up_days is None else sent.follow_up_days,
        "ngay_gio_ke_don": f"{sent.signed_at:%Y-%m-%d %H:%M:%S}",
        "ma_lien_thong_co_so_kham_chua_benh": sent.facility_code,
        "ma_bac_si": sent.doctor,
        "signature": "",
    }
    if sent.course is not None:
        found["dot_dung_thuoc"] = {
            "dot": sent.course.number,
            "tu_ngay": f"{sent.course.first_day:%d/%m/%Y}",
            "den_ngay": f"{sent.course.last_day:%d/%m/%Y}",
            "so_thang_thuoc": sent.course.decoctions,
        }
    return found


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"
