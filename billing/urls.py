"""Addresses of the billing pages."""

from __future__ import annotations

from django.urls import path

from billing import views

app_name = "billing"
urlpatterns = [
    path("invoices/", views.InvoiceList.as_view(), name="invoices"),
    path("policies/<id:policy_id>/issue/", views.Issue.as_view(), name="issue"),
]
