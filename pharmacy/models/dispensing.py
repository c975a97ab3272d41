"""Prescriptions handed out, by line and lot: in whole or in parts, with what was not given and what came back."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from his.core.models import FacilityModel
from pharmacy.models.documents import StockDocument
from pharmacy.models.stock import Lot
from pharmacy.models.stores import Store

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_NO_DELETE = pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)
_WITHDRAWN = Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True) | Q(
    withdrawn_at__isnull=False, withdrawn_by__isnull=False
)

# Both guards lock the rows that limit, in key order: a window that waited then sees what the other one stored.
_WITHIN_PRESCRIPTION = """
    PERFORM l.id FROM patients_prescriptionline l WHERE l.id IN (SELECT prescription_line_id FROM added)
    ORDER BY l.id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM patients_prescriptionline l WHERE l.id IN (SELECT prescription_line_id FROM added)
        AND l.quantity < (
            SELECT sum(g.quantity) - coalesce(sum((
                SELECT sum(b.quantity) FROM pharmacy_patientreturnline b
                JOIN pharmacy_patientreturn r ON r.id = b.patient_return_id
                WHERE b.dispense_line_id = g.id AND NOT r.is_reversed
            )), 0)
            FROM pharmacy_dispenseline g JOIN pharmacy_dispense d ON d.id = g.dispense_id
            WHERE g.prescription_line_id = l.id AND NOT d.is_reversed
        )
    ) THEN
        RAISE EXCEPTION 'more is given than the prescription says'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'dispense_within_prescription';
    END IF;
    RETURN NULL;
"""
_WITHIN_DISPENSE = """
    PERFORM g.id FROM pharmacy_dispenseline g WHERE g.id IN (SELECT dispense_line_id FROM added)
    ORDER BY g.id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM pharmacy_dispenseline g WHERE g.id IN (SELECT dispense_line_id FROM added)
        AND g.quantity < (
            SELECT sum(b.quantity) FROM pharmacy_patientreturnline b
            JOIN pharmacy_patientreturn r ON r.id = b.patient_return_id
            WHERE b.dispense_line_id = g.id AND NOT r.is_reversed
        )
    ) THEN
        RAISE EXCEPTION 'more comes back than was given'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'return_within_dispense';
    END IF;
    RETURN NULL;
