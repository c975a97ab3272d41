"""Addresses of the administrator's desk and of the audit list: opaque ids only, names are sent by POST."""

from django.urls import path

from his.accounts.views import accounts, audit, catalogs, facility, places, staff

urlpatterns = [
    path("desk/", accounts.account_list, name="admin"),
    path("desk/accounts/new/", accounts.account_new, name="admin-account-new"),
    path("desk/accounts/<int:pk>/", accounts.account, name="admin-account"),
    path("desk/accounts/<int:pk>/stop/", accounts.account_stop, name="admin-account-stop"),
    path("desk/accounts/<int:pk>/password/", accounts.account_password, name="admin-account-password"),
    path("desk/staff/", staff.staff_list, name="admin-staff"),
    path("desk/staff/new/", staff.staff_new, name="admin-staff-new"),
    path("desk/staff/<int:pk>/", staff.staff_one, name="admin-staff-one"),
    path("desk/staff/<int:pk>/end/", staff.staff_end, name="admin-staff-end"),
    path("desk/places/", places.place_list, name="admin-places"),
    path("desk/places/exams/", places.exam_options, name="admin-exam-options"),
    path("desk/departments/new/", places.department_new, name="admin-department-new"),
    path("desk/departments/<int:pk>/", places.department, name="admin-department"),
    path("desk/rooms/new/", places.room_new, name="admin-room-new"),
    path("desk/rooms/<int:pk>/", places.room, name="admin-room"),
    path("desk/facility/", facility.facility, name="admin-facility"),
    path("desk/facility/tier/", facility.tier, name="admin-tier"),
    path("desk/catalogs/", catalogs.catalogs, name="admin-catalogs"),
    path("desk/catalogs/<uuid:token>/", catalogs.check, name="admin-catalog-check"),
    path("desk/catalogs/<uuid:token>/findings/", catalogs.findings, name="admin-catalog-findings"),
    path("desk/catalogs/<uuid:token>/changes/", catalogs.changes, name="admin-catalog-changes"),
    path("desk/catalogs/<uuid:token>/import/", catalogs.bring_in, name="admin-catalog-import"),
    path("audit/", audit.audit, name="audit"),
]
