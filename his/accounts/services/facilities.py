"""Facilities: founding one, its details, and its tier by periods (xếp cấp, NĐ 188/2025 Đ19)."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from his.accounts.actor import Actor
from his.accounts.models import Facility, FacilityGroup, FacilityStatus
from his.audit.record import Entry, append_entries
from his.core.codes import FACILITY_CODE
from his.core.errors import Refusal
from his.core.text import nfc
from his.service import audit_facts, service

MOST_POINTS = Decimal(100)


@transaction.atomic
def add_facility(
    *,
    code: str,
    name: str,
    kind: str,
    tier: str,
    since: date,
    points: Decimal | None = None,
    former_line: str = "",
    is_provisional: bool = False,
    **details: str,
) -> Facility:
    """Found a facility with its tier from a day on. Only the operator at the server does this: there is no actor yet.

    An authority (health department) treats nobody: it has no tier. Refuses a code that is not five digits, a taken
    code, unknown kinds and tiers.
    """
    if not FACILITY_CODE.match(code):
        raise Refusal("code", "Mã cơ sở gồm đúng 5 chữ số", field="code")
    if Facility.objects.filter(code=code).exists():
        raise Refusal("taken", f"Cơ sở {code} đã có", field="code")
    if kind not in Facility.Kind.values:
        raise Refusal("kind", f"Loại cơ sở là một trong {', '.join(Facility.Kind.values)}", field="kind")
    treats = kind != Facility.Kind.AUTHORITY
    if treats:
        _known_tier(tier, points, former_line)
    facility = Facility.objects.create(code=code, name=nfc(name), kind=kind, **details)
    if treats:
        FacilityStatus.objects.create(
            facility=facility,
            tier=tier,
            points=points,
            former_line=former_line,
            is_provisional=is_provisional,
            valid_from=since,
        )
    entry = Entry(None, "accounts.add_facility", "his.facility", facility.pk, {"code": code, "tier": tier})
    append_entries(facility, [entry], at=timezone.now())
    return facility


@service(action="accounts.update_facility", permission="accounts.manage")
def update_facility(
    *,
    name: str,
    actor: Actor,
    parent_name: str = "",
    address: str = "",
    phone: str = "",
    province_code: str = "",
    commune_code: str = "",
    bank_account: str = "",
    bank_code: str = "",
    prescribing_code: str = "",
    is_known_person_short: bool = False,
) -> Facility:
    """Change what papers and claims print about the facility. Its code and kind decide rights: the operator's work.

    `prescribing_code` is the code that the national prescription system gave; prescriptions signed from now on begin
    with it. Refuses an empty name, place codes that are not digits, a prescribing code that is not five letters and
    digits or that another facility here has.
    """
    facility = _locked(actor)
    if not nfc(name):
        raise Refusal("name", "Hãy gõ tên cơ sở", field="name")
    for field, value in (("province_code", province_code), ("commune_code", commune_code)):
        if value and not (value.isascii() and value.isdigit()):
            raise Refusal("place_code", "Mã địa bàn chỉ gồm chữ số", field=field)
    _refuse_prescribing_code(nfc(prescribing_code), facility)
    details = {
        "name": nfc(name),
        "parent_name": nfc(parent_name),
        "address": nfc(address),
        "phone": nfc(phone),
        "province_code": province_code,
        "commune_code": commune_code,
        "bank_account": nfc(bank_account),
        "bank_code": nfc(bank_code),
        "prescribing_code": nfc(prescribing_code),
        "is_known_person_short": is_known_person_short,
    }
    changed = [field for field, value in details.items() if getattr(facility, field) != value]
    for field in changed:
        setattr(facility, field, details[field])
    facility.save(update_fields=changed)
    audit_facts(changed=",".join(changed))
    return facility


def _refuse_prescribing_code(code: str, facility: Facility) -> None:
    if not code:
        return
    if not re.fullmatch("[0-9A-Za-z]{5}", code):
        message = "Mã liên thông gồm 5 chữ và số do hệ thống đơn thuốc quốc gia cấp"
        raise Refusal("prescribing_code", message, field="prescribing_code")
    if Facility.objects.exclude(pk=facility.pk).filter(prescribing_code__iexact=code).exists():
        raise Refusal("taken", "Cơ sở khác đang dùng mã liên thông này", field="prescribing_code")


@service(action="accounts.set_tier", permission="accounts.manage")
def set_tier(
    *,
    tier: str,
    since: date,
    actor: Actor,
    points: Decimal | None = None,
    former_line: str = "",
    is_provisional: bool = False,
) -> FacilityStatus:
    """Give the facility a tier from a day on: the period before ends the day before and stays on record.

    `points` are those of the ranking, 0 to 100. With the first day of the latest period, that period is put right
    instead. Closed visits keep the split they were closed with. Refuses a day before the latest period.
    """
    _known_tier(tier, points, former_line)
    facility = _locked(actor)
    latest: FacilityStatus | None = FacilityStatus.objects.for_facility(facility).order_by("-valid_from").first()
    if latest is not None and since < latest.valid_from:
        raise Refusal(
            "tier_period", f"Đã có xếp cấp từ {latest.valid_from:%d/%m/%Y}; ngày mới không được trước ngày đó", "since"
        )
    if latest is None or since > latest.valid_from:
        if latest is not None and (latest.valid_to is None or latest.valid_to >= since):
            latest.valid_to = since - timedelta(days=1)
            latest.save(update_fields=["valid_to"])
        latest = FacilityStatus(facility=facility, valid_from=since)
    latest.tier, latest.points = tier, points
    latest.former_line, latest.is_provisional = former_line, is_provisional
    latest.save()
    audit_facts(tier=tier, points=points, former_line=former_line, since=since)
    return latest


@transaction.atomic
def set_group(*, facility: Facility, code: str, name: str, members: Sequence[str], at: datetime) -> FacilityGroup:
    """The facilities, by code, whose figures another one may see added up (nhóm cơ sở); a known group is changed.

    Only the operator at the server does this, as no facility may give itself a look at others. The audit chain of the
    leading facility and of each one that enters or leaves says so. Refuses unknown codes and a group without any.
    """
    found = {row.code: row for row in Facility.objects.filter(code__in=members)}
    if missing := sorted(set(members) - set(found)):
        raise Refusal("unknown", f"Không có cơ sở {', '.join(missing)}", field="members")
    if not found:
        raise Refusal("members", "Nhóm phải có ít nhất một cơ sở", field="members")
    Facility.objects.select_for_update(no_key=True).get(pk=facility.pk)
    group, _ = FacilityGroup.objects.update_or_create(facility=facility, code=nfc(code), defaults={"name": nfc(name)})
    before = {row.code: row for row in group.members.all()}
    group.members.set(found.values())
    changed = {code: (before | found)[code] for code in set(before) ^ set(found)}
    for one in sorted({facility, *changed.values()}, key=lambda one: one.pk):
        facts = {"group": group.code, "leader": facility.code, "members": len(found), "is_member": one.code in found}
        append_entries(one, [Entry(None, "accounts.set_group", "his.facilitygroup", group.pk, facts)], at=at)
    return group


def _known_tier(tier: str, points: Decimal | None, former_line: str) -> None:
    if tier not in FacilityStatus.Tier.values:
        raise Refusal("tier", f"Cấp chuyên môn là một trong {', '.join(FacilityStatus.Tier.values)}", field="tier")
    if points is not None and not 0 <= points <= MOST_POINTS:
        raise Refusal("points", "Điểm xếp cấp từ 0 đến 100", field="points")
    if former_line and former_line not in FacilityStatus.FormerLine.values:
        raise Refusal("former_line", "Tuyến trước đây không hợp lệ", field="former_line")


def _locked(actor: Actor) -> Facility:
    """The actor's facility, held until the end: two administrators change it one after the other."""
    return Facility.objects.select_for_update(no_key=True).get(pk=actor.facility.pk)
