"""What is typed at the registers desk: a line, its fields made from the columns of the register, and a span of days."""

from collections.abc import Mapping
from datetime import date
from itertools import groupby
from typing import Any

from django import forms

from his.core.errors import Refusal
from his.ui.forms import DayField
from reports.registers.definition import Column, Register
from reports.registers.values import LONGEST, LONGEST_TEXT, YES_NO, read_cell, shown_cell

DAY = "entered_on"
_WIDTHS = {"number": "w-s", "date": "w-s", "birth": "w-s", "yesno": "w-s", "long": "w-full", "person": "w-m"}
_LONG_HEADING = 24  # characters


class EntryForm(forms.Form):
    """One line of a register. `patient` is the key of a known person; cells are checked by the rules of the columns."""

    entered_on = DayField()
    patient = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, register: Register, is_correction: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register = register
        self.fields[DAY].label = register.day_heading
        for column in register.columns:
            self.fields[column.key] = _field(column)
        if is_correction:
            self.fields["reason"] = forms.CharField(label="Lý do sửa", max_length=500)

    def clean(self) -> dict[str, Any]:
        """Read every cell as the service will, so that all faults are shown at once."""
        on: date | None = self.cleaned_data.get(DAY)
        if on is None:
            return self.cleaned_data
        for column in self.register.columns:
            try:
                read_cell(column, self.cleaned_data.get(column.key) or "", on=on)
            except ValueError as wrong:
                self.add_error(column.key, str(wrong))
        return self.cleaned_data

    def typed(self) -> dict[str, str]:
        """What was typed by column."""
        return {key: self.cleaned_data.get(key) or "" for key in self.register.keys}

    def sections(self) -> list[tuple[str, list[tuple[Column, forms.BoundField, str]]]]:
        """(group, columns with their fields and widths) in the order of the register."""
        found = []
        for group, columns in groupby(self.register.columns, key=lambda column: column.group):
            found.append((group, [(column, self[column.key], _width(column)) for column in columns]))
        return found


def _width(column: Column) -> str:
    """The class of a field's width: an address and a long heading need more than three of the twelve columns."""
    usual = "w-l" if column.fill == "address" else "w-m" if len(column.heading) > _LONG_HEADING else ""
    return _WIDTHS.get(column.kind, usual)


def _field(column: Column) -> forms.Field:
    """Never required by the form itself: the rules of the column refuse an empty cell in the same words everywhere."""
    shown: dict[str, Any] = {"label": column.heading, "required": False, "help_text": column.hint}
    fill = {"data-fill": column.fill} if column.fill and column.kind != "person" else {}
    field: forms.Field
    if column.kind in {"choice", "yesno"}:
        choices = YES_NO if column.kind == "yesno" else [(word, word) for word in column.choices]
        field = forms.ChoiceField(choices=[("", ""), *choices], widget=forms.Select(attrs=fill), **shown)
    else:
        attrs = {**fill, "autocomplete": "off"}
        if column.kind in {"number", "date"}:
            attrs |= {"inputmode": "decimal" if column.kind == "number" else "numeric"}
            attrs |= {"data-day": ""} if column.kind == "date" else {"class": "num"}
        widget = forms.Textarea if column.kind == "long" else forms.TextInput
        field = forms.CharField(max_length=LONGEST.get(column.kind, LONGEST_TEXT), widget=widget(attrs=attrs), **shown)
    field.widget.is_required = column.is_required
    return field


def shown_values(register: Register, stored: Mapping[str, str]) -> dict[str, str]:
    """Stored cells as they are typed again: choices by their code, all else as people read it."""
    return {
        column.key: stored.get(column.key, "")
        if column.kind in {"yesno", "choice"}
        else shown_cell(column, stored.get(column.key, ""))
        for column in register.columns
    }


class SpanForm(forms.Form):
    """Which days of a register."""

    start = DayField()
    end = DayField()


def span_of(given: Mapping[str, str], today: date) -> tuple[date, date]:
    """The days that an address names; by default this month up to today. Refuses what is no day."""
    usual = {"start": f"{today.replace(day=1):%d/%m/%Y}", "end": f"{today:%d/%m/%Y}"}
    form = SpanForm({name: given.get(name) or day for name, day in usual.items()})
    if not form.is_valid():
        raise Refusal("span", "Ngày gõ dạng 22112026 hoặc 22/11/2026", field=next(iter(form.errors)))
    return form.cleaned_data["start"], form.cleaned_data["end"]


class CancelForm(forms.Form):
    """Why a line is cancelled."""

    cancel_reason = forms.CharField(label="Lý do hủy", max_length=500)
