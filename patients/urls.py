"""Addresses of the patients package. They carry opaque ids only; searches go by POST."""

from django.urls import URLPattern, path

from patients.urls_clinical import urlpatterns as clinical
from patients.views import beds, care, cases, national, queue, reception, slips, triage

urlpatterns: list[URLPattern] = [
    path("reception/", reception.reception, name="reception"),
    path("reception/find/", reception.find, name="reception-find"),
    path("reception/today/", reception.today, name="reception-today"),
    path("reception/birth/", reception.birth_words, name="reception-birth"),
    path("reception/identity/", reception.identity_words, name="reception-identity"),
    path("reception/communes/", reception.communes, name="reception-communes"),
    path("reception/new/", reception.new, name="reception-new"),
    path("reception/new/save/", reception.save_new, name="reception-save-new"),
    path("reception/patients/<int:pk>/", reception.known, name="reception-known"),
    path("reception/patients/<int:pk>/save/", reception.save_known, name="reception-save-known"),
    path("reception/visits/<int:pk>/", reception.visit, name="reception-visit"),
    path("reception/visits/<int:pk>/cancel/", reception.cancel, name="reception-cancel"),
    path("reception/tickets/<int:pk>/slip/", slips.slip, name="reception-slip"),
    path("reception/tickets/<int:pk>/slip.svg", slips.slip_code, name="reception-slip-code"),
    path("queue/", queue.queue, name="queue"),
    path("queue/board/", queue.board, name="queue-board"),
    path("queue/board/numbers/", queue.board_numbers, name="queue-board-numbers"),
    path("queue/rooms/<int:pk>/", queue.room_queue, name="queue-room"),
    path("queue/rooms/<int:pk>/list/", queue.room_list, name="queue-room-list"),
    path("queue/rooms/<int:pk>/next/", queue.next_number, name="queue-next"),
    path("queue/tickets/<int:pk>/call/", queue.call, name="queue-call"),
    path("queue/tickets/<int:pk>/skip/", queue.skip, name="queue-skip"),
    path("triage/", triage.triage, name="triage"),
    path("triage/list/", triage.triage_list, name="triage-list"),
    path("triage/visits/<int:pk>/", triage.vitals, name="triage-visit"),
    path("beds/", beds.beds, name="beds"),
    path("beds/visits/<int:pk>/", beds.bed_visit, name="bed-visit"),
    path("cases/", cases.cases, name="cases"),
    path("cases/urgent/", cases.badge, name="cases-urgent"),
    path("cases/<int:pk>/", cases.case, name="case"),
    path("care/", care.care, name="care"),
    path("care/proposals/", care.care_proposals, name="care-proposals"),
    path("care/new/", care.care_new, name="care-new"),
    path("care/<int:pk>/", care.care_one, name="care-one"),
    path("prescriptions/national/", national.sending, name="national"),
    path("prescriptions/national/send/", national.send_all, name="national-send"),
    path("prescriptions/national/link/", national.link, name="national-link"),
    path("prescriptions/national/<int:pk>/send/", national.send_one, name="national-send-one"),
    *clinical,
]
