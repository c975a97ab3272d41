"""What rows that the facts make are called, where a code alone tells nobody: `names` of a form's `[grid]`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models.functions import Left

from his.catalogs.models import Diagnosis
from reports.datasets.base import Query
from reports.grid.placing import SEPARATOR


def _diagnosis_names(query: Query, labels: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Names of three-character codes: their own, or that of their first subdivision where the list has only those."""
    codes = [str(row["icd3"]) for row in labels]
    wanted = Diagnosis.objects.on(query.period.end).annotate(stem=Left("code", 3)).filter(stem__in=codes)
    first = wanted.order_by("stem", "code").distinct("stem").values_list("stem", "code", "name")
    return {stem: name if code == stem else f"{name} và các mã cùng nhóm" for stem, code, name in first}


def _days(query: Query, labels: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {str(row["day"]): f"{date.fromisoformat(str(row['day'])):%d/%m/%Y}" for row in labels}


def _referrals(query: Query, labels: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By the key of the row how the patients of a card group came."""
    keys = (SEPARATOR.join(str(value) for value in row.values()) for row in labels)
    return {key: _ROUTES[str(row["referral"])] for key, row in zip(keys, labels, strict=True)}


_ROUTES = {"right": "Đúng tuyến", "wrong": "Trái tuyến", "unknown": "Chưa xếp được tuyến"}
NAMES: dict[str, Callable[[Query, Sequence[Mapping[str, Any]]], dict[str, str]]] = {
    "icd3": _diagnosis_names,
    "referral": _referrals,
    "day": _days,
}
