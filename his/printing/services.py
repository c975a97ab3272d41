"""Printing a paper: which template, which copy, who and when. Each print is recorded with its copy number."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max, Model

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.dates import local
from his.locks import lock_name
from his.printing.models import PrintRecord
from his.printing.render import render_list_pdf, render_pdf
from his.service import audit_facts, service

_CODE = re.compile(r"^[a-z0-9_]+$")
_TITLES: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Form:
    """A paper: its code, its Vietnamese name, and the template that the package of the data brings."""

    code: str
    title_vi: str
    template: Path

    def __post_init__(self) -> None:
        if not _CODE.match(self.code):
            raise ValueError(f"a form code is made of a-z, 0-9 and _: {self.code!r}")
        _TITLES.setdefault(self.code, self.title_vi)

    def template_for(self, facility: Facility) -> Path:
        """The facility's own template `forms/<facility code>/<form>.typ` in the data folder, else the product's."""
        own = Path(settings.VAR_DIR) / "forms" / facility.code / f"{self.code}.typ"
        return own if own.is_file() else self.template


def form_title(code: str) -> str:
    """The Vietnamese name of a paper that was made as a `Form`; the code itself when there is none."""
    return _TITLES.get(code, code)


@service(action="printing.print_form", permission=None)
def print_form(
    *, form: Form, obj: Model, data: Mapping[str, Any], actor: Actor, at: datetime, number: str, is_list: bool = False
) -> bytes:
    """One more copy of a paper as PDF (in giấy tờ); a step of the service that owns the object.

    Afterwards a `PrintRecord` with the next copy number exists. The facility and the print note (number, copy,
    who, when) are added to the data; the facility's own template is used when there is one. `is_list`: it may have
    hundreds of rows and is printed in a process apart (`render_list_pdf`).
    """
    record = PrintRecord.objects.create(
        facility=actor.facility,
        form=form.code,
        object_type=obj._meta.label_lower,
        object_id=obj.pk,
        copy_no=_next_copy(form, obj, actor),
        printed_by=actor.user,
        printed_at=at,
    )
    audit_facts(form=form.code, number=number, copy=record.copy_no)
    full = {
        **data,
        "facility": facility_data(actor.facility),
        "print": {
            "number": number,
            "copy_no": record.copy_no,
            "printed_by": actor.user.display_name,
            "printed_at": f"{local(at):%d/%m/%Y %H:%M}",
        },
    }
    render = render_list_pdf if is_list else render_pdf
    return render(form.template_for(actor.facility), full, at=at)


def facility_data(facility: Facility) -> dict[str, str]:
    """What headers of papers say about the facility."""
    return {
        name: getattr(facility, name) for name in ("code", "name", "parent_name", "address", "phone", "province_code")
    }


def _next_copy(form: Form, obj: Model, actor: Actor) -> int:
    """The next copy number; prints of one object wait for each other, so that no number is given twice."""
    lock_name("print", form.code, obj.pk)
    earlier = PrintRecord.objects.for_facility(actor.facility).filter(
        form=form.code, object_type=obj._meta.label_lower, object_id=obj.pk
    )
    return (earlier.aggregate(last=Max("copy_no"))["last"] or 0) + 1
