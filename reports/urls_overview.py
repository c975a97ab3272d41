"""Addresses of the overview of one's own facility."""

from django.urls import URLPattern, path

from reports.views import overview

urlpatterns: list[URLPattern] = [
    path("", overview.own, name="overview"),
    path("lists/<str:what>/", overview.rows, name="overview-list"),
]
