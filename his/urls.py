"""Every address of the product."""

from django.http import Http404
from django.urls import include, path, re_path
from django.views.defaults import page_not_found

from his.api import api

urlpatterns = [
    # Nobody signs up or resets a password by mail here: of the sign-in library only these pages exist.
    re_path(r"^accounts/(?!(?:login|logout|password/change)/$)", page_not_found, {"exception": Http404()}),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", include("his.accounts.urls")),
    path("prices/", include("his.accounts.urls_prices")),
    path("items/", include("his.catalogs.urls")),
    path("api/", api.urls),
    path("patients/", include("patients.urls")),
    path("patients/papers/", include("patients.printing.urls")),
    path("pharmacy/", include("pharmacy.urls")),
    path("pharmacy/papers/", include("pharmacy.printing.urls")),
    path("insurance/", include("insurance.urls")),
    path("insurance/papers/", include("insurance.printing.urls")),
    path("reports/", include("reports.urls")),
    path("registers/", include("reports.urls_registers")),
    path("overview/", include("reports.urls_overview")),
    path("groups/", include("reports.urls_groups")),
    path("", include("his.ui.urls")),
]
