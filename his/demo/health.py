"""Beside the visits of the demonstration: infectious diseases are reported, the register of the managed is kept."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from his.accounts.actor import Actor
from his.core.dates import local, month_range, vn_datetime
from his.demo.places import Place
from patients.chronic import diseases_on
from patients.models import DiseaseCase, Exam, ManagedPatient
from patients.queries_care import proposals
from patients.services.care import decline, end_management, enrol
from patients.services.cases import exclude_case, report_case

_LEFT_OPEN_FROM = 28
"""From this day of the month on cases wait for whoever opens the demonstration."""


def report_cases(exam: Exam, actor: Actor, at: datetime) -> Iterator[datetime]:
    """Report the cases that an exam opened, an hour after its signature; some by telephone, some are none."""
    if local(at).day >= _LEFT_OPEN_FROM:
        return
    waiting = DiseaseCase.objects.filter(exam=exam, state=DiseaseCase.State.OPEN, due_at__isnull=False)
    for case in list(waiting.select_related("visit").order_by("pk")):
        yield at
        number = int(case.visit.claim_code.rpartition(".")[2])
        if number % 9 == 0:
            exclude_case(case=case, reason="Xét nghiệm âm tính, chẩn đoán lại", actor=actor, at=at)
        elif number % 7 == 0:
            report_case(case=case, channel=DiseaseCase.Channel.OTHER, actor=actor, at=at)
        else:
            report_case(case=case, system_code=f"VD-{case.visit.claim_code}", actor=actor, at=at)


def keep_register(place: Place, month: date) -> None:
    """Answer all proposals of the month on its last afternoon: most are enrolled, some newly found, some declined, one
    in twenty goes to another facility."""
    last = month_range(month.year, month.month)[1] - timedelta(days=1)
    doctor, at = place.actor("doctor"), vn_datetime(last, time(16, 30))
    for disease in diseases_on(last).values():
        found = sorted(proposals(place.facility, disease, last), key=lambda one: one.patient.code)
        for number, one in enumerate(found, 1):
            who: dict[str, Any] = {"patient": one.patient, "disease": disease.code, "diagnosis_code": one.seen.code}
            if number % 12 == 0:
                decline(**who, reason="Theo dõi ở tuyến trên", actor=doctor, at=at)
                continue
            is_new = number % 6 == 0
            since = one.first_on if is_new else one.first_on - timedelta(days=30 * (number % 9))
            row = enrol(**who, enrolled_on=since, is_newly_found=is_new, actor=doctor, at=at)
            if number % 20 == 0:
                gone = ManagedPatient.State.TRANSFERRED
                end_management(managed=row, state=gone, reason="Chuyển về nơi cư trú", actor=doctor, at=at)
