"""What is read of filings: of one version, of a report, and those that a visit stands in."""

from collections.abc import Sequence
from datetime import date

from django.db.models import Q, QuerySet

from his.accounts.models import Facility
from his.core.dates import local
from his.core.errors import NotFound
from patients.models import Visit
from reports.datasets.adjustments import SETTLEMENT
from reports.definition import load_version
from reports.filing_models import Filing, FilingStep
from reports.models import ReportRun

State = Filing.State
BADGES: dict[str, str] = {
    State.CHECKED: "wait",
    State.SIGNED: "info",
    State.SENT: "ok",
    State.WITHDRAWN: "off",
}


def filing_of(run: ReportRun) -> Filing | None:
    """The latest filing of a version; None for a draft."""
    rows = Filing.objects.for_facility(run.facility).filter(run=run).select_related("run__facility", "facility")
    return rows.order_by("-pk").first()


def filed_version(run: ReportRun) -> Filing | None:
    """The signed or sent version of the same report, whichever it is."""
    rows = Filing.objects.for_facility(run.facility).filter(**run.report, state__in=(State.SIGNED, State.SENT))
    return rows.select_related("run__facility", "facility").first()


def get_filing(facility: Facility, pk: int) -> Filing:
    """A filing of the facility, or NotFound."""
    rows = Filing.objects.for_facility(facility).select_related("run__facility", "facility").filter(pk=pk)
    if (found := rows.first()) is None:
        raise NotFound
    return found


def steps_of(run: ReportRun) -> list[FilingStep]:
    """Everything that was done with a version, oldest first."""
    rows = FilingStep.objects.for_facility(run.facility).filter(filing__run=run)
    return list(rows.select_related("by", "filing").order_by("pk"))


def filed_with(facility: Facility, claim_code: str, day: date) -> list[Filing]:
    """Reports in force that were signed or sent and that hold the visit, or whose period holds the day on which it
    ended; latest period first."""
    rows = Filing.objects.for_facility(facility).filter(state__in=(State.SIGNED, State.SENT))
    rows = rows.filter(Q(refs__contains=[claim_code]) | Q(period_start__lte=day, period_end__gte=day))
    return list(rows.select_related("run__facility", "facility").order_by("-period_start", "form", "store"))


def filed_month(visit: Visit) -> date | None:
    """The first day of the month whose 01/BH, signed or sent and in force, asks the fund for a visit; the latest."""
    rows = filed_settlements(visit.facility).filter(refs__contains=[visit.claim_code]).order_by("-period_start")
    found: date | None = rows.values_list("period_start", flat=True).first()
    return found


def filed_settlements(facility: Facility) -> QuerySet[Filing]:
    """The signed or sent forms 01/BH in force."""
    return Filing.objects.for_facility(facility).filter(form=SETTLEMENT, state__in=(State.SIGNED, State.SENT))


def states_of(runs: Sequence[ReportRun]) -> dict[int, Filing]:
    """The latest filing of each of some versions."""
    rows = (
        Filing.objects.defer("refs", "checks")
        .filter(run__in=[run.pk for run in runs])
        .order_by("run_id", "-pk")
        .distinct("run_id")
    )
    return {filing.run_id: filing for filing in rows}


def filing_badge(filing: Filing) -> tuple[str, str]:
    """(words, kind of badge) of a filing."""
    return filing.get_state_display(), BADGES[filing.state]


def filing_title(filing: Filing) -> str:
    """As said at a desk: 01/BH 10/2026, báo cáo bổ sung 1."""
    number = load_version(filing.form, filing.run.values["definition"])["number"].removeprefix("Mẫu số ")
    extra = f", báo cáo bổ sung {filing.supplement}" if filing.supplement else ""
    store = f" kho {filing.store}" if filing.store else ""
    return f"{number} {filing.period_start:%m/%Y}{store}{extra}"


def filed_text(filing: Filing) -> str:
    """đã gửi ngày 12/11/2026, or đã ký ngày ..."""
    step = filing.steps.filter(state=filing.state).last()
    at = (step.sent_at or step.at) if step else filing.signed_at
    return f"{filing.get_state_display().lower()} ngày {local(at):%d/%m/%Y}" if at else ""
