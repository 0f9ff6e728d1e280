"""From any object's id to the page that shows it. Only what the actor may see has a place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model
from django.urls import reverse

from billing.models import (
    AccountBill,
    BillingAccount,
    BillingRun,
    Delinquency,
    Installment,
    Invoice,
    Notice,
    PayorShare,
    Receipt,
    ReturnPremium,
    Schedule,
    SuspenseItem,
    TrustMovement,
)
from compliance import access
from compliance.models import ApiKey, Membership, Moratorium, Permit, RuleDecision, Screening
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import NotFound
from coverpay.kernel.ids import is_id
from coverpay.webhooks.models import Delivery, Endpoint
from payments.models import (
    AccountValidation,
    AchEntry,
    AchFile,
    AchNews,
    Attempt,
    Autopay,
    BreakResolution,
    CheckRun,
    Deposit,
    DepositItem,
    Disbursement,
    Dispute,
    GatewayAccount,
    Mandate,
    Message,
    OptOut,
    PayLink,
    Payment,
    PaymentMethod,
    Payout,
    RecoveryCase,
    RecoveryPlan,
    Refund,
    RoutingTable,
    ScheduledPayment,
    SourceMap,
    SourceStatement,
)
from policies.models import Charge, Policy, PolicyImport, Term
from reconciliation.ledger.models import Entry
from reconciliation.models import (
    AccountMapping,
    Announcement,
    BankAccount,
    Break,
    Close,
    ColumnMap,
    ExportBatch,
    IgnoredLine,
    Match,
    MatchRuleSet,
    MatchSuggestion,
    PayorAlias,
    Statement,
    StatementImport,
    StatementLine,
)

Where = Callable[[Any], str]


def _page(name: str, path: str = "pk") -> Where:
    """The page `name` of the object found along `path` from the row."""

    def where(row: Any) -> str:
        for step in path.split("__"):
            row = getattr(row, step)
        return reverse(name, args=[row])

    return where


def _list(name: str) -> Where:
    """The list that shows the row among others."""
    return lambda row: reverse(name)


def _rule(row: RuleDecision) -> str:
    """The rules of the state and line that the decision is about."""
    return f"{reverse('compliance:rules')}?{urlencode({'state': row.jurisdiction, 'line': row.line})}"


def _entry(row: AchEntry) -> str:
    """The file an entry is in, or the list while it waits for one."""
    return reverse("payments:ach-file", args=[row.file_id]) if row.file_id else reverse("payments:ach-files")


# prefix of the id -> the model whose visibility decides, how to find the row there, and its page
_PLACES: dict[str, tuple[type[Model], str, Where]] = {
    "pol": (Policy, "pk", _page("policy")),
    "trm": (Term, "pk", _page("policy", "policy_id")),
    "txn": (Policy, "terms__transactions__pk", _page("policy")),
    "seg": (Policy, "terms__transactions__segments__pk", _page("policy")),
    "can": (Policy, "terms__cancellations__pk", _page("policy")),
    "chg": (Charge, "pk", _page("policy", "policy_id")),
    "imp": (PolicyImport, "pk", _page("policies:import")),
    "sch": (Schedule, "pk", _page("policy", "policy_id")),
    "ins": (Installment, "pk", _page("policy", "policy_id")),
    "inv": (Invoice, "pk", _page("invoice")),
    "inl": (Invoice, "lines__pk", _page("invoice")),
    "rcp": (Receipt, "pk", _page("billing:receipt")),
    "app": (Receipt, "applications__pk", _page("billing:receipt")),
    "ctr": (Receipt, "transfers_out__pk", _page("billing:receipt")),
    "lcr": (Invoice, "lines__credits__pk", _page("invoice")),
    "sus": (SuspenseItem, "pk", _page("billing:suspense-item")),
    "dlq": (Delinquency, "pk", _page("billing:delinquency")),
    "dst": (Delinquency, "steps__pk", _page("billing:delinquency")),
    "ntc": (Notice, "pk", _page("billing:notice")),
    "nml": (Notice, "mailings__pk", _page("billing:notice")),
    "rpm": (ReturnPremium, "pk", _page("policy", "policy_id")),
    "run": (BillingRun, "pk", _page("run")),
    "rfl": (BillingRun, "failures__pk", _page("run")),
    "bac": (BillingAccount, "pk", _page("billing:account")),
    "psh": (PayorShare, "pk", _page("billing:account", "account_id")),
    "abl": (AccountBill, "pk", _page("billing:account", "account_id")),
    "aut": (Autopay, "pk", _page("payments:methods", "policy_id")),
    "scp": (ScheduledPayment, "pk", _page("payments:methods", "policy_id")),
    "pmt": (PaymentMethod, "pk", _page("payments:method")),
    "man": (Mandate, "pk", _page("payments:method", "payment_method_id")),
    "val": (AccountValidation, "pk", _page("payments:method", "payment_method_id")),
    "lnk": (PayLink, "pk", _list("payments:pay-links")),
    "pay": (Payment, "pk", _page("payments:detail")),
    "att": (Attempt, "pk", _page("payments:detail", "payment_id")),
    "rfd": (Refund, "pk", _page("payments:detail", "payment_id")),
    "gwa": (GatewayAccount, "pk", _page("payments:processor")),
    "rte": (RoutingTable, "pk", _page("payments:routing-version")),
    "dsp": (Dispute, "pk", _page("payments:dispute")),
    "rcv": (RecoveryCase, "pk", _page("payments:recovery-case")),
    "rst": (RecoveryCase, "steps__pk", _page("payments:recovery-case")),
    "rpl": (RecoveryPlan, "pk", _list("payments:recovery-plans")),
    "msg": (Message, "pk", _page("payments:message")),
    "opt": (OptOut, "pk", _list("payments:messages")),
    "prt": (Payment, "parts__pk", _page("payments:detail")),
    "pyt": (Payout, "pk", _page("payments:payout")),
    "pyl": (Payout, "lines__pk", _page("payments:payout")),
    "acf": (AchFile, "pk", _page("payments:ach-file")),
    "acn": (AchNews, "pk", _page("payments:ach-file", "file_id")),
    "ace": (AchEntry, "pk", _entry),
    "dpt": (Deposit, "pk", _page("payments:deposit")),
    "dpi": (DepositItem, "pk", _page("payments:deposit", "deposit_id")),
    "dis": (Disbursement, "pk", _page("payments:disbursement")),
    "chr": (CheckRun, "pk", _list("payments:check-runs")),
    "sst": (SourceStatement, "pk", _page("payments:source")),
    "ssl": (SourceStatement, "lines__pk", _page("payments:source")),
    "ssi": (SourceStatement, "items__pk", _page("payments:source")),
    "smp": (SourceMap, "pk", _list("payments:sources")),
    "scr": (Screening, "pk", _list("payments:screenings")),
    "ent": (Entry, "pk", _page("ledger:entry")),
    "bnk": (BankAccount, "pk", _page("reconciliation:account")),
    "sti": (StatementImport, "pk", _page("reconciliation:import")),
    "stm": (Statement, "pk", _page("reconciliation:statement")),
    "stl": (StatementLine, "pk", _page("reconciliation:statement", "statement_id")),
    "ann": (Announcement, "pk", _page("reconciliation:account", "bank_account_id")),
    "cmp": (ColumnMap, "pk", _page("reconciliation:column-map")),
    "mat": (Match, "pk", _page("reconciliation:one-match")),
    "sug": (MatchSuggestion, "pk", _page("reconciliation:workbench", "bank_account_id")),
    "igl": (IgnoredLine, "pk", _list("reconciliation:ignored")),
    "pal": (PayorAlias, "pk", _list("reconciliation:aliases")),
    "mrs": (MatchRuleSet, "pk", _list("reconciliation:rules")),
    "tmv": (TrustMovement, "pk", _list("billing:trust")),
    "cls": (Close, "pk", _page("reconciliation:close")),
    "snp": (Close, "snapshot__pk", _page("reconciliation:close")),
    "amp": (AccountMapping, "pk", _list("reconciliation:mappings")),
    "xpb": (ExportBatch, "pk", _page("reconciliation:export")),
    "brk": (Break, "pk", _page("reconciliation:break")),
    "bcm": (Break, "comments__pk", _page("reconciliation:break")),
    "brs": (BreakResolution, "pk", _page("reconciliation:break", "about_id")),
    "whe": (Endpoint, "pk", _list("webhooks:list")),
    "dlv": (Delivery, "pk", _page("webhooks:delivery")),
    "prm": (Permit, "pk", _page("compliance:approval")),
    "dec": (RuleDecision, "pk", _rule),
    "mor": (Moratorium, "pk", _list("compliance:moratoriums")),
    "mem": (Membership, "pk", _list("compliance:members")),
    "key": (ApiKey, "pk", _list("compliance:keys")),
}


def has_page(object_id: str) -> bool:
    """Whether objects of this kind have a page at all."""
    return is_id(object_id) and object_id.partition("_")[0] in _PLACES


def url_of(actor: Actor, object_id: str) -> str:
    """The address of the page that shows an object. Raises: NotFound for what has none, or is not visible."""
    place = _PLACES.get(object_id.partition("_")[0])
    if place is None:
        raise NotFound(f"No page shows {object_id}.")
    model, lookup, where = place
    row = access.visible(actor, model._default_manager.filter(**{lookup: object_id})).first()
    if row is None:
        raise NotFound(f"There is no {object_id} that you may see.")
    return where(row)
