"""The rows that a technician fills in for one order."""

from collections.abc import Mapping
from typing import Any

from patients.models import ServiceOrder
from patients.ranges import reference_text
from patients.services.orders import ResultInput


class ResultRow:
    """One indicator as the technician fills it in."""

    def __init__(self, index: int, result: ResultInput, error: str = "") -> None:
        self.index, self.result, self.error = index, result, error


def result_rows(order: ServiceOrder) -> list[ResultRow]:
    """Rows for the indicators of the service with what is stored already; one free row when it has none."""
    stored = {row.indicator_code or row.indicator_name: row for row in order.results.all()}
    known = [
        ResultInput(str(i.get("code", "")), str(i.get("name", "")), unit=str(i.get("unit", "")), reference=_range(i))
        for i in order.service.indicators
    ] or [ResultInput(indicator_name=order.service.name[:255])]
    rows = []
    for index, row in enumerate(known):
        old = stored.get(row.indicator_code or row.indicator_name)
        texts = {name: getattr(old, name) for name in ("value", "unit", "description", "conclusion")} if old else {}
        rows.append(ResultRow(index, ResultInput(**{**_fields(row), **texts})))
    return rows


def read_results(data: Mapping[str, str], order: ServiceOrder) -> list[ResultRow]:
    """The rows of `result_rows` with what was typed."""
    names = ("value", "unit", "description", "conclusion")
    return [
        ResultRow(
            row.index,
            ResultInput(
                **{
                    **_fields(row.result),
                    **{n: data[f"results-{row.index}-{n}"] for n in names if f"results-{row.index}-{n}" in data},
                }
            ),
        )
        for row in result_rows(order)
    ]


def _fields(result: ResultInput) -> dict[str, Any]:
    return {name: getattr(result, name) for name in ResultInput.__dataclass_fields__}


def _range(indicator: Mapping[str, Any]) -> str:
    return reference_text(str(indicator.get("low") or ""), str(indicator.get("high") or ""))
