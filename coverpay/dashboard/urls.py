"""Addresses of the pages that read across the apps."""

from __future__ import annotations

from django.urls import path

from coverpay.dashboard import views

urlpatterns = [
    path("", views.Home.as_view(), name="home"),
    path("search/", views.Search.as_view(), name="search"),
    path("go/<id:object_id>/", views.Go.as_view(), name="go"),
    path("organization/", views.SwitchOrganization.as_view(), name="switch-organization"),
    path("policies/new/", views.NewQuote.as_view(), name="new-quote"),
    path("policies/<id:policy_id>/", views.PolicyDetail.as_view(), name="policy"),
    path("invoices/<id:invoice_id>/", views.InvoiceDetail.as_view(), name="invoice"),
]
