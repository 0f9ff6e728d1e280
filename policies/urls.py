"""Addresses of the policy pages; the page of one policy stands in `coverpay.dashboard`, for it reads across apps."""

from __future__ import annotations

from django.urls import path

from policies import views

app_name = "policies"
urlpatterns = [
    path("policies/", views.PolicyList.as_view(), name="list"),
    path("policies/imports/", views.Imports.as_view(), name="imports"),
    path("policies/imports/<id:import_id>/", views.ImportDetail.as_view(), name="import"),
    path("policies/<id:policy_id>/decline/", views.Decline.as_view(), name="decline"),
    path("policies/<id:policy_id>/issued/", views.Issued.as_view(), name="issued"),
    path("policies/<id:policy_id>/expire/", views.Expire.as_view(), name="expire"),
    path("policies/<id:policy_id>/rescind/", views.Rescind.as_view(), name="rescind"),
    path("policies/<id:policy_id>/take-effect/", views.TakeEffect.as_view(), name="take-effect"),
    path("policies/<id:policy_id>/renewal/accept/", views.AcceptRenewal.as_view(), name="accept-renewal"),
    path("policies/<id:policy_id>/renewal/decline/", views.DeclineRenewal.as_view(), name="decline-renewal"),
]
