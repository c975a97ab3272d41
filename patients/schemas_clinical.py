"""What the programming interface reads and writes about examinations. Decimals as text or number, times ISO 8601."""

from datetime import date, datetime
from decimal import Decimal

from ninja import Schema
from pydantic import Field

from patients.models import Exam, Prescription, ServiceOrder
from patients.services.orders import ResultInput
from patients.services.outcomes import BEYOND, Transfer
from patients.services.safety import Reason
from patients.services.unseen import stamp_of

Amount = Decimal


class DiagnosesIn(Schema):
    """The diagnoses of an exam; an empty `main` is a draft. `seen` as in `ExamIn`."""

    main: str = ""
    others: list[str] = Field(default_factory=list, max_length=50)
    seen: str | None = Field(default=None, max_length=70)


class ExamIn(Schema):
    """Texts of the draft; what is absent stays.

    With `seen`, the stamp that the exam was answered with, a change made by somebody else since is not written over
    (`already_changed`).
    """

    reason: str | None = None
    history: str | None = None
    findings: str | None = None
    treatment: str | None = None
    advice: str | None = None
    seen: str | None = Field(default=None, max_length=70)


class TransferIn(Schema):
    """What a transfer slip says beside the exam; see `Transfer`."""

    transfer_facility_code: str
    transfer_reason_code: str = BEYOND
    transfer_reason: str = ""
    transfer_condition: str
    transfer_plan: str
    transport: str
    escort_name: str = ""
    escort_title: str = ""

    def slip(self) -> Transfer:
        return Transfer(**self.dict())


class ReasonIn(Schema):
    """Why a drug is prescribed against a warning: benefit, tolerated, timing, dose, consulted, or other with words."""

    code: str
    words: str = ""

    def reason(self) -> Reason:
        """What the services take."""
        return Reason(self.code, self.words)


class SignIn(Schema):
    """How an exam ends; a transfer needs `transfer`.

    With `send_on_room_id` the visit goes on in that exam room and the outcome is not read. `reasons` are those that a
    refusal `reason_needed` asked for, by the key of its finding. `seen` as in `ExamIn`.
    """

    outcome: str = "home"
    treatment_result_code: str = "2"
    follow_up_on: date | None = None
    transfer: TransferIn | None = None
    send_on_room_id: int | None = None
    reasons: dict[str, ReasonIn] = Field(default_factory=dict, max_length=200)
    seen: str | None = Field(default=None, max_length=70)


class DiagnosisOut(Schema):
    """One diagnosis."""

    code: str
    name: str
    is_main: bool


class ExamOut(Schema):
    """An exam as it stands; `snapshot_sha256` is filled by signing. `seen` is the stamp of its texts and diagnoses."""

    id: int
    visit_id: int
    reason: str
    history: str
    findings: str
    treatment: str
    advice: str
    outcome: str
    started_at: datetime
    signed_at: datetime | None
    snapshot_sha256: str
    diagnoses: list[DiagnosisOut]
    seen: str

    @staticmethod
    def of(exam: Exam) -> "ExamOut":
        names = [name for name in ExamOut.model_fields if name not in {"diagnoses", "seen"}]
        rows = [DiagnosisOut(code=row.code, name=row.name, is_main=row.is_main) for row in exam.diagnoses.all()]
        return ExamOut(**{name: getattr(exam, name) for name in names}, diagnoses=rows, seen=stamp_of(exam))


class OrderIn(Schema):
    """A service to order, by its code on the facility's price list. `extra_told`: the patient was told what they pay
    above the usual price."""

    service_code: str = Field(max_length=50)
    quantity: Amount = Decimal(1)
    is_insured: bool = True
    is_on_demand: bool = False
    extra_told: bool = False
    note: str = ""
    diagnosis_code: str = ""


class ResultSchema(Schema):
    """One indicator or reading; see `ResultInput`."""

    indicator_code: str = ""
    indicator_name: str = ""
    value: str = ""
    unit: str = ""
    reference: str = ""
    is_abnormal: bool | None = None
    description: str = ""
    conclusion: str = ""

    def input(self) -> ResultInput:
        return ResultInput(**self.dict())


class ResultsIn(Schema):
    """The answer to an order."""

    results: list[ResultSchema] = Field(max_length=200)
    performed_at: datetime | None = None
    device_code: str | None = None


class OrderOut(Schema):
    """An order with its results."""

    id: int
    service_code: str
    service_name: str
    quantity: Amount
    state: str
    ordered_at: datetime
    result_at: datetime | None
    results: list[ResultSchema]

    @staticmethod
    def of(order: ServiceOrder) -> "OrderOut":
        names = list(ResultSchema.model_fields)
        rows = [ResultSchema(**{name: getattr(row, name) for name in names}) for row in order.results.all()]
        return OrderOut(
            id=order.pk,
            service_code=order.service.code,
            service_name=order.service.name,
            quantity=order.quantity,
            state=order.state,
            ordered_at=order.ordered_at,
            result_at=order.result_at,
            results=rows,
        )


class LineIn(Schema):
    """One drug by its code on the facility's list; `quantity` absent means computed."""

    drug_code: str = Field(max_length=50)
    morning: Amount = Decimal(0)
    noon: Amount = Decimal(0)
    afternoon: Amount = Decimal(0)
    evening: Amount = Decimal(0)
    days: int = 1
    quantity: Amount | None = None
    usage: str = ""
    is_insured: bool = True


class PrescriptionIn(Schema):
    """All lines of a prescription."""

    lines: list[LineIn] = Field(max_length=60)
    note: str = ""
    reasons: dict[str, ReasonIn] = Field(default_factory=dict, max_length=200)


class ReplacementIn(PrescriptionIn):
    """The whole prescription that takes the place of a signed one, and why."""

    reason: str


class LineOut(LineIn):
    """A stored line."""

    drug_name: str
    unit: str
    sheet_kind: str = ""


class SheetOut(Schema):
    """One paper of a signed prescription; `code` is empty when the facility had no code of the national system."""

    id: int
    kind: str
    code: str
    valid_until: date


class PrescriptionOut(Schema):
    """A prescription; `signed_at` and `sheets` are filled by signing the exam.

    `replaces` is the number of the one whose place it took.
    """

    id: int
    number: str
    replaces: str
    note: str
    signed_at: datetime | None
    lines: list[LineOut]
    sheets: list[SheetOut]

    @staticmethod
    def of(prescription: Prescription) -> "PrescriptionOut":
        same = ("morning", "noon", "afternoon", "evening", "days", "quantity", "usage", "is_insured")
        lines = [
            LineOut(
                drug_code=line.drug.code,
                drug_name=line.drug.name,
                unit=line.drug.unit,
                sheet_kind=line.sheet.kind if line.sheet is not None else "",
                **{name: getattr(line, name) for name in same},
            )
            for line in prescription.lines.select_related("drug", "sheet")
        ]
        sheets = [
            SheetOut(id=sheet.pk, kind=sheet.kind, code=sheet.code, valid_until=sheet.valid_until)
            for sheet in prescription.sheets.all()
        ]
        names = ("number", "note", "signed_at")
        same_names = {name: getattr(prescription, name) for name in names}
        old = prescription.replaces
        replaces = old.number if old is not None else ""
        return PrescriptionOut(id=prescription.pk, lines=lines, sheets=sheets, replaces=replaces, **same_names)
