"""Addresses of the reports package."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
