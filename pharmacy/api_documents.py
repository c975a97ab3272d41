"""Papers of the stores at the programming interface: documents, drafts, goods in transit, requests."""

from datetime import date

from django.utils import timezone
from ninja import Query, Router

from his.access import DeskRequest, requires
from his.accounts.models import Facility
from his.catalogs.queries import item_on
from his.core.dates import day_range
from his.core.errors import NotFound, Refusal
from pharmacy import queries_documents as papers
from pharmacy.models import Lot, StockDocument, StockDraft, StockRequest, Store
from pharmacy.queries import stores
from pharmacy.schemas_documents import (
    ApproveIn,
    DetailIn,
    DocumentOut,
    DraftIn,
    DraftLineIn,
    DraftOut,
    FullDocumentOut,
    PostIn,
    RequestIn,
    RequestOut,
    TransitOut,
)
from pharmacy.services.details import Detail, Member
from pharmacy.services.drafts import DraftHead, DraftLine, post_draft, start_draft
from pharmacy.services.requests import AskLine, approve_request, send_request, write_request

router = Router(tags=["pharmacy"])

MOST = 200
"""A list gives the latest this many; narrow it by period to see older ones."""


@router.get("/documents", response=list[DocumentOut])
@requires("pharmacy.view")
def list_documents(
    request: DeskRequest,
    store: str = Query("", max_length=20),
    kind: str = Query("", max_length=20),
    state: str = Query("", max_length=20),
    first: date | None = None,
    last: date | None = None,
) -> list[StockDocument]:
    """Posted documents, latest first; state is `posted` or `reversed`."""
    facility = request.actor.facility
    for day in (first, last):
        _check_day(day)
    rows = papers.found_documents(
        facility, store=_store(facility, store), kind=kind, state=state, first=first, last=last
    )
    return list(rows[:MOST])


@router.get("/documents/{document_id}", response=FullDocumentOut)
@requires("pharmacy.view")
def get_document(request: DeskRequest, document_id: int) -> StockDocument:
    """One document with its lines."""
    return papers.document(request.actor.facility, document_id)


@router.get("/drafts", response=list[DraftOut])
@requires("pharmacy.view")
def list_drafts(request: DeskRequest) -> list[StockDraft]:
    """Drafts that wait to be finished, latest change first."""
    return list(papers.open_drafts(request.actor.facility)[:MOST])


@router.post("/drafts", response=DraftOut)
@requires("pharmacy.draft")
def post_new_draft(request: DeskRequest, body: DraftIn) -> StockDraft:
    """Keep a draft; lines may be incomplete."""
    facility = request.actor.facility
    head = DraftHead(
        store=_store(facility, body.store_code),
        target_store=_store(facility, body.target_store_code),
        supplier=body.supplier,
        reason=body.reason,
        detail=_detail(body.detail) if body.detail else Detail(),
    )
    return start_draft(
        kind=body.kind,
        head=head,
        lines=[_line(facility, line) for line in body.lines],
        origin=None if body.origin_id is None else papers.document(facility, body.origin_id),
        request=None if body.request_id is None else papers.request(facility, body.request_id),
        actor=request.actor,
        at=timezone.now(),
    )


@router.post("/drafts/{draft_id}/post", response=FullDocumentOut)
@requires("pharmacy.draft")
def post_the_draft(request: DeskRequest, draft_id: int, body: PostIn) -> StockDocument:
    """Make the document of a draft; a second call is refused with `already_posted`."""
    draft = papers.draft(request.actor.facility, draft_id)
    confirmed = {"confirm_unusual": body.confirm_unusual, "confirm_clock": body.confirm_clock}
    return post_draft(draft=draft, **confirmed, actor=request.actor, at=timezone.now())


@router.get("/transit", response=list[TransitOut])
@requires("pharmacy.view")
def list_transit(request: DeskRequest) -> list[papers.Transit]:
    """Everything that was sent and has not arrived."""
    return papers.in_transit(request.actor.facility)


@router.get("/requests", response=list[RequestOut])
@requires("pharmacy.view")
def list_requests(request: DeskRequest, state: str = Query("", max_length=20)) -> list[StockRequest]:
    """Requests between stores, latest first."""
    return list(papers.requests(request.actor.facility, state=state)[:MOST])


@router.post("/requests", response=RequestOut)
@requires("pharmacy.draft")
def post_request(request: DeskRequest, body: RequestIn) -> StockRequest:
    """Ask another store for drugs."""
    facility, now = request.actor.facility, timezone.now()
    store, source = _store(facility, body.store_code), _store(facility, body.source_store_code)
    if store is None or source is None:
        raise NotFound("Không tìm thấy kho tại cơ sở này")
    today = timezone.localdate()
    asked = write_request(
        store=store,
        source_store=source,
        note=body.note,
        lines=[AskLine(item_on(facility, line.drug_code, today), line.quantity, line.note) for line in body.lines],
        idempotency_key=body.idempotency_key,
        actor=request.actor,
        at=now,
    )
    if asked.state == StockRequest.State.DRAFT:
        asked = send_request(request=asked, actor=request.actor, at=now)
    return asked


@router.post("/requests/{request_id}/approve", response=RequestOut)
@requires("pharmacy.approve")
def post_approval(request: DeskRequest, request_id: int, body: ApproveIn) -> StockRequest:
    """Approve a request by its lines."""
    asked = papers.request(request.actor.facility, request_id)
    return approve_request(
        request=asked, approved=body.approved, note=body.note, actor=request.actor, at=timezone.now()
    )


def _detail(given: DetailIn) -> Detail:
    board = tuple(Member(one.name, one.title) for one in given.board)
    return Detail(**given.dict(exclude={"board"}), board=board)


def _line(facility: Facility, line: DraftLineIn) -> DraftLine:
    given = line.dict(exclude={"drug_code", "lot_id"})
    drug = item_on(facility, line.drug_code, timezone.localdate()) if line.drug_code else None
    lot = None
    if line.lot_id is not None:
        lot = Lot.objects.for_facility(facility).filter(pk=line.lot_id).first()
        if lot is None:
            raise NotFound("Không tìm thấy lô tại cơ sở này")
    return DraftLine(drug=drug, lot=lot, **given)


def _store(facility: Facility, code: str) -> Store | None:
    if not code:
        return None
    found: Store | None = stores(facility).filter(code=code).first()
    if found is None:
        raise NotFound("Không tìm thấy kho tại cơ sở này")
    return found


def _check_day(day: date | None) -> None:
    try:
        if day is not None:
            day_range(day)
    except OverflowError:
        raise Refusal("bad_day", "Ngày ngoài khoảng xem được", field="day") from None