"""


def _after_insert(name: str, func: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="added"),
        func=func,
    )


def _only(*fields: str) -> pgtrigger.Trigger:
    """Nothing but these fields is ever changed."""
    return pgtrigger.Protect(
        name="only_undone", operation=pgtrigger.Update, condition=pgtrigger.AnyChange(exclude=list(fields))
    )


_REVERSED_ONCE = pgtrigger.Protect(
    name="reversed_once", operation=pgtrigger.Update, condition=pgtrigger.Q(old__is_reversed=True)
)


class Dispense(FacilityModel):
    """One handing out from one store (cấp phát). A prescription may be handed out in parts.

    `witnessed_by` is the second person who confirmed drugs under special control, `recipient_name` and
    `recipient_id_number` who took them (TT 26/2025/TT-BYT, TT 18/2026/TT-BYT).
    """

    prescription = models.ForeignKey("patients.Prescription", on_delete=models.PROTECT, related_name="dispenses")
    document = models.OneToOneField(StockDocument, on_delete=models.PROTECT, related_name="dispense")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+")
    dispensed_at = models.DateTimeField()
    dispensed_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    witnessed_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    recipient_name = models.CharField("người nhận", max_length=255, blank=True)
    recipient_id_number = models.CharField("số giấy tờ", max_length=30, blank=True)
    is_reversed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(witnessed_by__isnull=True) | ~Q(witnessed_by=F("dispensed_by")),
                name="dispense_witness_is_another",
            )
        ]
        triggers = [_NO_DELETE, _only("is_reversed"), _REVERSED_ONCE]


class Substitution(FacilityModel):
    """Another product of the same ingredient, strength, route and form in the place of the prescribed one (thay thuốc).

    The line keeps what was prescribed. `agreed_by` is who agreed for the patient (TT 26/2025/TT-BYT); `doctor_name` the
    prescriber who was asked, where that is required. A product once agreed on holds for further parts of the line.
    """

    prescription_line = models.ForeignKey(
        "patients.PrescriptionLine", on_delete=models.PROTECT, related_name="substitutions"
    )
    drug = models.ForeignKey("his.Drug", on_delete=models.PROTECT, related_name="+")
    agreed_by = models.CharField("người đồng ý", max_length=255)
    doctor_name = models.CharField("bác sĩ đồng ý", max_length=255, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["prescription_line", "drug"], name="substitution_once"),
            models.CheckConstraint(condition=~Q(agreed_by=""), name="substitution_agreed"),
        ]
        triggers = [_APPEND_ONLY]


class DispenseLine(FacilityModel):
    """How much of which lot covers a line of the prescription; `lot_reason` when it was not the first to expire.

    What is given and did not come back never exceeds what the line says.
    """

    dispense = models.ForeignKey(Dispense, on_delete=models.PROTECT, related_name="lines")
    prescription_line = models.ForeignKey(
        "patients.PrescriptionLine", on_delete=models.PROTECT, related_name="dispensed"
    )
    substitution = models.ForeignKey(
        Substitution, null=True, blank=True, on_delete=models.PROTECT, related_name="dispensed"
    )
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="+")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    lot_reason = models.CharField("lý do chọn lô", max_length=255, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(quantity__gt=0), name="dispense_quantity_positive")]
        triggers = [_APPEND_ONLY, _after_insert("within_prescription", _WITHIN_PRESCRIPTION)]


class NotGiven(FacilityModel):
    """What of a line is not handed out and why (phần không cấp).

    `is_final`: it will not be given any more; else the patient may come for it while the prescription is valid. What is
    final can be taken back (`withdrawn_at`), and then waits again.
    """

    class Reason(models.TextChoices):
        OUT_OF_STOCK = "out_of_stock", "Hết thuốc"
        DECLINED = "declined", "Người bệnh không nhận"
        HAS_IT = "has_it", "Người bệnh đã có"
        RETURNED = "returned", "Người bệnh trả lại"
        OTHER = "other", "Lý do khác"

    prescription_line = models.ForeignKey(
        "patients.PrescriptionLine", on_delete=models.PROTECT, related_name="not_given"
    )
    dispense = models.ForeignKey(Dispense, null=True, blank=True, on_delete=models.PROTECT, related_name="not_given")
    patient_return = models.ForeignKey(
        "pharmacy.PatientReturn", null=True, blank=True, on_delete=models.PROTECT, related_name="not_given"
    )
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    note = models.CharField("ghi rõ", max_length=255, blank=True)
    is_final = models.BooleanField("không cấp nữa")
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="not_given_positive"),
            models.CheckConstraint(condition=~Q(reason="other", note=""), name="not_given_other_says_why"),
            models.CheckConstraint(condition=_WITHDRAWN, name="not_given_withdrawn_by"),
        ]
        triggers = [
            _NO_DELETE,
            _only("withdrawn_at", "withdrawn_by"),
            pgtrigger.Protect(
                name="withdrawn_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
        ]


class PatientReturn(FacilityModel):
    """Drugs that a patient brings back (trả lại thuốc). What cannot be used again is written off by `write_off`."""

    dispense = models.ForeignKey(Dispense, on_delete=models.PROTECT, related_name="returns")
    document = models.OneToOneField(StockDocument, on_delete=models.PROTECT, related_name="patient_return")
    write_off = models.OneToOneField(
        StockDocument, null=True, blank=True, on_delete=models.PROTECT, related_name="written_off_return"
    )
    reason = models.CharField(max_length=255)
    returned_at = models.DateTimeField()
    returned_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    is_reversed = models.BooleanField(default=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="return_has_reason")]
        triggers = [_NO_DELETE, _only("is_reversed"), _REVERSED_ONCE]


class PatientReturnLine(FacilityModel):
    """How much of a handed-out lot came back, and whether it is intact (còn nguyên) and may be given to others."""

    patient_return = models.ForeignKey(PatientReturn, on_delete=models.PROTECT, related_name="lines")
    dispense_line = models.ForeignKey(DispenseLine, on_delete=models.PROTECT, related_name="returned")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    is_intact = models.BooleanField("còn nguyên")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(quantity__gt=0), name="return_quantity_positive")]
        triggers = [_APPEND_ONLY, _after_insert("within_dispense", _WITHIN_DISPENSE)]


class Counselling(FacilityModel):
    """What the patient was told about the use of the drugs (tư vấn sử dụng thuốc)."""

    dispense = models.ForeignKey(Dispense, on_delete=models.PROTECT, related_name="counselling")
    text = models.CharField(max_length=2000)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="counselling_not_empty")]
        triggers = [_APPEND_ONLY]


class WindowCall(FacilityModel):
    """A patient called to a dispensing window, or set aside as absent; the last row of a prescription counts."""

    prescription = models.ForeignKey("patients.Prescription", on_delete=models.PROTECT, related_name="window_calls")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+")
    is_absent = models.BooleanField("vắng", default=False)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["facility", "at"], name="window_call_time")]
        triggers = [_APPEND_ONLY]
