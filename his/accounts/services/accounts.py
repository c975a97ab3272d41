"""Accounts: who signs in, and the roles they hold at a facility.

An account may work at several facilities. Each administrator sees and changes only its roles at their own; what is
shared, the name and the password, is changed by an administrator only when the account works nowhere else.
"""

import re
import secrets
from collections.abc import Sequence
from datetime import date, datetime

from axes.utils import reset as forget_failures
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.views.decorators.debug import sensitive_variables

from his.accounts.actor import Actor
from his.accounts.models import Membership, Staff, User
from his.accounts.roles import ROLES
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.core.text import nfc
from his.service import audit_facts, service

USERNAME = re.compile(r"^[a-z0-9][a-z0-9._-]{2,49}$", re.ASCII)
MANAGERS = frozenset(role for role, (_, held) in ROLES.items() if "accounts.manage" in held)
_LETTERS = "abcdefghjkmnpqrstuvwxy346789"  # without those that are read for one another
_WEAK = {
    "password_too_short": "Mật khẩu phải có ít nhất 10 ký tự",
    "password_too_common": "Mật khẩu này quá phổ biến, dễ đoán",
    "password_too_similar": "Mật khẩu quá giống tên đăng nhập hoặc họ tên",
}


def generate_password() -> str:
    """A password to hand over on paper: three groups of five unambiguous letters, about 72 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(3))


@sensitive_variables("password")
@service(action="accounts.add_account", permission="accounts.manage")
def add_account(
    *,
    username: str,
    full_name: str,
    password: str,
    roles: Sequence[str],
    actor: Actor,
    at: datetime,
    staff: Staff | None = None,
) -> User:
    """Add an account with roles at the actor's facility; the name is stored in lower case.

    Refuses weak passwords, unknown roles or none, a person who has left or has an account, and names in use. The last
    is said in the same words whether the name belongs here or to another facility.
    """
    name = nfc(username).lower()
    if not USERNAME.match(name):
        message = "Tên đăng nhập gồm 3 đến 50 chữ thường không dấu, số, dấu chấm, gạch ngang"
        raise Refusal("username", message, field="username")
    _known(roles)
    _linkable(actor, None, staff, local(at).date())
    user = User(username=name, first_name=_full_name(full_name))
    _set_password(user, password)
    taken = Refusal("taken", f"Tên đăng nhập {name} không dùng được, hãy chọn tên khác", field="username")
    if User.objects.filter(username__iexact=name).exists():
        raise taken
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:  # another administrator was a moment faster
        raise taken from error
    _give(actor, user, roles, staff)
    audit_facts(username=name, roles=_listed(roles))
    return user


@service(action="accounts.update_account", permission="accounts.manage")
def update_account(
    *, user: User, full_name: str, roles: Sequence[str], staff: Staff | None, actor: Actor, at: datetime
) -> User:
    """Change name, roles and the staff record that an active account acts as; what is equal stays untouched.

    Refuses what `rename_account`, `set_roles` and `link_staff` refuse.
    """
    held = {row.role: row.staff_id for row in _active(actor, user)}
    if nfc(full_name) != user.display_name:
        rename_account(user=user, full_name=full_name, actor=actor)
    if set(held) != set(roles):
        set_roles(user=user, roles=roles, actor=actor)
    if {staff.pk if staff else None} != set(held.values()):
        link_staff(user=user, staff=staff, actor=actor, at=at)
    return user


@service(action="accounts.rename_account", permission="accounts.manage")
def rename_account(*, user: User, full_name: str, actor: Actor) -> User:
    """Change the name that screens and papers show for an account. Refuses when it works elsewhere too."""
    _member(actor, user)
    _only_here(actor, user, "full_name")
    user.first_name, user.last_name = _full_name(full_name), ""
    user.save(update_fields=["first_name", "last_name"])
    audit_facts(username=user.username)
    return user


@service(action="accounts.set_roles", permission="accounts.manage")
def set_roles(*, user: User, roles: Sequence[str], actor: Actor) -> User:
    """Make `roles` the roles of an active account at the actor's facility.

    Refuses an account that is not of this facility, none or unknown roles, and taking the administrator's role from
    oneself or from the last one who holds it.
    """
    active = _active(actor, user)
    _known(roles)
    _guard_administrators(actor, user, roles)
    Membership.objects.for_facility(actor.facility).filter(user=user).exclude(role__in=roles).update(is_active=False)
    _give(actor, user, roles, next((row.staff for row in active if row.staff), None))
    audit_facts(username=user.username, roles=_listed(roles))
    return user


@service(action="accounts.link_staff", permission="accounts.manage")
def link_staff(*, user: User, staff: Staff | None, actor: Actor, at: datetime) -> User:
    """Let an account act as a staff record, whose licence claims then name; None: as nobody.

    Refuses a person who has left and one who has another active account.
    """
    _member(actor, user)
    _linkable(actor, user, staff, local(at).date())
    Membership.objects.for_facility(actor.facility).filter(user=user).update(staff=staff)
    audit_facts(username=user.username)
    return user


@service(action="accounts.deactivate_account", permission="accounts.manage")
def deactivate_account(*, user: User, actor: Actor) -> User:
    """Take all roles at the actor's facility away, at once, also from open sessions. Other facilities are untouched.

    Refuses oneself, the last administrator, and an account that is stopped already.
    """
    rows = _active(actor, user)
    _guard_administrators(actor, user, ())
    Membership.objects.for_facility(actor.facility).filter(user=user).update(is_active=False)
    audit_facts(username=user.username, roles=_listed([row.role for row in rows]))
    return user


@service(action="accounts.reactivate_account", permission="accounts.manage")
def reactivate_account(
    *, user: User, roles: Sequence[str], actor: Actor, at: datetime, staff: Staff | None = None
) -> User:
    """Let a stopped account work again with the roles and the staff record that are named now.

    Refuses an account that is active, no roles, and a person who has left or has another active account.
    """
    if any(row.is_active for row in _member(actor, user)):
        raise Refusal("already_active", "Tài khoản đang hoạt động")
    _known(roles)
    _linkable(actor, user, staff, local(at).date())
    Membership.objects.for_facility(actor.facility).filter(user=user).update(staff=staff)
    _give(actor, user, roles, staff)
    audit_facts(username=user.username, roles=_listed(roles))
    return user


@sensitive_variables("password")
@service(action="accounts.reset_password", permission="accounts.manage")
def reset_password(*, user: User, password: str, actor: Actor) -> User:
    """Set a new password; open sessions of the account end and its failed tries are forgotten. Nothing of it is kept.

    Refuses weak passwords, one's own account (it has its own page, which asks for the old password), a stopped
    account, and one that works at another facility too: its new password would open doors there.
    """
    _active(actor, user)
    _only_here(actor, user, "password")
    if user.pk == actor.user.pk:
        raise Refusal("own_password", "Đổi mật khẩu của mình ở trang Đổi mật khẩu", field="password")
    _set_password(user, password)
    user.save(update_fields=["password"])
    forget_failures(username=user.username.casefold())
    audit_facts(username=user.username)
    return user


def _full_name(text: str) -> str:
    if not nfc(text):
        raise Refusal("empty", "Hãy gõ họ tên", field="full_name")
    return nfc(text)[:150]


@sensitive_variables("password")
def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        said = [_WEAK.get(one.code or "", " ".join(one.messages)) for one in error.error_list]
        raise Refusal("weak_password", "; ".join(said), field="password") from error
    user.set_password(password)


def _listed(roles: Sequence[str]) -> str:
    return ",".join(sorted(roles))


def _known(roles: Sequence[str]) -> None:
    if not roles:
        raise Refusal("role", "Hãy chọn ít nhất một vai trò", field="roles")
    if unknown := sorted(set(roles) - set(ROLES)):
        raise Refusal("role", f"Không có vai trò {', '.join(unknown)}", field="roles")


def _give(actor: Actor, user: User, roles: Sequence[str], staff: Staff | None) -> None:
    for role in roles:
        Membership.objects.update_or_create(
            facility=actor.facility, user=user, role=role, defaults={"is_active": True, "staff": staff}
        )


def _member(actor: Actor, user: User) -> list[Membership]:
    """The account's rows at the facility; an account that has none is not found."""
    rows = list(Membership.objects.for_facility(actor.facility).filter(user=user).select_related("staff"))
    if not rows:
        raise NotFound("Không tìm thấy tài khoản tại cơ sở này")
    return rows


