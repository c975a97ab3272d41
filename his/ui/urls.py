"""Addresses of the pages that belong to no desk."""

from django.urls import path

from his.ui import views

urlpatterns = [
    path("", views.home, name="home"),
    path("script.<slug:version>.js", views.script_file, name="script"),
    path("keys/", views.keys, name="keys"),
    path("keys/switch/", views.switch_keys, name="switch_keys"),
    path("facility/", views.switch_facility, name="switch_facility"),
]
