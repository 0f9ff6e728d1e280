"""Addresses of the payment pages."""

from __future__ import annotations

from django.urls import path

from payments import autopay_views, views

app_name = "payments"
urlpatterns = [
    path("payments/", views.PaymentList.as_view(), name="list"),
    path("payments/<id:payment_id>/", views.PaymentDetail.as_view(), name="detail"),
    path("payments/<id:payment_id>/refund/", views.RequestRefund.as_view(), name="refund"),
    path("attempts/<id:attempt_id>/resolve/", views.Resolve.as_view(), name="resolve"),
    path("payouts/", views.Payouts.as_view(), name="payouts"),
    path("payouts/<id:payout_id>/", views.PayoutDetail.as_view(), name="payout"),
    path("policies/<id:policy_id>/autopay/", autopay_views.Enrol.as_view(), name="autopay"),
    path("policies/<id:policy_id>/autopay/end/", autopay_views.End.as_view(), name="end-autopay"),
    path("inbound/", views.InboundList.as_view(), name="inbound"),
]
