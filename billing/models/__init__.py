"""Plans, schedules, invoices, cash, delinquency, and the runs that move them."""

from billing.models.access import THROUGH_POLICY
from billing.models.accounts import AccountBill, BillingAccount, PayorShare
from billing.models.cash import (
    SUSPENSE_JUMPS,
    Application,
    CashOut,
    CashTransfer,
    Receipt,
    ReceiptReversal,
    SuspenseItem,
)
from billing.models.delinquency import (
    DELINQUENCY_JUMPS,
    NOTICE_JUMPS,
    Delinquency,
    DelinquencyPlanVersion,
    DelinquencyStep,
    Notice,
    NoticeMailing,
)
from billing.models.invoices import INVOICE_JUMPS, Invoice, InvoiceLine, LineCredit
from billing.models.returns import ReturnPremium
from billing.models.runs import RUN_JUMPS, BillingRun, RunFailure
from billing.models.schedules import Installment, InstallmentItem, PlanVersion, Schedule
from billing.models.trust import TrustMovement

__all__ = [
    "DELINQUENCY_JUMPS",
    "INVOICE_JUMPS",
    "NOTICE_JUMPS",
    "RUN_JUMPS",
    "SUSPENSE_JUMPS",
    "THROUGH_POLICY",
    "AccountBill",
    "Application",
    "BillingAccount",
    "BillingRun",
    "CashOut",
    "CashTransfer",
    "Delinquency",
    "DelinquencyPlanVersion",
    "DelinquencyStep",
    "Installment",
    "InstallmentItem",
    "Invoice",
    "InvoiceLine",
    "LineCredit",
    "Notice",
    "NoticeMailing",
    "PayorShare",
    "PlanVersion",
    "Receipt",
    "ReceiptReversal",
    "ReturnPremium",
    "RunFailure",
    "Schedule",
    "SuspenseItem",
    "TrustMovement",
]
