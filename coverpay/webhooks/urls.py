"""Addresses of the webhook pages."""

from __future__ import annotations

from django.urls import path

from coverpay.webhooks import views

app_name = "webhooks"
urlpatterns = [
    path("webhooks/", views.Endpoints.as_view(), name="list"),
    path("webhooks/<id:endpoint_id>/rotate-secret/", views.RotateSecret.as_view(), name="rotate-secret"),
    path("webhooks/<id:endpoint_id>/disable/", views.Disable.as_view(), name="disable"),
    path("webhooks/<id:endpoint_id>/enable/", views.Enable.as_view(), name="enable"),
    path("webhooks/deliveries/", views.Deliveries.as_view(), name="deliveries"),
    path("webhooks/deliveries/<id:delivery_id>/", views.DeliveryDetail.as_view(), name="delivery"),
    path("webhooks/deliveries/<id:delivery_id>/retry/", views.Retry.as_view(), name="retry"),
]
