"""Addresses of the registers desk and of the morning briefing."""

from django.urls import URLPattern, path

from reports.views import briefing, register_entries, registers

urlpatterns: list[URLPattern] = [
    path("", registers.registers, name="registers"),
    path("briefing/", briefing.briefing, name="briefing"),
    path("briefing/pdf/", briefing.briefing_pdf, name="briefing-pdf"),
    path("briefing/lock/", briefing.briefing_lock, name="briefing-lock"),
    path("briefing/departments/<int:pk>/", briefing.briefing_department, name="briefing-department"),
    path("people/", register_entries.people, name="register-people"),
    path("visits/<int:pk>/", register_entries.from_visit, name="register-visit"),
    path("lines/<int:pk>/", register_entries.entry, name="register-entry"),
    path("lines/<int:pk>/correct/", register_entries.entry_correct, name="register-entry-correct"),
    path("lines/<int:pk>/cancel/", register_entries.entry_cancel, name="register-entry-cancel"),
    path("<str:code>/", registers.register, name="register"),
    path("<str:code>/new/", register_entries.entry_new, name="register-entry-new"),
    path("<str:code>/pdf/", registers.register_pdf, name="register-pdf"),
    path("<str:code>/xlsx/", registers.register_xlsx, name="register-xlsx"),
    path("<str:code>/unexamined/", registers.register_unexamined, name="register-unexamined"),
    path("<str:code>/numbering/", registers.register_numbering, name="register-numbering"),
]
