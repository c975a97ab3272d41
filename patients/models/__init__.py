"""Models of people, visits and clinical work."""

from patients.models.clinical import (
    ClinicalNote,
    Exam,
    ExamAmendment,
    Prescription,
    PrescriptionLine,
    PriceNotice,
    ServiceOrder,
    ServiceResult,
    VisitDiagnosis,
)
from patients.models.people import Counter, InsuranceCard, Patient, Source
from patients.models.refusals import PrescriptionRefusal
from patients.models.visits import QueueTicket, Route, Visit, VitalSigns

__all__ = [
    "ClinicalNote",
    "Counter",
    "Exam",
    "ExamAmendment",
    "InsuranceCard",
    "Patient",
    "Prescription",
    "PrescriptionLine",
    "PrescriptionRefusal",
    "PriceNotice",
    "QueueTicket",
    "Route",
    "ServiceOrder",
    "ServiceResult",
    "Source",
    "Visit",
    "VisitDiagnosis",
    "VitalSigns",
]
