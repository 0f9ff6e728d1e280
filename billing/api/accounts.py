"""Billing accounts, account bills, aging, statements and documents under /v1."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from billing import account_cash, accounts, aging, documents, statements
from billing.models import AccountBill, BillingAccount, PayorShare, Receipt
from compliance import access
from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates
from coverpay.kernel import clock
from coverpay.kernel.errors import Invalid
from policies.models import Policy

PDF = "application/pdf"
_PERIOD = [
    OpenApiParameter("since", OpenApiTypes.DATE, description="First day; the first of this month when left out."),
    OpenApiParameter("through", OpenApiTypes.DATE, description="Last day; today when left out."),
]


class PdfRenderer(BaseRenderer):
    """Lets a caller ask for PDF by name; what answers has made it already."""

    media_type = PDF
    format = "pdf"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        return data


def prints(handler: Any) -> Any:
    """Make a handler ``(self, request, id)`` that gives a PDF the GET of ``/{id}/<its name>``."""
    route = action(
        detail=True,
        methods=["get"],
        url_path=handler.__name__.replace("_", "-"),
        pagination_class=None,
        renderer_classes=[JSONRenderer, PdfRenderer],
    )
    return extend_schema(responses={(200, PDF): OpenApiTypes.BINARY}, filters=False)(route(handler))


def pdf_answer(made: bytes, name: str) -> HttpResponse:
    """A PDF to be shown in the browser, under a name when it is kept."""
    safe = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "_" for sign in name)
    return HttpResponse(made, content_type=PDF, headers={"Content-Disposition": f'inline; filename="{safe}.pdf"'})


def day_asked(request: Request, name: str, default: dt.date) -> dt.date:
    """A day of the query string. Raises: Invalid, naming it."""
    text = request.query_params.get(name)
    try:
        return dt.date.fromisoformat(text) if text else default
    except ValueError:
        raise Invalid("Write the day like 2026-01-31.", field=name) from None


def period_asked(request: Request) -> tuple[dt.date, dt.date]:
    through = day_asked(request, "through", clock.today())
    return day_asked(request, "since", through.replace(day=1)), through


class BillingAccountShown(Shown):
    payor = serializers.CharField(source="payor_id", read_only=True)

    class Meta:
        model = BillingAccount
        fields: ClassVar = ["id", "number", "payor", "mode", "due_day", "currency", "created_at"]


class NewBillingAccount(Asked):
    number = serializers.CharField(max_length=40)
    payor = serializers.CharField(max_length=40, help_text="A party's id.")
    mode = serializers.ChoiceField(choices=BillingAccount.Mode.choices, required=False)
    due_day = serializers.IntegerField(required=False, min_value=1, max_value=31)
    currency = serializers.CharField(required=False, max_length=3)


class PolicyNamed(Asked):
    policy = serializers.CharField(max_length=40)


class Attached(Asked):
    policies = PolicyNamed(many=True)


class BillAsked(Asked):
    through = serializers.DateField(required=False, help_text="The last bill date to take; today when left out.")


class MoneyForAccount(Asked):
    source = serializers.CharField(  # type: ignore[assignment]
        max_length=70, help_text="The bank's reference; the same again is the same money."
    )
    bank_account = serializers.CharField(max_length=40)
    amount_minor = serializers.IntegerField(min_value=1)
    received_on = serializers.DateField()


class ShareShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    account = serializers.CharField(source="account_id", read_only=True)

    class Meta:
        model = PayorShare
        fields: ClassVar = ["id", "policy", "account", "share_ppm", "created_at"]


class ReceivedShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)

    class Meta:
        model = Receipt
        fields: ClassVar = ["id", "policy", "amount_minor", "currency", "received_on"]


class SharesShown(serializers.Serializer[Any]):
    shares = ShareShown(many=True)


class ReceiptsShown(serializers.Serializer[Any]):
    receipts = ReceivedShown(many=True)


class BillShown(Shown):
    account = serializers.CharField(source="account_id", read_only=True)
    invoices = serializers.SerializerMethodField(help_text="The ids of the invoices on it.")

    class Meta:
        model = AccountBill
        fields: ClassVar = ["id", "account", "number", "currency", "issued_on", "due_on", "invoices", "created_at"]

    def get_invoices(self, bill: AccountBill) -> list[str]:
        return sorted(invoice.id for invoice in bill.invoices.all())


class AccountStatementLineShown(serializers.Serializer[Any]):
    on = serializers.DateField(source="entry.on")
    what = serializers.CharField(source="entry.what")
    reference = serializers.CharField(source="entry.reference")
    amount_minor = serializers.IntegerField(source="entry.amount_minor")
    balance_minor = serializers.IntegerField()


class AccountStatementShown(serializers.Serializer[Any]):
    title = serializers.CharField()
    currency = serializers.CharField()
    since = serializers.DateField()
    through = serializers.DateField()
    opening_minor = serializers.IntegerField()
    lines = AccountStatementLineShown(many=True)
    closing_minor = serializers.IntegerField()


class BillingAccounts(Rows):
    """Who pays, and how the bill comes: an invoice a policy, one bill across policies, or a list bill."""

    queryset = BillingAccount.objects.all()
    serializer_class = BillingAccountShown
    filterset_fields: ClassVar = ["number", "payor"]
    reads = Permission.BILLING_READ
    writes = Permission.BILLING_WRITE

    @creates(NewBillingAccount)
    def create(self, asked: dict[str, Any]) -> BillingAccount:
        """Open a billing account of a payor."""
        return accounts.open_account(payor_id=asked.pop("payor"), **asked, actor=self.actor)

    @acts(Attached, gives=SharesShown)
    def attach(self, id: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Let the account pay the whole of these policies."""
        return {
            "shares": accounts.attach(
                account_id=id, policy_ids=[row["policy"] for row in asked["policies"]], actor=self.actor
            )
        }

    @acts(BillAsked, gives=BillShown)
    def bill(self, id: str, asked: dict[str, Any]) -> AccountBill:
        """Bill everything whose bill date is here, on one bill across the account's policies."""
        return accounts.issue_bill(account_id=id, through=asked.get("through"), actor=self.actor)

    @acts(MoneyForAccount, gives=ReceiptsShown)
    def receive(self, id: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Take in money from the bank for all of the account's open invoices; it takes `cash.write` too."""
        bank = asked.pop("bank_account")
        return {"receipts": account_cash.receive(account_id=id, bank_account_id=bank, **asked, actor=self.actor)}

    @extend_schema(parameters=_PERIOD, responses={200: AccountStatementShown}, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def statement(self, request: Request, id: str) -> Response:
        """What stood at first, everything that happened, what stands at the end."""
        account = access.get(self.actor, BillingAccount.objects.all(), id)
        return self.answer(statements.of_account(account, *period_asked(request)), AccountStatementShown)

    @prints
    def statement_pdf(self, request: Request, id: str) -> HttpResponse:
        """The statement as a document."""
        account = access.get(self.actor, BillingAccount.objects.all(), id)
        return pdf_answer(documents.statement_pdf(account, *period_asked(request)), f"statement-{account.number}")


class AccountBills(Rows):
    """Bills across the policies of an account."""

    queryset = AccountBill.objects.prefetch_related("invoices")
    serializer_class = BillShown
    filterset_fields: ClassVar = ["account", "number"]
    reads = Permission.BILLING_READ

    @prints
    def pdf(self, request: Request, id: str) -> HttpResponse:
        """The bill as a document."""
        bill = access.get(self.actor, AccountBill.objects.all(), id)
        return pdf_answer(documents.account_bill_pdf(bill), bill.number)


class ShareAsked(Asked):
    billing_account = serializers.CharField(max_length=40)
    share_ppm = serializers.IntegerField(min_value=1, max_value=accounts.WHOLE)


class SharesAsked(Asked):
    shares = ShareAsked(many=True, help_text="In sum 1,000,000; none: the insured pays alone.")


class PolicyBilling(Resource):
    """Who pays a policy, and its statement; the ids are those of policies."""

    queryset = Policy.objects.all()
    serializer_class = SharesShown
    reads = Permission.BILLING_READ
    writes = Permission.BILLING_WRITE

    def _policy(self, id: str) -> Policy:
        return access.get(self.actor, Policy.objects.select_related("program", "insured", "operator"), id)

    @extend_schema(filters=False)
    def retrieve(self, request: Request, id: str) -> Response:
        shares = PayorShare.objects.filter(policy=self._policy(id), ended_at__isnull=True)
        return self.answer({"shares": access.visible(self.actor, shares)}, SharesShown)

    @acts(SharesAsked, gives=SharesShown)
    def shares(self, id: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Set which accounts pay the policy; what is not billed yet is split anew."""
        parts = {share["billing_account"]: share["share_ppm"] for share in asked["shares"]}
        return {"shares": accounts.set_shares(policy_id=id, shares=parts, actor=self.actor)}

    @extend_schema(parameters=_PERIOD, responses={200: AccountStatementShown}, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def statement(self, request: Request, id: str) -> Response:
        """What stood at first, everything that happened, what stands at the end."""
        return self.answer(statements.of_policy(self._policy(id), *period_asked(request)), AccountStatementShown)

    @prints
    def statement_pdf(self, request: Request, id: str) -> HttpResponse:
        """The statement as a document."""
        policy = self._policy(id)
        return pdf_answer(documents.statement_pdf(policy, *period_asked(request)), f"statement-{policy.number}")


class AgedShown(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="The id of the policy, account or program.")
    number = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    current = serializers.IntegerField(help_text="Minor units not due yet.")
    days_1_30 = serializers.IntegerField()
    days_31_60 = serializers.IntegerField()
    days_61_90 = serializers.IntegerField()
    over_90 = serializers.IntegerField()
    total = serializers.IntegerField()


class AgingShown(serializers.Serializer[Any]):
    on = serializers.DateField()
    by = serializers.CharField()
    data = AgedShown(many=True)  # type: ignore[assignment]
    totals = AgedShown(many=True)


class Aging(Resource):
    """What is open by how long it has been due."""

    serializer_class = AgingShown
    pagination_class = None
    reads = Permission.BILLING_READ

    @extend_schema(
        parameters=[
            OpenApiParameter("on", OpenApiTypes.DATE, description="The day; today when left out."),
            OpenApiParameter("by", OpenApiTypes.STR, enum=list(aging.GROUPS), description="policy when left out."),
        ],
        responses={200: AgingShown},
        filters=False,
    )
    def list(self, request: Request) -> Response:
        """Aging of every group at the end of a day; in sum it is the ledger's premium receivable."""
        on, by = day_asked(request, "on", clock.today()), request.query_params.get("by") or "policy"
        rows = aging.aged(self.actor, on, by)
        return self.answer({"on": on, "by": by, "data": rows, "totals": aging.totals(rows)})


routes = [
    ("billing-accounts", BillingAccounts),
    ("account-bills", AccountBills),
    ("policy-billing", PolicyBilling),
    ("aging", Aging),
]
