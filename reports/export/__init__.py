"""Files of a stored report: the same run gives the same bytes."""

from collections.abc import Callable, Mapping
from typing import Any

from reports.definition import Form, load_version
from reports.export.pdf import to_pdf
from reports.export.xlsx import to_xlsx
from reports.export.xml import to_xml
from reports.models import ReportRun

Exporter = Callable[[Form, Mapping[str, Any], str], bytes]

EXPORTERS: dict[str, tuple[Exporter, str]] = {
    "xlsx": (to_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "pdf": (to_pdf, "application/pdf"),
    "xml": (to_xml, "application/xml"),
}
"""Format -> how it is made, and its media type."""


def export(run: ReportRun, kind: str) -> bytes:
    """The file of a stored report in one format of `EXPORTERS`."""
    form = load_version(run.form, run.values["definition"])
    return EXPORTERS[kind][0](form, run.values, run.sha256)


def kinds_of(form: Form) -> tuple[str, ...]:
    """The formats that a form has: XML only where the authority takes one."""
    return tuple(kind for kind in EXPORTERS if kind != "xml" or form.get("xml"))


def file_name(run: ReportRun, kind: str) -> str:
    """As files are called: 01BH_99001_2026-10.xlsx, NXT_99001_KC_2026-10.xlsx."""
    parts = [run.form, run.values["facility"]["code"], run.store, run.period.key()]
    return f"{'_'.join(part for part in parts if part)}.{kind}"
