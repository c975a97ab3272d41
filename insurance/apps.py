"""The insurance package as a Django app."""

from django.apps import AppConfig


class InsuranceConfig(AppConfig):
    name = "insurance"
    verbose_name = "Viện phí và BHYT"
