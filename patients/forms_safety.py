"""What is typed about the safety of a prescription: allergies, pregnancy, kidneys, and reasons against warnings."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django import forms

from his.core.text import nfc
from his.ui.forms import NumberField
from patients.models import HealthFacts, PatientAllergy, SafetyOverride
from patients.notices import Notice
from patients.queries_safety import HealthState
from patients.services.safety import Reason

_REASON = re.compile(r"^reason-([0-9a-f]{64})-(code|words)$")
_NOT_ASKED = [("", "Chưa hỏi")]


class SafetyForm(forms.Form):
    """One more allergy, and the answers of the person; what is left as it was is not stored again."""

    item = forms.CharField(required=False, max_length=255)
    item_text = forms.CharField(required=False, max_length=255)
    reaction = forms.ChoiceField(label="Phản ứng", choices=PatientAllergy.Reaction.choices, required=False)
    none_known = forms.BooleanField(label="Không có dị ứng đã biết", required=False)
    pregnancy = forms.ChoiceField(label="Có thai", choices=[*_NOT_ASKED, *HealthFacts.Answer.choices], required=False)
    lactation = forms.ChoiceField(
        label="Cho con bú", choices=[*_NOT_ASKED, *HealthFacts.Answer.choices], required=False
    )
    kidneys = forms.ChoiceField(
        label="Chức năng thận", choices=[("", "Chưa biết"), *HealthFacts.Kidneys.choices], required=False
    )
    egfr = NumberField(label="eGFR", required=False)

    @classmethod
    def of(cls, state: HealthState) -> "SafetyForm":
        """The answers as they stand."""
        names = ("pregnancy", "lactation", "kidneys", "egfr")
        return cls(initial={name: getattr(state, name) for name in names})

    def changed_answers(self, state: HealthState) -> dict[str, Any]:
        """The answers that differ from those that stand; the kidneys go together."""
        data = self.cleaned_data
        changed = {name: data[name] for name in ("pregnancy", "lactation") if data[name] != getattr(state, name)}
        if (data["kidneys"], data["egfr"]) != (state.kidneys, state.egfr):
            changed |= {"kidneys": data["kidneys"], "egfr": data["egfr"]}
        return {name: value for name, value in changed.items() if value not in ("", None)}


def read_reasons(data: Mapping[str, str]) -> dict[str, Reason]:
    """The reasons that were chosen, by the key of their notice."""
    parts: dict[str, dict[str, str]] = {}
    for name, value in data.items():
        if match := _REASON.match(name):
            parts.setdefault(match[1], {})[match[2]] = nfc(value)
    return {key: Reason(said.get("code", ""), said.get("words", "")) for key, said in parts.items() if said.get("code")}


def with_reasons(
    notices: Iterable[Notice], typed: Mapping[str, Reason], stored: Mapping[str, SafetyOverride]
) -> list[Notice]:
    """The notices with the reason that is typed for each, else the one that is stored."""
    found = []
    for notice in notices:
        row = stored.get(notice.key)
        reason = typed.get(notice.key) or (Reason(row.reason_code, row.words) if row is not None else None)
        told = notice.needs_reason and reason is not None
        found.append(replace(notice, reason_code=reason.code, reason_words=reason.words) if told and reason else notice)
    return found
