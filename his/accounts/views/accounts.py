"""Accounts: the list, a new one, and one account with its roles, its person, its password."""

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.accounts.forms import AccountForm, NewAccountForm, PasswordForm
from his.accounts.models import User
from his.accounts.queries import AccountRow, account_of, accounts_of, role_choices, works_elsewhere
from his.accounts.services.accounts import (
    add_account,
    deactivate_account,
    generate_password,
    reactivate_account,
    reset_password,
    update_account,
)
from his.accounts.views.common import carry_out, words_of
from his.ui.forms import saved

ONE, NEW = "accounts_admin/account.html", "accounts_admin/account_new.html"


@require_http_methods(["GET", "POST"])
@requires("accounts.manage")
def account_list(request: DeskRequest) -> HttpResponse:
    """Accounts of the facility; a POST looks for words."""
    words = words_of(request)
    context = {"rows": accounts_of(request.actor.facility, words), "words": words, "tab": "accounts"}
    return render(request, "accounts_admin/accounts.html", context)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@requires("accounts.manage")
def account_new(request: DeskRequest) -> HttpResponse:
    """A new account; a password that was made is shown once, on the answer."""
    form = NewAccountForm(request.POST or None, facility=request.actor.facility, on=timezone.localdate())
    context = {"form": form, "roles": role_choices(request.POST.getlist("roles")), "tab": "accounts"}
    if request.method == "GET":
        return render(request, NEW, context)

    def act(data: dict[str, Any]) -> HttpResponse:
        typed = data.pop("password")
        password = typed or generate_password()
        user = add_account(**data, password=password, actor=request.actor, at=timezone.now())
        return _hand_over(request, user, "" if typed else password, f"Đã lập tài khoản {user.username}")

    return carry_out(request, form, act, NEW, context)


@require_http_methods(["GET", "POST"])
@requires("accounts.manage")
def account(request: DeskRequest, pk: int) -> HttpResponse:
    """One account: a POST changes it, or opens it again when it was stopped."""
    row = account_of(request.actor.facility, pk)
    if request.method == "GET":
        return render(request, ONE, _context(request, row))
    form = _form(request, row, request.POST)

    def act(data: dict[str, Any]) -> HttpResponse:
        user, actor, now = row.user, request.actor, timezone.now()
        if row.is_active:
            update_account(user=user, **data, actor=actor, at=now)
            saved(request, f"Đã lưu tài khoản {row.user.username}")
        else:
            reactivate_account(user=user, roles=data["roles"], staff=data["staff"], actor=actor, at=now)
            saved(request, f"Đã mở lại tài khoản {row.user.username}")
        return redirect("admin-account", row.user.pk)

    return carry_out(request, form, act, ONE, _context(request, row, form))


@require_POST
@requires("accounts.manage")
def account_stop(request: DeskRequest, pk: int) -> HttpResponse:
    """Stop the account at this facility."""
    row = account_of(request.actor.facility, pk)
    deactivate_account(user=row.user, actor=request.actor)
    saved(request, f"Đã ngừng tài khoản {row.user.username}")
    return redirect("admin-account", row.user.pk)


@sensitive_post_parameters("password")
@require_POST
@requires("accounts.manage")
def account_password(request: DeskRequest, pk: int) -> HttpResponse:
    """A new password; one that was made is shown once, on the answer."""
    row = account_of(request.actor.facility, pk)
    form = PasswordForm(request.POST)

    def act(data: dict[str, Any]) -> HttpResponse:
        password = data["password"] or generate_password()
        reset_password(user=row.user, password=password, actor=request.actor)
        done = f"Đã đặt lại mật khẩu của {row.user.username}"
        return _hand_over(request, row.user, "" if data["password"] else password, done)

    return carry_out(request, form, act, ONE, {**_context(request, row), "password_form": form})


def _hand_over(request: DeskRequest, user: User, password: str, done_vi: str) -> HttpResponse:
    """Show a password that was made on this one answer, never in a message or session; a typed one is not shown."""
    if password:
        context = {"account": user, "password": password, "done": done_vi, "tab": "accounts"}
        return render(request, "accounts_admin/password.html", context)
    saved(request, done_vi)
    return redirect("admin-account", user.pk)


def _form(request: DeskRequest, row: AccountRow, data: QueryDict | None = None) -> AccountForm:
    initial = {"full_name": row.user.display_name, "roles": list(row.roles), "staff": row.staff}
    return AccountForm(data, initial=initial, facility=request.actor.facility, on=timezone.localdate())


def _context(request: DeskRequest, row: AccountRow, form: AccountForm | None = None) -> dict[str, Any]:
    return {
        "row": row,
        "form": form or _form(request, row),
        "password_form": PasswordForm(),
        "roles": role_choices(request.POST.getlist("roles") if form else row.roles),
        "is_self": row.user.pk == request.actor.user.pk,
        "is_shared": works_elsewhere(row.user, request.actor.facility),
        "today": timezone.localdate(),
        "tab": "accounts",
    }
