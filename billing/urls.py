"""Addresses of the billing pages."""

from __future__ import annotations

from django.urls import path

from billing.views import accounts, cash, invoices, past_due, payors, trust

app_name = "billing"
urlpatterns = [
    path("invoices/", invoices.InvoiceList.as_view(), name="invoices"),
    path("policies/<id:policy_id>/issue/", invoices.Issue.as_view(), name="issue"),
    path("billing/past-due/", past_due.DelinquencyList.as_view(), name="delinquencies"),
    path("billing/past-due/<id:delinquency_id>/", past_due.DelinquencyDetail.as_view(), name="delinquency"),
    path("billing/past-due/<id:delinquency_id>/hold/", past_due.Hold.as_view(), name="hold"),
    path("billing/past-due/<id:delinquency_id>/release/", past_due.Release.as_view(), name="release"),
    path("billing/past-due/<id:delinquency_id>/promise/", past_due.Promise.as_view(), name="promise"),
    path("billing/past-due/<id:delinquency_id>/decide/", past_due.Decide.as_view(), name="decide"),
    path("billing/notices/", past_due.NoticeList.as_view(), name="notices"),
    path("billing/notices/<id:notice_id>/", past_due.NoticeDetail.as_view(), name="notice"),
    path("billing/notices/<id:notice_id>/void/", past_due.VoidNotice.as_view(), name="void-notice"),
    path("invoices/<id:invoice_id>/void/", invoices.Void.as_view(), name="void"),
    path("invoices/<id:invoice_id>/write-off/", invoices.WriteOff.as_view(), name="write-off"),
    path("invoices/<id:invoice_id>/ask-again/", invoices.AskAgain.as_view(), name="ask-again"),
    path("invoices/<id:invoice_id>/waive/", invoices.Waive.as_view(), name="waive"),
    path("billing/return-premium/", past_due.ReturnList.as_view(), name="returns"),
    path("billing/receipts/<id:receipt_id>/", cash.ReceiptDetail.as_view(), name="receipt"),
    path("billing/receipts/<id:receipt_id>/apply/", cash.Apply.as_view(), name="apply"),
    path("billing/receipts/<id:receipt_id>/unapply/", cash.Unapply.as_view(), name="unapply"),
    path("billing/receipts/<id:receipt_id>/transfer/", cash.Transfer.as_view(), name="transfer"),
    path("billing/receipts/<id:receipt_id>/bring-back/", cash.BringBack.as_view(), name="bring-back"),
    path("billing/suspense/", cash.SuspenseList.as_view(), name="suspense"),
    path("billing/suspense/<id:item_id>/", cash.SuspenseDetail.as_view(), name="suspense-item"),
    path("billing/suspense/<id:item_id>/return/", cash.ReturnToSender.as_view(), name="return-to-sender"),
    path("billing/suspense/<id:item_id>/undo/", cash.UndoPlacing.as_view(), name="undo-placing"),
    path("billing/accounts/", accounts.AccountList.as_view(), name="accounts"),
    path("billing/accounts/new/", payors.OpenAccount.as_view(), name="open-account"),
    path("billing/accounts/<id:account_id>/attach/", payors.Attach.as_view(), name="attach"),
    path("policies/<id:policy_id>/payors/", payors.Shares.as_view(), name="payors"),
    path("billing/accounts/<id:account_id>/", accounts.AccountDetail.as_view(), name="account"),
    path("billing/accounts/<id:account_id>/bill/", accounts.IssueBill.as_view(), name="issue-bill"),
    path("billing/accounts/<id:account_id>/statement/", accounts.StatementPdf.as_view(), name="account-statement"),
    path("billing/bills/<id:bill_id>/pdf/", accounts.AccountBillPdf.as_view(), name="account-bill"),
    path("billing/aging/", accounts.AgingPage.as_view(), name="aging"),
    path("billing/notices/<id:notice_id>/pdf/", accounts.NoticePdf.as_view(), name="notice-pdf"),
    path("invoices/<id:invoice_id>/pdf/", accounts.InvoicePdf.as_view(), name="invoice-pdf"),
    path("policies/<id:policy_id>/statement/", accounts.StatementPdf.as_view(), name="policy-statement"),
    path("trust/", trust.TrustPosition.as_view(), name="trust"),
    path("trust/withdraw/", trust.Withdraw.as_view(), name="withdraw-trust"),
    path("trust/repay/", trust.Repay.as_view(), name="repay-trust"),
    path("trust/<id:movement_id>/undo/", trust.Undo.as_view(), name="undo-trust"),
]
