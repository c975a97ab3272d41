"""Closing and signing the daily books of drugs under special control (TT 18/2026/TT-BYT Đ15)."""

from datetime import date, datetime

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import Refusal
from his.locks import lock_name
from his.service import audit_facts, service
from pharmacy.controlled import books_on, fingerprint, plain
from pharmacy.models import ControlledPage, ControlledSignature, Store
from pharmacy.queries_controlled import book_of, page_of

Role = ControlledSignature.Role


@service(action="pharmacy.close_book", permission="pharmacy.keep_book")
def close_book(*, store: Store, control_class: str, day: date, actor: Actor, at: datetime) -> ControlledPage:
    """Close a day of a book and sign it as the one who keeps the drugs (khóa sổ ngày).

    Afterwards its rows stand as they are now, with their SHA-256; what the ledger gets later for that day shows as a
    difference. The caller has checked the password that signs. Refuses a day to come, a day that is closed, a book
    without any drug on the day.
    """
    if day > local(at).date():
        raise Refusal("future_day", "Chưa đến ngày này, chưa khóa sổ được", field="day")
    if control_class not in books_on(day):
        raise Refusal("no_book", "Loại thuốc này không có sổ theo dõi", field="control_class")
    lock_name("controlled-book", store.pk, control_class, day)
    if page_of(store, control_class, day) is not None:
        raise Refusal("already_closed", "Sổ ngày này đã khóa")
    rows = plain(book_of(store, control_class, day))
    if not rows:
        raise Refusal("empty_book", "Ngày này kho không có thuốc nào thuộc sổ")
    head = {"facility": actor.facility.code, "store": store.code, "class": control_class, "day": day.isoformat()}
    page = ControlledPage.objects.create(
        facility=actor.facility,
        store=store,
        control_class=control_class,
        day=day,
        rows=rows,
        sha256=fingerprint(head, rows),
        closed_at=at,
    )
    _sign(page, Role.KEEPER, actor, at)
    return page


@service(action="pharmacy.approve_book", permission="pharmacy.approve_book")
def approve_book(*, page: ControlledPage, actor: Actor, at: datetime) -> ControlledPage:
    """Sign a closed day as the head of the unit (người đứng đầu ký sổ).

    The caller has checked the password that signs. Refuses a second signature of the head, and the one who closed the
    day: they are two people.
    """
    lock_name("controlled-book", page.store_id, page.control_class, page.day)
    signed = list(page.signatures.all())
    if any(one.role == Role.HEAD for one in signed):
        raise Refusal("already_signed", "Người đứng đầu đã ký sổ ngày này")
    if any(one.by_id == actor.user.pk for one in signed):
        raise Refusal("same_person", "Người quản lý thuốc và người đứng đầu phải là hai người khác nhau")
    _sign(page, Role.HEAD, actor, at)
    return page


def _sign(page: ControlledPage, role: Role, actor: Actor, at: datetime) -> None:
    ControlledSignature.objects.create(facility=actor.facility, page=page, role=role, by=actor.user, at=at)
    audit_facts(control_class=page.control_class, day=page.day, sha256=page.sha256, role=str(role))
