"""Addresses of the ledger pages."""

from __future__ import annotations

from django.urls import path

from reconciliation.ledger import views

app_name = "ledger"
urlpatterns = [
    path("ledger/", views.Accounts.as_view(), name="accounts"),
    path("ledger/trial-balance/", views.TrialBalance.as_view(), name="trial-balance"),
    path("ledger/accounts/<int:account_id>/", views.AccountDetail.as_view(), name="account"),
    path("ledger/entries/<id:entry_id>/", views.EntryDetail.as_view(), name="entry"),
]
