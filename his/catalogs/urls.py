"""Addresses of the list of drugs, herbs and supplies: opaque ids only."""

from django.urls import path

from his.catalogs.views import items

urlpatterns = [
    path("", items.item_list, name="items"),
    path("confirm/", items.confirm, name="items-confirm"),
    path("<int:pk>/", items.item, name="item"),
    path("<int:pk>/attributes/", items.attributes, name="item-attributes"),
    path("<int:pk>/control/", items.control, name="item-control"),
    path("<int:pk>/ingredients/", items.ingredients, name="item-ingredients"),
    path("<int:pk>/ingredients/again/", items.ingredients_again, name="item-ingredients-again"),
]
