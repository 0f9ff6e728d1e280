"""Addresses of the pages that read across the apps."""

from __future__ import annotations

from django.urls import path

from coverpay.dashboard import changes, earned, lifecycle, policy, runs, views

urlpatterns = [
    path("", views.Home.as_view(), name="home"),
    path("search/", views.Search.as_view(), name="search"),
    path("go/<id:object_id>/", views.Go.as_view(), name="go"),
    path("organization/", views.SwitchOrganization.as_view(), name="switch-organization"),
    path("policies/new/", views.NewQuote.as_view(), name="new-quote"),
    path("policies/<id:policy_id>/", policy.PolicyDetail.as_view(), name="policy"),
    path("policies/<id:policy_id>/earned/", earned.EarnedPremium.as_view(), name="earned"),
    path("policies/<id:policy_id>/bind/", lifecycle.Bind.as_view(), name="bind"),
    path("policies/<id:policy_id>/endorse/", lifecycle.Endorse.as_view(), name="endorse"),
    path("policies/<id:policy_id>/cancel/", lifecycle.Cancel.as_view(), name="cancel"),
    path("policies/<id:policy_id>/reinstate/", changes.Reinstate.as_view(), name="reinstate"),
    path("policies/<id:policy_id>/rewrite/", changes.Rewrite.as_view(), name="rewrite"),
    path("policies/<id:policy_id>/renew/", changes.OfferRenewal.as_view(), name="offer-renewal"),
    path("policies/<id:policy_id>/audit/", changes.Audit.as_view(), name="audit"),
    path("policies/<id:policy_id>/undo/", changes.Undo.as_view(), name="undo"),
    path("policies/<id:policy_id>/plan/", lifecycle.ChangePlan.as_view(), name="change-plan"),
    path("billing/runs/", runs.Runs.as_view(), name="runs"),
    path("billing/runs/<id:run_id>/", runs.RunDetail.as_view(), name="run"),
    path("invoices/<id:invoice_id>/", views.InvoiceDetail.as_view(), name="invoice"),
]
