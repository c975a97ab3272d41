"""The grid of a prescription as the doctor types it. Rules are in the services; here only the reading."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from his.accounts.models import Facility
from his.catalogs.models import Drug
from his.core.errors import Refusal
from his.core.text import nfc
from his.ui.forms import NumberField
from patients.forms_clinical import row_indexes, short_text
from patients.models import Prescription, PrescriptionLine
from patients.notices import Shown
from patients.queries_clinical import drugs_by_code
from patients.services.prescriptions import LineInput


class LineForm(forms.Form):
    """One row of the prescription grid."""

    drug = forms.CharField(label="Thuốc", required=False)
    drug_text = forms.CharField(required=False, strip=False)
    morning = NumberField(label="Sáng", required=False)
    noon = NumberField(label="Trưa", required=False)
    afternoon = NumberField(label="Chiều", required=False)
    evening = NumberField(label="Tối", required=False)
    days = forms.IntegerField(
        label="Số ngày",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "num"}),
        error_messages={"required": "Ghi số ngày", "invalid": "Số ngày là số nguyên"},
    )
    quantity = NumberField(label="Số lượng", required=False)
    usage = short_text("Cách dùng")
    is_insured = forms.BooleanField(label="BHYT", required=False)

    stored: Drug | None = None
    info: "LineInfo | None" = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("morning", "noon", "afternoon", "evening", "days", "usage"):
            self.fields[name].widget.attrs["data-fill"] = name

    @classmethod
    def of(cls, line: PrescriptionLine, index: int) -> "LineForm":
        """A row as stored. The quantity is shown only when it is not the computed one."""
        doses = {name: getattr(line, name) or None for name in ("morning", "noon", "afternoon", "evening")}
        given = LineInput(line.drug, line.morning, line.noon, line.afternoon, line.evening, line.days)
        quantity = None if given.computed == line.quantity else line.quantity
        initial = {"drug": line.drug.code, "drug_text": line.drug.label, "days": line.days, "usage": line.usage}
        form = cls(
            prefix=f"lines-{index}", initial={**initial, **doses, "quantity": quantity, "is_insured": line.is_insured}
        )
        form.stored = line.drug
        return form

    @property
    def drug_code(self) -> str:
        return str(self["drug"].value() or "")

    @property
    def drug_words(self) -> str:
        return str(self["drug_text"].value() or "")

    @property
    def drug_error(self) -> str:
        return str(self.errors["drug"][0]) if self.is_bound and "drug" in self.errors else ""

    @property
    def amounts(self) -> list[forms.BoundField]:
        """The cells that hold numbers, in the order of the grid."""
        return [self[name] for name in ("morning", "noon", "afternoon", "evening", "days", "quantity")]

    @property
    def is_blank(self) -> bool:
        """A row where nothing was typed: it is left out."""
        names = ("drug", "drug_text", "morning", "noon", "afternoon", "evening", "quantity")
        return not any(str(self[name].value() or "").strip() for name in names)

    def line(self, drug: Drug) -> LineInput:
        """What `prescribe` takes."""
        data = self.cleaned_data
        return LineInput(
            drug=drug,
            morning=data["morning"] or Decimal(0),
            noon=data["noon"] or Decimal(0),
            afternoon=data["afternoon"] or Decimal(0),
            evening=data["evening"] or Decimal(0),
            days=data["days"],
            quantity=data["quantity"],
            usage=data["usage"],
            is_insured=data["is_insured"],
        )


class LineInfo:
    """What is said in a row: the computed quantity, the stock, what the rules find."""

    def __init__(self, quantity: str = "", stock: str = "", lacking: bool = False) -> None:
        self.quantity, self.stock, self.lacking = quantity, stock, lacking
        self.notices: Shown | None = None


class PrescriptionForm:
    """The grid of a prescription and its note."""

    def __init__(self, rows: Sequence[LineForm], note: str = "", error: str = "", reason: str = "") -> None:
        self.rows, self.note, self.error, self.reason = list(rows), note, error, reason
        self.reason_error = ""

    @classmethod
    def of(cls, prescription: Prescription | None) -> "PrescriptionForm":
        """The stored lines, or one empty row."""
        lines = list(prescription.lines.all()) if prescription is not None else []
        rows = [LineForm.of(line, index) for index, line in enumerate(lines)]
        return cls(rows, prescription.note if prescription is not None else "")

    @classmethod
    def read(cls, data: Mapping[str, str]) -> "PrescriptionForm":
        """The rows that were sent, in order, without those that were removed or left blank."""
        rows = [LineForm(data, prefix=f"lines-{i}") for i in row_indexes(data, "lines")]
        return cls([row for row in rows if not row.is_blank], data.get("note", ""), reason=data.get("void_reason", ""))

    def lines(self, facility: Facility, on: date) -> list[LineInput] | None:
        """What `prescribe` takes; None when something could not be read, with the error beside its field."""
        typed = [row.drug_code or nfc(row.drug_words) for row in self.rows]
        drugs = drugs_by_code(facility, typed, on)
        for row, code in zip(self.rows, typed, strict=True):
            row.is_valid()
            row.stored = drugs.get(code)
            if row.stored is None:
                row.add_error("drug", f"Chưa chọn thuốc cho “{row.drug_words or code}”" if code else "Hãy chọn thuốc")
        if any(row.errors for row in self.rows):
            return None
        return [row.line(row.stored) for row in self.rows if row.stored is not None]

    def add_refusal(self, refusal: Refusal) -> None:
        """Put a refusal of `prescribe` beside its field; on the whole form when it names none."""
        found = re.match(r"^lines-(\d+)-(\w+)$", refusal.field or "")
        if found and int(found[1]) < len(self.rows) and found[2] in LineForm.base_fields:
            self.rows[int(found[1])].add_error(found[2], refusal.message_vi)
        elif refusal.field == "reason":
            self.reason_error = refusal.message_vi
        else:
            self.error = refusal.message_vi

    @property
    def has_errors(self) -> bool:
        return bool(self.error or self.reason_error) or any(row.is_bound and row.errors for row in self.rows)

    @property
    def blank(self) -> LineForm:
        """The empty row after the others."""
        return _blank_line(self._next)

    @property
    def template_row(self) -> LineForm:
        """The row that the grid copies."""
        return _blank_line("__prefix__")

    @property
    def total(self) -> int:
        """The number of the row that the grid adds next."""
        return self._next + 1

    @property
    def _next(self) -> int:
        return max((int(str(row.prefix).rsplit("-", 1)[1]) for row in self.rows), default=-1) + 1


def _blank_line(index: int | str) -> LineForm:
    return LineForm(prefix=f"lines-{index}", initial={"is_insured": True})
