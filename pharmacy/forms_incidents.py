"""What is typed for a report of lost drugs under special control."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms

from his.ui.forms import MomentField
from pharmacy.incidents import RowText, readable
from pharmacy.models import ControlledIncident

ADDRESSEE = "Sở Y tế"


class IncidentForm(forms.Form):
    """Kind, when it was noticed, and three cells beside each drug, named by the line of the document."""

    kind = forms.ChoiceField(label="Loại", choices=ControlledIncident.Kind.choices)
    found_at = MomentField(label="Phát hiện lúc", error_messages={"required": "Hãy gõ lúc phát hiện"})

    def __init__(self, *args: Any, rows: Sequence[Mapping[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.drugs = [dict(row) for row in rows]
        for row in self.drugs:
            labels = {"cause": "Lý do", "measure": "Biện pháp xử lý", "note": "Ghi chú"}
            for name, label in labels.items():
                self.fields[f"{name}-{row['line']}"] = forms.CharField(
                    label=f"{label} {row['name']}", max_length=500, required=False, initial=row[name]
                )

    def drug_cells(self) -> list[dict[str, Any]]:
        """Each drug with its three cells, for the grid."""
        return [
            readable(row) | {"cells": [self[f"{name}-{row['line']}"] for name in ("cause", "measure", "note")]}
            for row in self.drugs
        ]

    def noticed_at(self) -> datetime:
        """The time of noticing as it was typed, or the one that stood there before."""
        if self.is_bound and "found_at" not in self.errors:
            typed: datetime = self.cleaned_data["found_at"]
            return typed
        known: datetime = self.initial["found_at"]
        return known

    def texts(self) -> dict[int, RowText]:
        """What was typed beside each line of the document."""
        data = self.cleaned_data
        return {
            row["line"]: RowText(*(data[f"{name}-{row['line']}"] for name in ("cause", "measure", "note")))
            for row in self.drugs
        }


class SentForm(forms.Form):
    """Under which number a report went out, to whom and when."""

    sent_no = forms.CharField(label="Số công văn", max_length=50, error_messages={"required": "Hãy ghi số công văn"})
    sent_to = forms.CharField(
        label="Nơi nhận", max_length=255, initial=ADDRESSEE, error_messages={"required": "Hãy ghi nơi nhận"}
    )
    sent_at = MomentField(label="Gửi lúc", error_messages={"required": "Hãy gõ lúc gửi"})
