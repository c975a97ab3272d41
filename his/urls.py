"""Every address of the product."""

from django.urls import include, path

from his.api import api

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
    path("admin/", include("his.accounts.urls")),
    path("api/", api.urls),
    path("patients/", include("patients.urls")),
    path("patients/papers/", include("patients.printing.urls")),
    path("pharmacy/", include("pharmacy.urls")),
    path("insurance/", include("insurance.urls")),
    path("insurance/papers/", include("insurance.printing.urls")),
    path("reports/", include("reports.urls")),
    path("", include("his.ui.urls")),
]
