"""Models of people, visits and clinical work."""

from patients.models.beds import BedStay
from patients.models.cases import CaseEvent, DiseaseCase
from patients.models.clinical import (
    ClinicalNote,
    Exam,
    ExamAmendment,
    PriceNotice,
    ServiceOrder,
    ServiceResult,
    VisitDiagnosis,
)
from patients.models.managed import ManagedPatient
from patients.models.national import NationalLink, PrescriptionSending
from patients.models.people import Counter, InsuranceCard, Patient, Source
from patients.models.prescriptions import Prescription, PrescriptionLine, PrescriptionSheet
from patients.models.refusals import PrescriptionRefusal
from patients.models.safety import HealthFacts, PatientAllergy, SafetyGap, SafetyOverride
from patients.models.visits import QueueTicket, Route, Visit, VitalSigns

__all__ = [
    "BedStay",
    "CaseEvent",
    "ClinicalNote",
    "Counter",
    "DiseaseCase",
    "Exam",
    "ExamAmendment",
    "HealthFacts",
    "InsuranceCard",
    "ManagedPatient",
    "NationalLink",
    "Patient",
    "PatientAllergy",
    "Prescription",
    "PrescriptionLine",
    "PrescriptionRefusal",
    "PrescriptionSending",
    "PrescriptionSheet",
    "PriceNotice",
    "QueueTicket",
    "Route",
    "SafetyGap",
    "SafetyOverride",
    "ServiceOrder",
    "ServiceResult",
    "Source",
    "Visit",
    "VisitDiagnosis",
    "VitalSigns",
]
