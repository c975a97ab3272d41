"""Triggers that note which visits changed since their claims were built."""

from django.db import migrations

from insurance.migrations._following import fix_link, follow, shared_functions

_ORDER = "(SELECT visit_id FROM patients_serviceorder WHERE id = source.order_id)"
_RESULT = "(SELECT visit_id FROM insurance_benefitresult WHERE id = source.result_id)"
_PRESCRIPTION = "(SELECT visit_id FROM patients_prescription WHERE id = source.prescription_id)"
_DISPENSE = """(SELECT p.visit_id FROM pharmacy_dispense d JOIN patients_prescription p ON p.id = d.prescription_id
            WHERE d.id = source.dispense_id)"""
_LINE = """(SELECT p.visit_id FROM patients_prescriptionline l JOIN patients_prescription p ON p.id = l.prescription_id
            WHERE l.id = source.prescription_line_id)"""

FOLLOWED = {
    "patients_visit": "source.id",
    "insurance_benefitresult": "source.visit_id",
    "insurance_benefitline": _RESULT,
    "insurance_charge": "source.visit_id",
    "patients_exam": "source.visit_id",
    "patients_visitdiagnosis": "source.visit_id",
    "patients_serviceorder": "source.visit_id",
    "patients_serviceresult": _ORDER,
    "patients_clinicalnote": "source.visit_id",
    "patients_vitalsigns": "source.visit_id",
    "patients_prescription": "source.visit_id",
    "patients_prescriptionline": _PRESCRIPTION,
    "pharmacy_dispense": _PRESCRIPTION,
    "pharmacy_dispenseline": _DISPENSE,
    "pharmacy_substitution": _LINE,
    "insurance_cashentry": "source.visit_id",
}
LINKS = {
    "insurance_benefitresult": "visit_id",
    "patients_serviceorder": "visit_id",
    "patients_prescription": "visit_id",
    "patients_prescriptionline": "prescription_id",
    "pharmacy_dispense": "prescription_id",
}


class Migration(migrations.Migration):
    dependencies = [
        ("insurance", "0012_source_changes"),
        ("patients", "0006_prescriptions_sent_back"),
        ("pharmacy", "0006_documents_and_requests"),
    ]

    operations = [
        shared_functions(),
        *(follow(table, visit) for table, visit in FOLLOWED.items()),
        *(fix_link(table, column) for table, column in LINKS.items()),
    ]
