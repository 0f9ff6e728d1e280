"""Addresses of the bank pages."""

from __future__ import annotations

from django.urls import path

from reconciliation import views

app_name = "reconciliation"
urlpatterns = [
    path("bank/", views.Home.as_view(), name="home"),
    path("bank/accounts/<id:account_id>/", views.AccountDetail.as_view(), name="account"),
    path("bank/accounts/<id:account_id>/match/", views.RunMatching.as_view(), name="match"),
    path("bank/imports/", views.Imports.as_view(), name="imports"),
    path("bank/imports/<id:import_id>/", views.ImportDetail.as_view(), name="import"),
    path("bank/statements/<id:statement_id>/", views.StatementDetail.as_view(), name="statement"),
    path("bank/breaks/", views.BreakList.as_view(), name="breaks"),
    path("bank/breaks/<id:break_id>/close/", views.CloseBreak.as_view(), name="close-break"),
    path("bank/matches/<id:match_id>/undo/", views.UndoMatch.as_view(), name="undo-match"),
]
