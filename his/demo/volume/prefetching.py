"""Records of a month by `prefetch_related`, as one would write it first; only `bench claims` uses it, to compare."""

from collections.abc import Iterator
from datetime import date

from django.db.models import Prefetch

from his.accounts.models import Facility, Staff
from his.catalogs.models import ProcedureCode
from insurance.claims.gather import Record
from insurance.models import BenefitLine, BenefitResult, CashEntry, Charge
from patients.models import Exam, Prescription, PrescriptionLine, ServiceOrder, ServiceResult, Visit
from pharmacy.models import DispenseLine


def records(facility: Facility, month: date, chunk_size: int) -> Iterator[Record]:
    """The closed visits of the month by claim code, with all that their claims say."""
    lines = BenefitLine.objects.select_related("charge").order_by("position")
    results = BenefitResult.objects.filter(is_current=True).prefetch_related(Prefetch("lines", lines))
    readings = ServiceResult.objects.select_related("read_by").order_by("position")
    orders = ServiceOrder.objects.filter(state=ServiceOrder.State.PERFORMED).order_by("id")
    orders = orders.select_related("ordered_by", "performed_by", "department", "service")
    drugs = PrescriptionLine.objects.select_related(
        "drug", "prescription__prescribed_by", "prescription__exam__department"
    )
    given = DispenseLine.objects.filter(dispense__is_reversed=False).select_related("dispense")
    visits = Visit.objects.filter(facility=facility, claim_month=month, state=Visit.State.CLOSED)
    visits = visits.select_related("patient", "card", "facility").order_by("claim_code")
    visits = visits.prefetch_related(
        Prefetch("benefit_results", results),
        Prefetch("exams", Exam.objects.select_related("doctor", "department").order_by("started_at", "id")),
        "diagnoses",
        Prefetch("orders", orders.prefetch_related(Prefetch("results", readings))),
        Prefetch(
            "prescriptions",
            Prescription.objects.prefetch_related(
                Prefetch("lines", drugs.prefetch_related(Prefetch("dispensed", given)))
            ),
        ),
        "notes__written_by",
        "vital_signs",
        Prefetch("cash_entries", CashEntry.objects.order_by("at", "id")),
    )
    codes = dict(ProcedureCode.objects.values_list("service_code", "icd9_code"))
    head = Staff.objects.filter(facility=facility, is_head=True).order_by("valid_from").first()
    for visit in visits.iterator(chunk_size=chunk_size):
        yield _record(visit, codes, head.licence_no if head else "")


def _record(visit: Visit, codes: dict[str, str], head: str) -> Record:
    (result,) = visit.benefit_results.all()
    rows = [line for prescription in visit.prescriptions.all() for line in prescription.lines.all()]
    charged = {
        line.charge.source_id
        for line in result.lines.all()
        if line.charge.source_kind == Charge.SourceKind.PRESCRIPTION_LINE
    }
    weights = [row.weight_kg for row in visit.vital_signs.all() if row.weight_kg is not None]
    entries = list(visit.cash_entries.all())
    diagnoses = sorted(visit.diagnoses.all(), key=lambda row: (-row.exam_id, not row.is_main, row.position, row.pk))
    return Record(
        visit=visit,
        result=result,
        lines=list(result.lines.all()),
        exams=list(visit.exams.all()),
        diagnoses=diagnoses,
        orders={order.pk: order for order in visit.orders.all()},
        results=[reading for order in visit.orders.all() for reading in order.results.all()],
        drugs={row.pk: row for row in rows if row.pk in charged},
        dispensed_at={
            (Charge.SourceKind.PRESCRIPTION_LINE.value, row.pk): line.dispense.dispensed_at
            for row in rows
            for line in row.dispensed.all()
        },
        notes=list(visit.notes.all()),
        weight_kg=weights[-1] if weights else None,
        paid_at=entries[-1].at if entries else visit.closed_at,
        signatory_licence=head,
        procedure_codes=codes,
    )
