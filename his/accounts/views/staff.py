"""Staff: the list, a new person, one record with its periods."""

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.accounts.forms import EndForm, NewStaffForm, StaffForm
from his.accounts.models import Staff
from his.accounts.queries import accounts_acting_as, staff_of, staff_periods, staff_record
from his.accounts.services.staff import add_staff, end_staff, update_staff
from his.accounts.views.common import carry_out, words_of
from his.ui.forms import saved

ONE, NEW = "accounts_admin/staff_one.html", "accounts_admin/staff_new.html"
FIELDS = (
    "full_name", "title", "department", "licence_no", "licence_issued_on", "working_scope", "is_head",
    "prescribes_controlled",
)  # fmt: skip


@require_http_methods(["GET", "POST"])
@requires("accounts.manage")
def staff_list(request: DeskRequest) -> HttpResponse:
    """People who work here, or with `?left=1` those who have left; a POST looks for words."""
    words, left, today = words_of(request), request.GET.get("left") == "1", timezone.localdate()
    rows = staff_of(request.actor.facility, today, words, left=left)
    context = {"rows": rows, "words": words, "left": left, "today": today, "tab": "staff"}
    return render(request, "accounts_admin/staff.html", context)


@require_http_methods(["GET", "POST"])
@requires("accounts.manage")
def staff_new(request: DeskRequest) -> HttpResponse:
    """A new person."""
    first = {"since": timezone.localdate()}
    form = NewStaffForm(request.POST or None, facility=request.actor.facility, initial=first)
    context = {"form": form, "tab": "staff"}
    if request.method == "GET":
        return render(request, NEW, context)

    def act(data: dict[str, Any]) -> HttpResponse:
        made = add_staff(**data, actor=request.actor)
        saved(request, f"Đã thêm nhân viên {made.code} {made.full_name}")
        return redirect("admin-staff-one", made.pk)

    return carry_out(request, form, act, NEW, context)


@require_http_methods(["GET", "POST"])
@requires("accounts.manage")
def staff_one(request: DeskRequest, pk: int) -> HttpResponse:
    """One record; a POST puts it right or opens the next."""
    staff = staff_record(request.actor.facility, pk)
    if request.method == "GET":
        return render(request, ONE, _context(request, staff))
    form = _form(request, staff, request.POST)

    def act(data: dict[str, Any]) -> HttpResponse:
        row = update_staff(staff=staff, **data, actor=request.actor, at=timezone.now())
        text = f"từ ngày {row.valid_from:%d/%m/%Y}" if row.pk != staff.pk else "trong hồ sơ này"
        saved(request, f"Đã lưu {row.full_name}, {text}")
        return redirect("admin-staff-one", row.pk)

    return carry_out(request, form, act, ONE, _context(request, staff, form))


@require_POST
@requires("accounts.manage")
def staff_end(request: DeskRequest, pk: int) -> HttpResponse:
    """Set or clear the last day of work."""
    staff = staff_record(request.actor.facility, pk)
    form = EndForm(request.POST)

    def act(data: dict[str, Any]) -> HttpResponse:
        end_staff(staff=staff, last_day=data["last_day"], actor=request.actor)
        day = data["last_day"]
        saved(request, f"{staff.full_name} nghỉ sau ngày {day:%d/%m/%Y}" if day else f"{staff.full_name} vẫn làm việc")
        return redirect("admin-staff-one", staff.pk)

    return carry_out(request, form, act, ONE, {**_context(request, staff), "end_form": form})


def _form(request: DeskRequest, staff: Staff, data: QueryDict | None = None) -> StaffForm:
    initial = {name: getattr(staff, name) for name in FIELDS}
    return StaffForm(data, initial=initial, facility=request.actor.facility)


def _context(request: DeskRequest, staff: Staff, form: StaffForm | None = None) -> dict[str, Any]:
    return {
        "staff": staff,
        "form": form or _form(request, staff),
        "end_form": EndForm(initial={"last_day": staff.valid_to}),
        "periods": staff_periods(staff),
        "accounts": accounts_acting_as(request.actor.facility, [staff])[staff.pk],
        "today": timezone.localdate(),
        "tab": "staff",
    }
