"""Addresses of the pharmacy package."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
