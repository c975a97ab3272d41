"""Reporting lost or mixed-up drugs under special control (báo cáo đột xuất, TT 18/2026/TT-BYT annex XI)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import Refusal
from his.locks import lock_name
from his.service import audit_facts, service
from his.ui.text import day_text, minute_text
from patients.services.counters import next_number
from pharmacy.controlled import fingerprint
from pharmacy.incidents import RowText, missing
from pharmacy.models import ControlledIncident, StockDocument, StockDocumentLine
from pharmacy.naming import drug_text
from pharmacy.queries_incidents import controlled_lines, may_be_incident
from pharmacy.services.stock_checks import given_reason, short

State = ControlledIncident.State


@service(action="pharmacy.report_incident", permission="pharmacy.keep_book")
def report_incident(
    *, document: StockDocument, kind: str, found_at: datetime, texts: Mapping[int, RowText], actor: Actor, at: datetime
) -> ControlledIncident:
    """Begin the report of what a loss or a stock-take says of drugs under special control (lập báo cáo đột xuất).

    Afterwards its controlled drugs stand on a report that nobody has signed, with what `texts` says for each line of
    the document by id; it is due 48 hours after `found_at`. Refuses a document without such drugs, one that was undone
    or is reported or dismissed already, and a time to come.
    """
    rows = _begun(document)
    return _made(document, actor, at, kind=_kind(kind), found_at=_past(found_at, at), rows=_written(rows, texts))


@service(action="pharmacy.dismiss_incident", permission="pharmacy.approve_book")
def dismiss_incident(*, document: StockDocument, reason: str, actor: Actor, at: datetime) -> ControlledIncident:
    """Decide as the head of the unit that a document is no loss or mix-up in the sense of the circular, with a reason.

    Afterwards it waits for no report; the decision stays. A report that nobody has signed yet ends by it, also when its
    document was undone. Refuses what `report_incident` refuses, a signed report, and no reason.
    """
    reason = given_reason(reason)
    lock_name("incident", document.pk)
    drafted = ControlledIncident.objects.for_facility(actor.facility).filter(document=document, state=State.DRAFTED)
    if (known := drafted.first()) is not None:
        return _dropped(known, reason, actor, at)
    rows = _begun(document)
    return _made(
        document,
        actor,
        at,
        kind=ControlledIncident.Kind.LOSS,
        found_at=document.posted_at,
        rows=rows,
        state=State.DISMISSED,
        signed_by=actor.user,
        signed_at=at,
        dismiss_reason=reason,
    )


@service(action="pharmacy.edit_incident", permission="pharmacy.keep_book")
def edit_incident(
    *,
    incident: ControlledIncident,
    kind: str,
    found_at: datetime,
    texts: Mapping[int, RowText],
    actor: Actor,
    at: datetime,
) -> ControlledIncident:
    """Write a report anew that nobody has signed yet. Drugs and quantities stay those of the document."""
    current = _locked(incident, State.DRAFTED, "Báo cáo đã ký, không sửa được")
    current.kind, current.found_at = _kind(kind), _past(found_at, at)
    current.rows = _written(current.rows, texts)
    current.save(update_fields=["kind", "found_at", "rows"])
    audit_facts(number=current.number)
    return current


@service(action="pharmacy.sign_incident", permission="pharmacy.approve_book")
def sign_incident(*, incident: ControlledIncident, actor: Actor, at: datetime) -> ControlledIncident:
    """Sign a report as the head of the unit. Afterwards it stands as it is, with its SHA-256.

    The caller has checked the password that signs. Refuses a second signature, a drug without cause or measure, and a
    report whose document was undone meanwhile.
    """
    current = _locked(incident, State.DRAFTED, "Báo cáo này đã ký")
    if not may_be_incident(current.document):
        raise Refusal("document_undone", f"Chứng từ {current.document.number} đã bị hủy, không báo cáo nữa")
    for row in current.rows:
        if what := missing(row):
            label = {"cause": "lý do", "measure": "biện pháp xử lý"}[what]
            raise Refusal("unfinished", f"{row['name']}: chưa ghi {label}", field=f"{what}-{row['line']}")
    head = {"facility": actor.facility.code, "number": current.number, "kind": current.kind}
    head["found_at"] = current.found_at.isoformat()
    current.sha256 = fingerprint(head, current.rows)
    current.state, current.signed_by, current.signed_at = State.SIGNED, actor.user, at
    current.save(update_fields=["state", "signed_by", "signed_at", "sha256"])
    audit_facts(number=current.number, sha256=current.sha256)
    return current


@service(action="pharmacy.record_incident_sent", permission="pharmacy.keep_book")
def record_incident_sent(
    *, incident: ControlledIncident, sent_no: str, sent_to: str, sent_at: datetime, actor: Actor, at: datetime
) -> ControlledIncident:
    """Note under which number, to whom and when a signed report was sent (ghi đã gửi). Final.

    Refuses a report without a signature, an empty number or addressee, and a time before the signature or to come.
    """
    current = _locked(incident, State.SIGNED, "Báo cáo chưa ký hoặc đã ghi gửi")
    sent_no, sent_to = short(sent_no, 50, "sent_no"), short(sent_to, 255, "sent_to")
    if not sent_no:
        raise Refusal("no_number", "Hãy ghi số công văn", field="sent_no")
    if not sent_to:
        raise Refusal("no_addressee", "Hãy ghi nơi nhận", field="sent_to")
    signed_at = current.signed_at
    if signed_at is None or _past(sent_at, at, "sent_at") + timedelta(minutes=1) <= signed_at:
        raise Refusal("time_order", f"Báo cáo ký lúc {_said(signed_at)}, không thể gửi trước đó", field="sent_at")
    current.sent_no, current.sent_to, current.sent_at, current.sent_by = sent_no, sent_to, sent_at, actor.user
    current.state = State.SENT
    current.save(update_fields=["state", "sent_no", "sent_to", "sent_at", "sent_by"])
    audit_facts(number=current.number, reference=sent_no)
    return current


def _dropped(incident: ControlledIncident, reason: str, actor: Actor, at: datetime) -> ControlledIncident:
    current = _locked(incident, State.DRAFTED, "Báo cáo đã ký, không bỏ được")
    current.state, current.dismiss_reason = State.DISMISSED, reason
    current.signed_by, current.signed_at = actor.user, at
    current.save(update_fields=["state", "dismiss_reason", "signed_by", "signed_at"])
    audit_facts(number=current.number, document=current.document.number)
    return current


def row_of(line: StockDocumentLine) -> dict[str, Any]:
    """A line of the document as the report says it, with nothing written beside it yet."""
    drug, document = line.lot.drug, line.document
    is_more = document.kind == StockDocument.Kind.COUNT_UP
    return {
        "line": line.pk,
        "name": drug_text(drug),
        "unit": drug.unit,
        "quantity": f"{line.quantity.normalize():f}",
        "lot": f"{line.lot.number}, {day_text(line.lot.expires_on)}",
        "cause": document.reason,
        "measure": "",
        "note": "Thừa so với sổ" if is_more else "",
    }


def _begun(document: StockDocument) -> list[dict[str, Any]]:
    lock_name("incident", document.pk)
    if ControlledIncident.objects.for_facility(document.facility_id).filter(document=document).exists():
        raise Refusal("already_reported", f"Chứng từ {document.number} đã có báo cáo")
    lines = controlled_lines(document)
    if not may_be_incident(document) or not lines:
        raise Refusal("no_incident", f"Chứng từ {document.number} không có thuốc kiểm soát đặc biệt bị mất, lệch")
    return [row_of(line) for line in lines]


def _made(document: StockDocument, actor: Actor, at: datetime, **said: Any) -> ControlledIncident:
    year = local(at).year
    number = f"DX{year % 100:02d}-{next_number(facility=actor.facility, series=f'incident-{year}'):06d}"
    audit_facts(number=number, document=document.number)
    return ControlledIncident.objects.create(
        facility=actor.facility, document=document, number=number, drafted_by=actor.user, drafted_at=at, **said
    )


def _written(rows: list[dict[str, Any]], texts: Mapping[int, RowText]) -> list[dict[str, Any]]:
    """The rows with what was typed beside them; a row that nothing is said of keeps what it has."""
    done = []
    for row in rows:
        text = texts.get(row["line"])
        said = {name: short(getattr(text, name), 500, f"{name}-{row['line']}") for name in ("cause", "measure", "note")}
        done.append(row | (said if text is not None else {}))
    return done


def _locked(incident: ControlledIncident, state: State, refused: str) -> ControlledIncident:
    rows = ControlledIncident.objects.for_facility(incident.facility_id).select_for_update(of=("self",), no_key=True)
    current: ControlledIncident = rows.select_related("document").get(pk=incident.pk)
    if current.state != state:
        raise Refusal("already_changed", refused)
    return current


def _kind(kind: str) -> str:
    if kind not in ControlledIncident.Kind.values:
        raise Refusal("bad_kind", "Hãy chọn thất thoát hoặc nhầm lẫn", field="kind")
    return kind


def _past(when: datetime, at: datetime, field: str = "found_at") -> datetime:
    if when > at:
        raise Refusal("future", "Thời điểm này chưa tới", field=field)
    return when


def _said(when: datetime | None) -> str:
    return minute_text(when) if when is not None else "chưa rõ"
