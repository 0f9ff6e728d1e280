"""Addresses of the payment pages, a block a subject. A page lives in `payments/views/<subject>.py`."""

from __future__ import annotations

from django.urls import path

from payments.views import autopay, charges, inbound, payouts

app_name = "payments"
urlpatterns = [
    path("payments/", charges.PaymentList.as_view(), name="list"),
    path("payments/<id:payment_id>/", charges.PaymentDetail.as_view(), name="detail"),
    path("payments/<id:payment_id>/refund/", charges.RequestRefund.as_view(), name="refund"),
    path("attempts/<id:attempt_id>/resolve/", charges.Resolve.as_view(), name="resolve"),
    path("payouts/", payouts.Payouts.as_view(), name="payouts"),
    path("payouts/<id:payout_id>/", payouts.PayoutDetail.as_view(), name="payout"),
    path("policies/<id:policy_id>/autopay/", autopay.Enrol.as_view(), name="autopay"),
    path("policies/<id:policy_id>/autopay/end/", autopay.End.as_view(), name="end-autopay"),
    path("inbound/", inbound.InboundList.as_view(), name="inbound"),
]
