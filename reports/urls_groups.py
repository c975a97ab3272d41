"""Addresses of the overview of groups of facilities."""

from django.urls import URLPattern, path

from reports.views import overview

urlpatterns: list[URLPattern] = [
    path("", overview.groups, name="overview-groups"),
    path("<int:pk>/", overview.group, name="overview-group"),
]
