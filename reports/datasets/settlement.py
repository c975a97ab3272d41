"""The quarter's settlement (02/BH, TT 12/2026/TT-BTC): sums of the stored 01/BH of its months, and of nothing else.

Of each month it is the version that was signed or sent, else the newest.

Which rows there are is data of the form (`rows.csv`): a row with `by` counts the visits whose value is one of `codes`,
a row without names its part. A value that no row names is flagged. Where patients are registered (`origin`) is no
column of 01/BH and is read from the visit: at the facility, in its province, elsewhere.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from his.core.money import ZERO
from patients.models import Visit
from reports.checks import blocking
from reports.datasets.base import Dataset, Explained, Query, Row
from reports.definition import ROOT, load_version
from reports.filing_models import Filing
from reports.models import ReportRun
from reports.period import Period
from reports.table import BLANK

MONTHLY = "01BH"
HERE, PROVINCE, ELSEWHERE = "here", "province", "elsewhere"
AMOUNTS = {
    "hospital": "T_TONGCHI_BV",
    "insured": "T_TONGCHI_BH",
    "fund": "T_BHTT",
    "copay": "T_BNCCT",
    "other": "T_NGUONKHAC",
    "own": "T_BNTT",
}
"""Sums of a row, and the column of 01/BH that they add up."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the form."""

    number: str
    parent: str
    label: str
    by: str
    codes: tuple[str, ...]


def settlement(query: Query) -> Dataset:
    """The rows of 02/BH for a quarter. Months without a stored 01/BH, and those whose checks block, are flagged."""
    found, lines = Dataset(), _lines(query)
    sums: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(("visits", *AMOUNTS), ZERO))
    for ref, values, amounts in _visits(query, found):
        for by, value in values.items():
            for name, amount in amounts.items():
                sums[by, value][name] += amount
        _flag(ref, values, lines, found)
    for line in lines:
        part = line.parent or line.number
        own: dict[str, Any] = {"number": line.number, "parent": line.parent, "label": line.label}
        own["facility_code"] = query.facility.code
        if line.by:
            counted = [sums[line.by, code] for code in line.codes if (line.by, code) in sums]
            if not counted and line.by != "origin":
                continue  # a type of visit that is not in use has no row
            own |= {name: sum((row[name] for row in counted), ZERO) for name in ("visits", *AMOUNTS)}
        else:
            own |= dict.fromkeys(("visits", *AMOUNTS), BLANK)
            found.sections.append((part, f"{line.number}. {line.label}"))
            found.headings.append(line.number)
        found.rows.append(Row(line.number, None, own, part))
    found.not_added = [key for key, _ in found.sections[1:]]  # the same visits, told apart in another way
    return found


def _lines(query: Query) -> list[Line]:
    form = load_version(query.keep["form"], query.keep["version"], Path(query.keep.get("root", ROOT)))
    with (form.folder / "rows.csv").open(encoding="utf-8", newline="") as file:
        return [
            Line(row["number"], row["parent"], row["label"], row["by"], tuple(row["codes"].split()))
            for row in csv.DictReader(file)
        ]


def _visits(query: Query, found: Dataset) -> Iterator[tuple[str, dict[str, str], dict[str, Decimal]]]:
    """Each visit of the stored 01/BH: its claim code, what it is told apart by, its amounts."""
    for month in query.period.months():
        run = _run(query, month)
        if run is None:
            found.flags["missing"].append(month.key())
            continue
        if blocking(run.checks):
            found.flags["blocked"].append(month.key())
        found.notes.append(f"{month.label()}: 01/BH bản {run.version}, mã đối chiếu {run.sha256[:16]}")
        at = {tag: place for place, tag in enumerate(run.values["columns"])}
        registered = _registered(query, run.values["refs"])
        for ref, row in zip(run.values["refs"], run.values["rows"], strict=True):
            amounts = {name: Decimal(row[at[tag]]) for name, tag in AMOUNTS.items()}
            values = {"type": row[at["MA_LOAI_KCB"]], "origin": _origin(query, registered.get(ref, ""))}
            yield ref, values, {"visits": Decimal(1), **amounts}


def _run(query: Query, month: Period) -> ReportRun | None:
    rows = ReportRun.of(query.facility, MONTHLY, month)
    filed = rows.filter(filings__state__in=(Filing.State.SIGNED, Filing.State.SENT)).first()
    return filed or rows.order_by("-version").first()


def _registered(query: Query, refs: list[str]) -> dict[str, str]:
    """Where the card of each visit is registered."""
    rows = Visit.objects.for_facility(query.facility).filter(claim_code__in=refs)
    return dict(rows.values_list("claim_code", "card__registered_facility_code"))


def _origin(query: Query, registered: str) -> str:
    """Provinces are told by the first two characters of the facilities' codes."""
    code = query.facility.code
    return HERE if registered == code else PROVINCE if registered[:2] == code[:2] else ELSEWHERE


def _flag(ref: str, values: Mapping[str, str], lines: list[Line], found: Dataset) -> None:
    for by, value in values.items():
        if not any(line.by == by and value in line.codes for line in lines):
            found.flags["unplaced"].append(ref)


def explain_settlement(query: Query, ref: str) -> Explained:
    """The runs of 01/BH behind the form."""
    runs = [_run(query, month) for month in query.period.months()]
    return "reports/_settlement.html", {"runs": [run for run in runs if run is not None]}
