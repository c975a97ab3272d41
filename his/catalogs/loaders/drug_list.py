"""The drug list of a facility (form 03/DM): ingredients, forms, bids and prices, in đồng a unit.

The form has no code of the facility's own, and its ingredient code stands for many products, so the code is made
from what tells one product of one bid from another. The same product in the same bid gets the same code in every
import.
"""

import hashlib
import re
from decimal import Decimal
from typing import Any

from his.catalogs.item_models import MEDICINES, ControlClass, Drug, ItemKind, QuantityRule
from his.catalogs.loaders.facility_list import plan_rows
from his.catalogs.loaders.plan import Plan, Request, RowReader
from his.catalogs.loaders.sheet import code, day, money, optional_money, text
from his.core.text import fold

SOURCE = "Mẫu 03/DM"
FULL_RATE = Decimal(100)
# LOAI_THUOC of form 03/DM; 5 and 6 are made by the facility itself.
KINDS = {
    "1": ItemKind.DRUG,
    "2": ItemKind.HERBAL,
    "3": ItemKind.HERB,
    "4": ItemKind.DRUG,
    "5": ItemKind.DRUG,
    "6": ItemKind.HERBAL,
}
RADIOACTIVE = "4"
_VOLUME = re.compile(r"(\d+(?:[.,]\d+)?)\s*ml\b")
_SEVERAL = re.compile(r"\b(?:[2-9]|\d{2,}) (?:chai|lo|ong|binh)\b")
_GRAMS = frozenset({"g", "gam", "gram"})
_CONTAINER = re.compile(r"^(chai|lo|binh)\b")


def load(request: Request) -> Plan:
    """Plan the drugs of one facility. Refuses without a facility."""
    columns = ("MA_THUOC", "TEN_HOAT_CHAT", "TEN_THUOC", "DON_VI_TINH", "DON_GIA")
    plan, section = plan_rows(request, SOURCE, Drug, columns, _values)
    section.is_whole = lambda row: row.kind in MEDICINES
    return plan


def _values(reader: RowReader) -> dict[str, Any]:
    ingredient_code = reader.get("MA_THUOC", code, required=True) or ""
    ingredient = reader.get("TEN_HOAT_CHAT", required=True) or ""
    name = reader.get("TEN_THUOC", required=True) or ""
    drug_kind = reader.get("LOAI_THUOC", code) or ""
    kind = item_kind(drug_kind, ingredient_code)
    if drug_kind and drug_kind not in KINDS:
        reader.warn("LOAI_THUOC", "unknown_kind", f"Không rõ loại thuốc này, xếp là {kind.label}", drug_kind)
    is_herb = kind == ItemKind.HERB
    strength = reader.get("HAM_LUONG", required=not is_herb) or ""
    unit = unit_name(reader.get("DON_VI_TINH", required=True) or "")
    price = reader.get("DON_GIA", money)
    rate = payment_rate(reader)
    registration, bid = reader.get("SO_DANG_KY") or "", reader.get("TT_THAU") or ""
    packaging, form = reader.get("QUY_CACH") or "", reader.get("DANG_BAO_CHE") or ""
    route = reader.get("MA_DUONG_DUNG", route_code, required=not is_herb) or ""
    rule, content = quantity_rule(unit, route, strength, packaging)
    return {
        "kind": kind.value,
        "control_class": ControlClass.RADIOACTIVE.value if drug_kind == RADIOACTIVE else "",
        "service_codes": [text for text in re.split(r"[;\s]+", reader.get("MA_DVKT") or "") if text],
        "code": own_code(ingredient_code, registration, name, strength, unit, bid, reader.get("MA_CSKCB_THUOC") or ""),
        "ingredient_code": ingredient_code,
        "ingredient": ingredient,
        "name": name,
        "search_name": fold(f"{name} {ingredient} {strength}"),
        "strength": strength,
        "unit": unit,
        "route_code": route,
        "route_name": reader.get("DUONG_DUNG") or "",
        "dose_form": form,
        "quantity_rule": rule,
        "pack_size": content,
        "registration_no": registration.replace(" ", ""),
        "bid_info": bid,
        **bid_values(reader),
        "price": price,
        "insured_price": insured_price(reader, price),
        "payment_rate": rate,
        "group_code": "4" if rate == FULL_RATE else "6",
        "manufacturer": reader.get("NHA_SX") or "",
        "country": reader.get("NUOC_SX") or "",
        "supplier": reader.get("NHA_THAU") or "",
        "packaging": packaging,
        "processing_code": reader.get("PP_CHEBIEN") or "",
        "scientific_name": reader.get("TEN_KHOA_HOC") or "",
        "origin": reader.get("NGUON_GOC") or "",
        "processing_loss": loss(reader, "TLHH_CB"),
        "storage_loss": loss(reader, "TLHH_BQ"),
        "source": SOURCE,
    }


