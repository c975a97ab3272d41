"""Addresses of the price lists, which more people read than the administrator's desk."""

from django.urls import path

from his.accounts.views import prices

urlpatterns = [
    path("", prices.services, name="price-lists"),
    path("<str:kind>/", prices.price_list, name="prices"),
    path("<str:kind>/<int:pk>/", prices.price_history, name="price-history"),
]
