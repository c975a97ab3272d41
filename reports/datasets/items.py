"""What the fund is asked to pay by item (19/20/21-BHYT, QĐ 1399/QĐ-BHXH): one row for each code, price and bid.

The three forms share out the lines of the claims without remainder: 20 has the drugs (XML2), 19 the supplies among the
other lines (XML3, groups 10 and 11), 21 the rest. Lines without an insured amount are no part of any. Everything is
summed in the database.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Case, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from his.catalogs.models import Drug, ItemKind
from his.core.money import ZERO
from his.ui.text import money_text
from insurance.claims.visit_facts import INPATIENT_TYPES
from insurance.models import BenefitLine, Charge
from patients.models import PrescriptionLine
from pharmacy.models import Substitution
from reports.datasets.base import Dataset, Explained, Query, Row
from reports.grid.facts import claimed_lines

IS_DRUG = Q(charge__line_kind=Charge.LineKind.DRUG)
IS_SUPPLY = ~IS_DRUG & Q(charge__group_code__in=("10", "11"))
BLOOD_GROUPS = ("7", "17")
SHOWN = 100
FORMS = {"drugs": IS_DRUG, "supplies": IS_SUPPLY, "services": ~IS_DRUG & ~IS_SUPPLY}
"""What each of 20, 19 and 21 takes, by the `lines` that the form keeps."""
_KEY = (
    "charge__code",
    "charge__name",
    "charge__unit",
    "charge__group_code",
    "charge__hospital_price",
    "charge__insured_price",
    "drug",
)
_NAMES = ("code", "name", "unit", "group", "hospital_price", "insured_price", "drug")
_SUMS = ("outpatient", "inpatient", "amount", "fund")
_INPATIENT = Q(result__visit__visit_type__in=INPATIENT_TYPES)
_GROUP_TITLES = {
    "13": "Khám bệnh",
    "14": "Ngày giường ban ngày",
    "15": "Ngày giường nội trú",
    "16": "Ngày giường lưu",
    "1": "Xét nghiệm",
    "2": "Chẩn đoán hình ảnh",
    "3": "Thăm dò chức năng",
    "8": "Phẫu thuật",
    "18": "Thủ thuật",
    "9": "Dịch vụ kỹ thuật thanh toán theo tỷ lệ",
    "7": "Máu",
    "17": "Chế phẩm máu",
    "12": "Vận chuyển",
    "10": "Vật tư y tế trong danh mục",
    "11": "Vật tư y tế thanh toán theo tỷ lệ",
}
"""Groups of services and supplies in the order in which they are listed (MA_NHOM)."""
_DRUG_TITLES = {
    ItemKind.DRUG.value: "Thuốc tân dược",
    ItemKind.HERBAL.value: "Chế phẩm y học cổ truyền",
    ItemKind.HERB.value: "Vị thuốc y học cổ truyền",
    "blood": "Máu và chế phẩm máu",
}


def claimed_items(query: Query) -> Dataset:
    """The lines of one form by item: quantities of outpatients and inpatients, insured amount and the fund's part.

    A drug is told apart by the row of the list that was prescribed or given in its place, so by registration and bid.
    """
    found = Dataset()
    which: str = query.keep["lines"]
    titles = _DRUG_TITLES if which == "drugs" else _GROUP_TITLES
    rows = _rows(query, which)
    drugs = Drug.objects.for_facility(query.facility).in_bulk({row["drug"] for row in rows if row["drug"]})
    supplies = _supplies(query, rows) if which == "supplies" else {}
    for row in rows:
        drug = drugs.get(row["drug"]) or supplies.get(row["code"])
        section = _section(which, row["group"], drug)
        if section not in titles:
            found.flags["no_group"].append(_ref(row))
        found.rows.append(Row(_ref(row), None, _own(row, drug), section))
    order = [*titles, *sorted({row.section for row in found.rows} - titles.keys())]
    used = {row.section for row in found.rows}
    found.sections = [(key, titles.get(key, f"Nhóm {key}")) for key in order if key in used]
    found.rows.sort(key=lambda row: (order.index(row.section), row.own["name"], row.ref))
    _compare(query, found)
    return found


def _rows(query: Query, which: str) -> list[dict[str, Any]]:
    summed = (
        _lines(query, which)
        .order_by()
        .values(*_KEY)
        .annotate(
            outpatient=Coalesce(Sum("charge__quantity", filter=~_INPATIENT), Value(ZERO)),
            inpatient=Coalesce(Sum("charge__quantity", filter=_INPATIENT), Value(ZERO)),
            amount=Sum("insured_amount"),
            fund=Sum("fund_amount"),
        )
    )
    names = (*_NAMES, *_SUMS)
    return [dict(zip(names, row, strict=True)) for row in summed.values_list(*_KEY, *_SUMS)]


def _lines(query: Query, which: str) -> QuerySet[BenefitLine]:
    drug = _drug() if which == "drugs" else Value(0)
    return claimed_lines(query).exclude(insured_amount=0).filter(FORMS[which]).annotate(drug=drug)


def _drug() -> Case:
    """The row of the list behind a line: what was prescribed, or the product given in its place."""

    def of(model: Any) -> Subquery:
        return Subquery(model.objects.filter(pk=OuterRef("charge__source_id")).values("drug_id")[:1])

    return Case(
        When(charge__source_kind=Charge.SourceKind.PRESCRIPTION_LINE, then=of(PrescriptionLine)),
        When(charge__source_kind=Charge.SourceKind.SUBSTITUTION, then=of(Substitution)),
        default=Value(0),
        output_field=IntegerField(),
    )


def _supplies(query: Query, rows: Sequence[Mapping[str, Any]]) -> dict[str, Drug]:
    """Supplies of the list by MA_VAT_TU, on the last day; two of one code are not told apart and so not named."""
    listed = Drug.objects.for_facility(query.facility).supplies().on(query.period.end)
    found: dict[str, list[Drug]] = {}
    for item in listed.filter(ingredient_code__in={row["code"] for row in rows}):
        found.setdefault(item.ingredient_code, []).append(item)
    return {code: items[0] for code, items in found.items() if len(items) == 1}


def _section(which: str, group: str, drug: Drug | None) -> str:
    if which != "drugs":
        return group
    return "blood" if group in BLOOD_GROUPS else drug.kind if drug is not None else ItemKind.DRUG.value


def _ref(row: Mapping[str, Any]) -> str:
    return json.dumps([str(row[name]) for name in _NAMES], ensure_ascii=False)


def _own(row: Mapping[str, Any], drug: Drug | None) -> dict[str, Any]:
    listed = {
        "ingredient": drug.ingredient if drug else "",
        "listed_name": drug.name if drug else "",
        "route": ", ".join(filter(None, (drug.route_name, drug.dose_form))) if drug else "",
        "strength": drug.strength if drug else "",
        "registration_no": drug.registration_no if drug else "",
        "bid": drug.bid_info if drug else "",
        "bought_at": money_text(drug.price) if drug else "",
        "packing": drug.packaging if drug else "",
    }
    return {**{name: row[name] for name in row if name != "drug"}, **listed}


def _compare(query: Query, found: Dataset) -> None:
    """Hold the three forms against form 01/BH: the lines of each visit add up to its insured amount."""
    lines = claimed_lines(query)
    by_visit = lines.order_by().values("result__visit__claim_code", "result__total_insured_amount")
    wrong = by_visit.annotate(lines=Sum("insured_amount")).exclude(lines=F("result__total_insured_amount"))
    found.flags["visits_differ"] = sorted(row["result__visit__claim_code"] for row in wrong)
    parts = {name: Coalesce(Sum("insured_amount", filter=which), Value(ZERO)) for name, which in FORMS.items()}
    sums = lines.aggregate(**parts)
    total = sum(sums.values(), ZERO)
    found.notes.append(
        f"Vật tư (19/BHYT) {money_text(sums['supplies'])} + thuốc (20/BHYT) {money_text(sums['drugs'])} + dịch vụ"
        f" (21/BHYT) {money_text(sums['services'])} = {money_text(total)} đ"
    )


def explain_item_visits(query: Query, ref: str) -> Explained:
    """The visits behind an item by claim code, as they are now."""
    lines = _lines(query, query.keep["lines"]).filter(**dict(zip(_KEY, json.loads(ref), strict=True)))
    return "reports/_item_visits.html", {
        "count": lines.count(),
        "lines": lines.select_related("charge", "result__visit").order_by("result__visit__claim_code")[:SHOWN],
    }
