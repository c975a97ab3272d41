"""What a facility has already reported of the demo month, so that its calendar shows every state of a report.

Forms 9, 11 and 14 were sent on time, the one of chronic diseases is signed and waits to be sent, the one of mental
disorders is a draft; of 01/BH there is the draft of the export. A report whose checks bar the signature stays checked.
"""

from datetime import date, time, timedelta

from his.core.dates import month_range, vn_datetime
from his.core.errors import Refusal
from his.demo.places import HOSPITAL, Place
from reports.engine import run
from reports.filing.services import check_report, send_report, sign_report
from reports.filing_models import Filing
from reports.period import Period

SENT, SIGNED, DRAFT = ("B9", "B11"), ("KLN",), ("RLTT",)
SENT_BY_HOSPITALS = ("B14",)


def file_reports(place: Place, month: date) -> dict[str, Filing]:
    """Make, check, sign and send the reports of a month in the first days of the next; the filings by form."""
    officer, manager = place.actor("claims"), place.actor("manager")
    third = vn_datetime(month_range(month.year, month.month)[1] + timedelta(days=2), time(14))
    period, filings = Period.month(month), {}
    sent = (*SENT, *(SENT_BY_HOSPITALS if place.facility.code == HOSPITAL else ()))
    for form in (*sent, *SIGNED, *DRAFT):
        made = run(form=form, facility=place.facility, period=period, actor=officer, at=third)
        if form in DRAFT:
            continue
        filing = check_report(run=made, actor=officer, at=third + timedelta(minutes=10))
        filings[form] = filing
        try:
            filing = filings[form] = sign_report(filing=filing, actor=manager, at=third + timedelta(hours=1))
        except Refusal:
            continue
        if form in sent:
            at = third + timedelta(hours=2)
            filings[form] = send_report(
                filing=filing, channel="axis", receipt=f"VD-{form}", sent_at=at, actor=officer, at=at
            )
    return filings
