"""Every address of the product."""

from django.urls import include, path

from his.api import api

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
    path("api/", api.urls),
    path("patients/", include("patients.urls")),
    path("pharmacy/", include("pharmacy.urls")),
    path("insurance/", include("insurance.urls")),
    path("reports/", include("reports.urls")),
    path("", include("his.ui.urls")),
]