def _active(actor: Actor, user: User) -> list[Membership]:
    rows = [row for row in _member(actor, user) if row.is_active]
    if not rows:
        raise Refusal("already_inactive", "Tài khoản đã ngừng; hãy mở lại trước")
    return rows


def _only_here(actor: Actor, user: User, field: str) -> None:
    if Membership.objects.filter(user=user).exclude(facility=actor.facility).exists():
        message = "Tài khoản còn dùng ngoài cơ sở này; nhờ người vận hành máy chủ đổi họ tên, mật khẩu"
        raise Refusal("shared_account", message, field=field)


def _linkable(actor: Actor, user: User | None, staff: Staff | None, on: date) -> None:
    if staff is None:
        return
    if staff.valid_from > on or (staff.valid_to is not None and staff.valid_to < on):
        raise Refusal("staff_ended", f"{staff.full_name} không làm việc vào ngày này", field="staff")
    rows = Membership.objects.for_facility(actor.facility).filter(staff=staff, is_active=True).select_related("user")
    if other := rows.exclude(user=user).first():
        message = f"{staff.full_name} đã có tài khoản {other.user.username}"
        raise Refusal("staff_taken", message, field="staff")


def _guard_administrators(actor: Actor, user: User, roles: Sequence[str]) -> None:
    """Keep an administrator at the facility. Locks their rows: of two who dismiss each other, one stays."""
    if MANAGERS & set(roles):
        return
    rows = Membership.objects.for_facility(actor.facility).filter(
        role__in=MANAGERS, is_active=True, user__is_active=True
    )
    holders = {row.user_id for row in rows.select_for_update(no_key=True, of=("self",)).order_by("pk")}
    if user.pk not in holders:
        return
    if user.pk == actor.user.pk:
        message = "Không tự bỏ quyền quản trị của chính mình; nhờ một quản trị khác"
        raise Refusal("own_administrator", message, field="roles")
    if holders == {user.pk}:
        raise Refusal("last_administrator", "Cơ sở phải còn ít nhất một quản trị", field="roles")
