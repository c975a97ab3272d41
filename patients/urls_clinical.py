"""Addresses of the doctor's and the technician's desks. They carry opaque ids only."""

from django.urls import URLPattern, path

from patients.views import doctor, orders, prescription, results, safety

urlpatterns: list[URLPattern] = [
    path("doctor/", doctor.doctor, name="doctor"),
    path("doctor/queue/", doctor.queue, name="doctor-queue"),
    path("doctor/next/", doctor.next_patient, name="doctor-next"),
    path("doctor/visits/<int:visit_id>/", doctor.visit, name="doctor-visit"),
    path("doctor/visits/<int:visit_id>/panel/", doctor.panel, name="doctor-panel"),
    path("doctor/visits/<int:visit_id>/draft/", doctor.draft, name="exam-draft"),
    path("doctor/visits/<int:visit_id>/sign/", doctor.sign, name="exam-sign"),
    path("doctor/visits/<int:visit_id>/amend/", doctor.amend, name="exam-amend"),
    path("doctor/visits/<int:visit_id>/end/", doctor.end_wait, name="exam-end-wait"),
    path("doctor/visits/<int:visit_id>/warnings/", doctor.warnings, name="exam-warnings"),
    path("doctor/visits/<int:visit_id>/vitals/", doctor.vitals, name="exam-vitals"),
    path("doctor/visits/<int:visit_id>/orders/", orders.orders, name="exam-orders"),
    path("doctor/orders/<int:order_id>/cancel/", orders.cancel, name="order-cancel"),
    path("doctor/visits/<int:visit_id>/prescription/", prescription.prescription, name="exam-prescription"),
    path("doctor/visits/<int:visit_id>/prescription/line/", prescription.line, name="prescription-line"),
    path("safety/visits/<int:visit_id>/", safety.card, name="visit-safety"),
    path("safety/search/allergens/", safety.allergen_search, name="search-allergens"),
    path("doctor/prescriptions/<int:prescription_id>/replace/", prescription.replacement, name="prescription-replace"),
    path("doctor/search/diagnoses/", doctor.diagnosis_search, name="search-diagnoses"),
    path("doctor/search/services/", orders.service_search, name="search-services"),
    path("doctor/search/drugs/", prescription.drug_search, name="search-drugs"),
    path("results/", results.results, name="results"),
    path("results/list/", results.results_list, name="results-list"),
    path("results/<int:order_id>/", results.result, name="result"),
]
