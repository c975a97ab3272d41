"""Addresses of the insurance package."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
