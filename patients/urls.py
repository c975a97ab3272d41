"""Addresses of the patients package."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