def item_kind(drug_kind: str, ingredient_code: str) -> ItemKind:
    """Drug, herbal product or herb by LOAI_THUOC, else by the list the code is of (05C products, 05V herbs)."""
    if drug_kind in KINDS:
        return KINDS[drug_kind]
    by_code = {"05V": ItemKind.HERB, "05C": ItemKind.HERBAL}
    return by_code.get(ingredient_code[:3].upper(), ItemKind.DRUG)


def payment_rate(reader: RowReader) -> Any:
    """TYLE_TT_BH in percent, 100 when the file does not say; spoils the row when it is none."""
    rate = reader.get("TYLE_TT_BH", money, empty=FULL_RATE)
    if rate is not None and not 0 <= rate <= FULL_RATE:
        reader.fail("TYLE_TT_BH", "bad_rate", "Tỷ lệ thanh toán phải từ 0 đến 100", rate)
    return rate


def insured_price(reader: RowReader, price: Any) -> Any:
    """What the fund accepts for a unit, by either name of the column; the price when the file does not say."""
    found = (reader.get(column, optional_money) for column in ("DON_GIA_BH", "GIA_BH_TT"))
    return next((amount for amount in found if amount is not None), price)


def bid_values(reader: RowReader) -> dict[str, Any]:
    """Quantity won and days of the contract, as far as the file has them."""
    return {
        "bid_quantity": reader.get("SO_LUONG", optional_money),
        "contract_from": reader.get("TU_NGAY_HD", day),
        "contract_to": reader.get("DEN_NGAY_HD", day),
    }


def loss(reader: RowReader, column: str) -> Any:
    """A share that is lost, in percent below 100; None when the file does not say."""
    share = reader.get(column, optional_money)
    if share is not None and share >= FULL_RATE:
        reader.fail(column, "bad_rate", "Tỷ lệ hao hụt phải từ 0 đến dưới 100", share)
    return share


def own_code(ingredient_code: str, *identity: str) -> str:
    """A code that stays the same for the same product and bid, whatever the case, marks and spacing of the file."""
    digest = hashlib.sha256("|".join(fold(part) for part in identity).encode()).hexdigest()[:8]
    return f"{ingredient_code[:40]}-{digest}"


def unit_name(unit: str) -> str:
    """The unit with a capital (`viên` and `Viên` are one unit)."""
    return unit[:1].upper() + unit[1:]


def route_code(cell: Any) -> str:
    """A route code `d.dd`; a number cell gets its two decimals back (2.1 is 2.10)."""
    return f"{cell:.2f}" if isinstance(cell, float) else text(cell)


def quantity_rule(unit: str, route: str, strength: str, packaging: str) -> tuple[str, Decimal]:
    """How a prescription is counted, and the content of one unit in ml: a bottle to drink is dosed in ml and handed out
    whole, a herb in grams is weighed, an ointment, drops or inhaler is one pack, all else is counted in units."""
    folded = fold(unit)
    if folded in _GRAMS:
        return QuantityRule.WEIGHT.value, Decimal(1)
    oral, injected = route.startswith("1."), route.startswith("2.")
    if oral and _CONTAINER.match(folded):
        sizes = _VOLUME.findall(fold(f"{unit} {strength} ; {packaging}"))
        size = max((Decimal(size.replace(",", ".")) for size in sizes), default=Decimal(0))
        if size > 5 and not _SEVERAL.search(fold(packaging)):  # bottles sold by the box hold one dose: counted
            return QuantityRule.VOLUME.value, size
    if folded.startswith("tuyp") or not (oral or injected or route.startswith("4.")):
        return QuantityRule.PACK.value, Decimal(1)
    return QuantityRule.COUNT.value, Decimal(1)
