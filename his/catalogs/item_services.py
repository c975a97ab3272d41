"""What a facility says itself of a drug or supply: its class of control, how it is kept and counted, its ingredients.

These hold for the facility's code, over every version that an import makes of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from his.accounts.actor import Actor
from his.catalogs.ingredients import lock_items, refresh_ingredients
from his.catalogs.item_models import ControlClass, Drug, DrugIngredient
from his.catalogs.items import service_names, with_proposals
from his.core.errors import Refusal
from his.core.text import fold
from his.service import audit_facts, service

PERMISSION = "catalogs.attributes"


@dataclass(frozen=True, slots=True)
class IngredientLine:
    """One ingredient as a pharmacist writes it: `amount` of `unit` in one unit of the drug, or in so much of it."""

    name: str
    code: str = ""
    amount: Decimal | None = None
    unit: str = ""
    per_amount: Decimal | None = None
    per_unit: str = ""


@service(action="catalogs.attributes", permission=PERMISSION)
def set_attributes(
    *,
    actor: Actor,
    item: Drug,
    storage: str,
    prescription_level: str,
    quantity_rule: str,
    pack_size: Decimal,
    min_stock: Decimal | None,
    max_stock: Decimal | None,
    service_codes: Sequence[str],
    is_reusable: bool,
    on: date,
) -> Drug:
    """Say how an item is kept, counted, stocked and with which services it is used; stocks are in its unit.

    Holds for every version of the code, the way of counting only for those that did not end before the day, since
    earlier prescriptions were counted the earlier way. Refuses a lowest stock above the highest, a content of zero and
    services that are neither in the price list of the day nor were said before.
    """
    if pack_size <= 0:
        raise Refusal("bad_pack_size", "Dung tích một đơn vị phải lớn hơn 0", field="pack_size")
    if min_stock is not None and max_stock is not None and max_stock < min_stock:
        raise Refusal("stock_limits", "Tồn tối đa nhỏ hơn tồn tối thiểu", field="max_stock")
    codes = list(dict.fromkeys(service_codes))
    known = {*service_names(actor.facility, codes, on), *item.service_codes}
    unknown = [code for code in codes if code not in known]
    if unknown:
        text = f"Không có trong bảng giá ngày {on:%d/%m/%Y}: {', '.join(unknown)}"
        raise Refusal("unknown_service", text, field="service_codes")
    lock_items(actor.facility)
    item.refresh_from_db()
    everywhere = {
        "storage": storage,
        "prescription_level": prescription_level,
        "min_stock": min_stock,
        "max_stock": max_stock,
        "service_codes": codes,
        "is_reusable": is_reusable,
    }
    from_now = {"quantity_rule": quantity_rule, "pack_size": pack_size}
    before = {name: getattr(item, name) for name in (*everywhere, *from_now)}
    for row in _versions(item):
        if row.valid_to is None or row.valid_to >= on or row.pk == item.pk:
            _set(row, {**everywhere, **from_now})
        else:
            _set(row, everywhere)
    item.refresh_from_db()
    _tell(item, before)
    return item


@service(action="catalogs.control_class", permission=PERMISSION)
def set_control_class(*, actor: Actor, item: Drug, control_class: str, on: date) -> Drug:
    """A pharmacist says under which special control a drug is, or that it is an ordinary one (TT 18/2026/TT-BYT).

    Holds for every version of the code, since lots hang on earlier ones too. What the rules propose is then no longer
    asked, until a later rule says otherwise. Refuses a class for a supply or chemical.
    """
    if not item.is_medicine and control_class:
        raise Refusal(
            "supply_not_controlled", "Vật tư, hóa chất không thuộc diện kiểm soát đặc biệt", field="control_class"
        )
    if control_class and control_class not in ControlClass.values:
        raise Refusal("unknown_class", "Không có phân loại này", field="control_class")
    lock_items(actor.facility)
    item.refresh_from_db()
    before = item.control_class
    for row in _versions(item):
        _set(row, {"control_class": control_class, "control_checked_on": on})
    item.refresh_from_db()
    audit_facts(code=item.code, fields=f"{_class_vi(before)} → {_class_vi(control_class)}")
    return item


@service(action="catalogs.control_classes", permission=PERMISSION)
def confirm_proposals(*, actor: Actor, items: list[Drug], classes: list[str], on: date) -> int:
    """Give each item the class that was proposed and read; answers how many. Refuses when a proposal changed since."""
    lock_items(actor.facility)
    rows = Drug.objects.for_facility(actor.facility).in_bulk([item.pk for item in items])
    found = with_proposals(actor.facility, [rows[item.pk] for item in items], on)
    for one, shown in zip(found, classes, strict=True):
        if one.proposal is None or one.proposal.control_class != shown:
            raise Refusal("already_changed", f"Đề xuất cho {one.row.name} đã khác, hãy xem lại")
        set_control_class(actor=actor, item=one.row, control_class=shown, on=on)
    audit_facts(items=len(found))
    return len(found)


@service(action="catalogs.ingredients", permission=PERMISSION)
def set_ingredients(*, actor: Actor, item: Drug, lines: Sequence[IngredientLine]) -> Drug:
    """Write the ingredients of a drug by hand; later imports keep them.

    Refuses none at all, an amount without its unit, half of a "in so much of", and ingredients of a supply or chemical.
    """
    if not item.is_medicine:
        raise Refusal("supply_no_ingredients", "Vật tư, hóa chất không có hoạt chất")
    if not lines:
        raise Refusal("no_ingredients", "Phải có ít nhất một hoạt chất", field="name", position=0)
    for position, line in enumerate(lines):
        _check(line, position)
    lock_items(actor.facility)
    former = {row.position: row.strength_text for row in _ingredients(item)}
    _ingredients(item).delete()
    DrugIngredient.objects.bulk_create(
        DrugIngredient(
            facility=actor.facility,
            drug_code=item.code,
            position=position,
            code=line.code,
            name=line.name,
            search_name=fold(line.name),
            strength_text=former.get(position, ""),
            amount=line.amount,
            unit=line.unit,
            per_amount=line.per_amount,
            per_unit=line.per_unit,
            is_by_hand=True,
        )
        for position, line in enumerate(lines, 1)
    )
    audit_facts(code=item.code, ingredients=len(lines))
    return item


@service(action="catalogs.ingredients_again", permission=PERMISSION)
def read_ingredients_again(*, actor: Actor, item: Drug) -> Drug:
    """Give up what was written by hand and take the ingredients from the texts of the list."""
    lock_items(actor.facility)
    _ingredients(item).delete()
    refresh_ingredients(actor.facility, [item.code])
    audit_facts(code=item.code)
    return item


def _check(line: IngredientLine, position: int) -> None:
    if not line.name:
        raise Refusal("no_name", "Thiếu tên hoạt chất", field="name", position=position)
    if (line.amount is None) != (not line.unit):
        raise Refusal("amount_unit", "Lượng và đơn vị phải đi cùng nhau", field="amount", position=position)
    if (line.per_amount is None) != (not line.per_unit):
        raise Refusal("per_unit", "Gõ cả số và đơn vị, hoặc bỏ trống cả hai", field="per_amount", position=position)
    if (line.amount is not None and line.amount <= 0) or (line.per_amount is not None and line.per_amount <= 0):
        raise Refusal("not_positive", "Lượng phải lớn hơn 0", field="amount", position=position)


def _versions(item: Drug) -> QuerySet[Drug]:
    """Every version of the item's code."""
    return Drug.objects.for_facility(item.facility).filter(code=item.code).order_by("pk")


def _ingredients(item: Drug) -> QuerySet[DrugIngredient]:
    return DrugIngredient.objects.for_facility(item.facility).filter(drug_code=item.code)


def _set(row: Drug, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=[*values])


def _tell(item: Drug, before: Mapping[str, object]) -> None:
    """Write what changed into the audit entry, by the names of the columns."""
    changed = [
        f"{_column_vi(name)}: {_said(old)} → {_said(getattr(item, name))}"
        for name, old in before.items()
        if old != getattr(item, name)
    ]
    audit_facts(code=item.code, fields="; ".join(changed))


def _column_vi(name: str) -> str:
    column: Any = Drug._meta.get_field(name)
    return str(column.verbose_name)


def _class_vi(control_class: str) -> str:
    return str(ControlClass(control_class).label) if control_class else "Thường"


def _said(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
