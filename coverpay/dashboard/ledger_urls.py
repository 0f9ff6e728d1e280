"""Addresses of the ledger pages. They stand here because only the edge can tell the books the names of upper apps."""

from __future__ import annotations

from typing import Any

from django.urls import path

from payments.queries import gateway_account_names
from reconciliation.ledger import views

NAMES: dict[str, Any] = {"name_owners": gateway_account_names}

app_name = "ledger"
urlpatterns = [
    path("ledger/", views.Accounts.as_view(**NAMES), name="accounts"),
    path("ledger/trial-balance/", views.TrialBalance.as_view(**NAMES), name="trial-balance"),
    path("ledger/accounts/<int:account_id>/", views.AccountDetail.as_view(**NAMES), name="account"),
    path("ledger/entries/<id:entry_id>/", views.EntryDetail.as_view(**NAMES), name="entry"),
]
