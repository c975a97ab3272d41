"""The claims of a month compared with each other, by the rules that look across claims."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime

from his.accounts.actor import Actor
from his.service import audit_facts, service
from insurance.claims.findings import keep, note_check
from insurance.claims.queries import claims_of_month
from insurance.claims.stored import tables_of
from insurance.locks import lock_claims
from insurance.models import Claim, Finding
from insurance.rules.books import RuleBooks
from insurance.rules.catalogs import rule_books
from insurance.rules.engine import Batch, VisitFacts
from insurance.rules.engine import Finding as Found
from insurance.standards import Standard, load

CHUNK = 500


@service(action="claims.check_month", permission="claims.build")
def check_month(
    *,
    month: date,
    actor: Actor,
    at: datetime,
    books: RuleBooks | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Compare the current claims of a month (kiểm tra chéo cả tháng); how many findings that gave.

    Afterwards the claims have exactly the findings of this comparison, beside those of their own. Claims are read one
    chunk at a time; what is kept in memory is what the rules remember of each.
    """
    lock_claims(actor.facility)
    books = books or rule_books(actor.facility)
    batches: dict[Standard, Batch] = {}
    claims = claims_of_month(actor.facility, month).select_related("layout").order_by("claim_code")
    for number, claim in enumerate(claims.iterator(chunk_size=CHUNK), 1):
        standard = load(claim.standard)
        if standard not in batches:
            batches[standard] = books.of(standard).batch()
        batches[standard].feed(claim.pk, VisitFacts(standard, tables_of(claim)))
        if progress is not None and number % CHUNK == 0:
            progress(number)
    found: dict[int, list[Found]] = defaultdict(list)
    for batch in batches.values():
        for place, one in batch.finish():
            found[place].append(one)  # type: ignore[index]  # the places are the ids that were fed
    had = Finding.objects.for_facility(actor.facility).filter(
        is_shared=True, claim__is_current=True, claim__visit__claim_month=month.replace(day=1)
    )
    touched = Claim.objects.filter(pk__in={*found, *had.values_list("claim_id", flat=True)}, is_current=True)
    keep(actor.facility, found, list(touched.only("facility", "claim_code", "state")), shared=True)
    note_check(actor.facility, month, books, at, shared=True)
    total = sum(len({one.key for one in some}) for some in found.values())
    audit_facts(month=month.strftime("%Y-%m"), findings=total)
    return total
