"""What is stored now against what the audit chain wrote down when it was done (docs/audit.md).

A changed amount of a receipt looks like a debt, and a changed split can agree with its changed lines: only the entry of
the moment tells. Rows of bulk loads have none and are not compared.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from his.audit.models import AuditEntry
from insurance.models import BenefitResult, CashEntry
from reports.reconcile.base import CHUNK, Check, Scope

SPLIT_FACTS = {
    "total": "total_hospital_amount",
    "fund": "fund_amount",
    "patient": "patient_amount",
}
"""Facts of closing a visit and the figures of the split that they repeat."""


def as_written_down(scope: Scope) -> Check:
    """Papers that move money, and splits in force, say what the audit chain says of them; no paper is gone."""
    check = Check("journal", "Phiếu thu chi và kết quả tách đúng số tiền mà nhật ký ghi lúc làm")
    _papers(check, scope)
    _splits(check, scope)
    return check


def _papers(check: Check, scope: Scope) -> None:
    written = _written(scope, CashEntry, "amount")
    for entry in scope.entries().iterator(chunk_size=CHUNK):
        facts = written.get(entry.pk)
        if facts is None:
            continue
        check.compared += 1
        if facts["number"] != entry.number:
            check.differs(entry.number, "số phiếu trong nhật ký", entry.number, facts["number"])
        if (said := Decimal(facts["amount"])) != entry.amount:
            check.differs(entry.number, "số tiền của phiếu và trong nhật ký", entry.amount, said)
    kept = CashEntry.objects.for_facility(scope.facility).filter(pk__in=written)  # those of the month, not of all years
    there = set(kept.values_list("pk", flat=True))
    for gone in sorted(written.keys() - there):
        check.differs(written[gone]["number"], "phiếu có trong nhật ký, không còn trong sổ")


def _splits(check: Check, scope: Scope) -> None:
    written = _written(scope, BenefitResult, "fund")
    results = scope.results().select_related("visit").defer("explanation", "parameters")
    for result in results.iterator(chunk_size=CHUNK):
        facts = written.get(result.pk)
        if facts is None:
            continue
        check.compared += 1
        for name, attribute in SPLIT_FACTS.items():
            if (said := Decimal(facts[name])) != (here := getattr(result, attribute)):
                check.differs(result.visit.claim_code, f"{attribute} và trong nhật ký", here, said)


def _written(scope: Scope, model: type[Any], fact: str) -> Mapping[int, dict[str, Any]]:
    """The facts of the entries that made a row, by its key: those that tell its figures."""
    rows = AuditEntry.objects.filter(facility=scope.facility, object_type=model._meta.label_lower, facts__has_key=fact)
    return dict(rows.order_by("pk").values_list("object_id", "facts").iterator(chunk_size=CHUNK))
