"""Addresses of the payment pages, a block a subject. A page lives in `payments/views/<subject>.py`."""

from __future__ import annotations

from django.urls import path

from payments.views import autopay, charges, deposits, disbursements, inbound, opt_outs, payouts

app_name = "payments"
urlpatterns = [
    path("messages/unsubscribe/<str:token>/", opt_outs.Unsubscribe.as_view(), name="unsubscribe"),
    path("payments/", charges.PaymentList.as_view(), name="list"),
    path("payments/<id:payment_id>/", charges.PaymentDetail.as_view(), name="detail"),
    path("payments/<id:payment_id>/refund/", charges.RequestRefund.as_view(), name="refund"),
    path("attempts/<id:attempt_id>/resolve/", charges.Resolve.as_view(), name="resolve"),
    path("payouts/", payouts.Payouts.as_view(), name="payouts"),
    path("payouts/<id:payout_id>/", payouts.PayoutDetail.as_view(), name="payout"),
    path("policies/<id:policy_id>/autopay/", autopay.Enrol.as_view(), name="autopay"),
    path("policies/<id:policy_id>/autopay/end/", autopay.End.as_view(), name="end-autopay"),
    path("inbound/", inbound.InboundList.as_view(), name="inbound"),
    path("disbursements/", disbursements.DisbursementList.as_view(), name="disbursements"),
    path("disbursements/<id:disbursement_id>/", disbursements.DisbursementDetail.as_view(), name="disbursement"),
    path("disbursements/<id:disbursement_id>/clear/", disbursements.Clear.as_view(), name="clear-disbursement"),
    *(
        path(
            f"disbursements/<id:disbursement_id>/{verb}/",
            disbursements.Step.as_view(verb=verb),
            name=f"disbursement-{verb}",
        )
        for verb in disbursements.VERBS
    ),
    path("policies/<id:policy_id>/pay-out/", disbursements.Request.as_view(), name="pay-out"),
    path("check-runs/", disbursements.CheckRuns.as_view(), name="check-runs"),
    path("check-runs/<id:run_id>/positive-pay/", disbursements.IssueFile.as_view(), name="issue-file"),
    path("bank-accounts/<id:bank_account_id>/checks/", disbursements.IssueRun.as_view(), name="issue-run"),
    path("deposits/", deposits.DepositList.as_view(), name="deposits"),
    path("deposits/new/", deposits.NewDeposit.as_view(), name="new-deposit"),
    path("deposits/lockbox/", deposits.UploadLockbox.as_view(), name="lockbox"),
    path("deposits/<id:deposit_id>/", deposits.DepositDetail.as_view(), name="deposit"),
    path("deposit-items/<id:deposit_item_id>/place/", deposits.PlaceItem.as_view(), name="place-deposit-item"),
    path("deposit-items/<id:deposit_item_id>/take-out/", deposits.TakeOutItem.as_view(), name="take-out-deposit-item"),
    path(
        "deposit-items/<id:deposit_item_id>/send-back/", deposits.SendBackItem.as_view(), name="send-back-deposit-item"
    ),
    path("deposit-items/<id:deposit_item_id>/bounce/", deposits.BounceItem.as_view(), name="bounce-deposit-item"),
    path("screenings/", disbursements.Screenings.as_view(), name="screenings"),
    path("screenings/<id:screening_id>/", disbursements.DecideScreening.as_view(), name="screening"),
]
