"""The his package as a Django app."""

from django.apps import AppConfig


class HisConfig(AppConfig):
    name = "his"
    verbose_name = "Nền tảng"
