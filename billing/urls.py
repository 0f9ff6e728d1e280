"""Addresses of the billing pages."""

from __future__ import annotations

from django.urls import path

from billing import account_views, cash_views, invoice_views, past_due_views, payor_views, views

app_name = "billing"
urlpatterns = [
    path("invoices/", views.InvoiceList.as_view(), name="invoices"),
    path("policies/<id:policy_id>/issue/", views.Issue.as_view(), name="issue"),
    path("billing/past-due/", past_due_views.DelinquencyList.as_view(), name="delinquencies"),
    path("billing/past-due/<id:delinquency_id>/", past_due_views.DelinquencyDetail.as_view(), name="delinquency"),
    path("billing/past-due/<id:delinquency_id>/hold/", past_due_views.Hold.as_view(), name="hold"),
    path("billing/past-due/<id:delinquency_id>/release/", past_due_views.Release.as_view(), name="release"),
    path("billing/past-due/<id:delinquency_id>/promise/", past_due_views.Promise.as_view(), name="promise"),
    path("billing/past-due/<id:delinquency_id>/decide/", past_due_views.Decide.as_view(), name="decide"),
    path("billing/notices/", past_due_views.NoticeList.as_view(), name="notices"),
    path("billing/notices/<id:notice_id>/", past_due_views.NoticeDetail.as_view(), name="notice"),
    path("billing/notices/<id:notice_id>/void/", past_due_views.VoidNotice.as_view(), name="void-notice"),
    path("invoices/<id:invoice_id>/void/", invoice_views.Void.as_view(), name="void"),
    path("invoices/<id:invoice_id>/write-off/", invoice_views.WriteOff.as_view(), name="write-off"),
    path("invoices/<id:invoice_id>/ask-again/", invoice_views.AskAgain.as_view(), name="ask-again"),
    path("invoices/<id:invoice_id>/waive/", invoice_views.Waive.as_view(), name="waive"),
    path("billing/return-premium/", past_due_views.ReturnList.as_view(), name="returns"),
    path("billing/receipts/<id:receipt_id>/", cash_views.ReceiptDetail.as_view(), name="receipt"),
    path("billing/receipts/<id:receipt_id>/apply/", cash_views.Apply.as_view(), name="apply"),
    path("billing/receipts/<id:receipt_id>/unapply/", cash_views.Unapply.as_view(), name="unapply"),
    path("billing/receipts/<id:receipt_id>/transfer/", cash_views.Transfer.as_view(), name="transfer"),
    path("billing/receipts/<id:receipt_id>/bring-back/", cash_views.BringBack.as_view(), name="bring-back"),
    path("billing/suspense/", cash_views.SuspenseList.as_view(), name="suspense"),
    path("billing/suspense/<id:item_id>/", cash_views.SuspenseDetail.as_view(), name="suspense-item"),
    path("billing/suspense/<id:item_id>/return/", cash_views.ReturnToSender.as_view(), name="return-to-sender"),
    path("billing/suspense/<id:item_id>/undo/", cash_views.UndoPlacing.as_view(), name="undo-placing"),
    path("billing/accounts/", account_views.AccountList.as_view(), name="accounts"),
    path("billing/accounts/new/", payor_views.OpenAccount.as_view(), name="open-account"),
    path("billing/accounts/<id:account_id>/attach/", payor_views.Attach.as_view(), name="attach"),
    path("policies/<id:policy_id>/payors/", payor_views.Shares.as_view(), name="payors"),
    path("billing/accounts/<id:account_id>/", account_views.AccountDetail.as_view(), name="account"),
    path("billing/accounts/<id:account_id>/bill/", account_views.IssueBill.as_view(), name="issue-bill"),
    path("billing/accounts/<id:account_id>/statement/", account_views.StatementPdf.as_view(), name="account-statement"),
    path("billing/bills/<id:bill_id>/pdf/", account_views.AccountBillPdf.as_view(), name="account-bill"),
    path("billing/aging/", account_views.AgingPage.as_view(), name="aging"),
    path("billing/notices/<id:notice_id>/pdf/", account_views.NoticePdf.as_view(), name="notice-pdf"),
    path("invoices/<id:invoice_id>/pdf/", account_views.InvoicePdf.as_view(), name="invoice-pdf"),
    path("policies/<id:policy_id>/statement/", account_views.StatementPdf.as_view(), name="policy-statement"),
]
