"""Bank accounts with their proof, under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, creates, day_asked, shows
from coverpay.kernel.errors import NotFound
from reconciliation import bank_accounts, proofs, queries
from reconciliation.ledger.models import Fund
from reconciliation.models import BankAccount


class BankAccountShown(Shown):
    fund = serializers.CharField(source="ledger_account.fund", read_only=True)

    class Meta:
        model = BankAccount
        fields: ClassVar = ["id", "name", "bank_id", "account_mark", "currency", "fund", "created_at"]


class NewBankAccount(Asked):
    name = serializers.CharField(max_length=120)
    bank_id = serializers.CharField(max_length=40, help_text="Routing number or BIC, as statements show it.")
    account_mark = serializers.CharField(max_length=40, help_text="The account, as statements show it.")
    currency = serializers.CharField(max_length=3)
    fund = serializers.ChoiceField(choices=Fund.choices)


class ProofItemShown(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    amount_minor = serializers.IntegerField(help_text="Positive: the bank has more than the books.")
    count = serializers.IntegerField()


class BalanceProofShown(serializers.Serializer[Any]):
    as_of = serializers.DateField()
    currency = serializers.CharField()
    closing_minor = serializers.IntegerField(help_text="The bank's closing balance.")
    ledger_minor = serializers.IntegerField(help_text="The books at the end of the same day.")
    difference_minor = serializers.IntegerField()
    items = ProofItemShown(many=True)
    unexplained_minor = serializers.IntegerField(help_text="Zero, or the account does not tie.")
    ties = serializers.BooleanField()


class DayProofShown(serializers.Serializer[Any]):
    on = serializers.DateField()
    statement = serializers.CharField(source="statement_id")
    currency = serializers.CharField()
    opening_minor = serializers.IntegerField()
    lines_minor = serializers.IntegerField(help_text="The statement's lines; opening + lines = closing.")
    line_count = serializers.IntegerField()
    closing_minor = serializers.IntegerField()
    ledger_minor = serializers.IntegerField(help_text="The books at the end of the day.")
    items = ProofItemShown(many=True)
    unexplained_minor = serializers.IntegerField(help_text="Signed; anything but zero is wrong.")
    ties = serializers.BooleanField()
    gaps = serializers.ListField(
        child=serializers.DateField(), help_text="Business days before it, after the statement before, without one."
    )


class BankAccounts(Rows):
    """Accounts at banks, each mirrored by one cash account of the books."""

    queryset = BankAccount.objects.select_related("ledger_account")
    serializer_class = BankAccountShown
    reads = Permission.RECONCILIATION_READ
    writes = Permission.RECONCILIATION_WRITE

    @creates(NewBankAccount)
    def create(self, asked: dict[str, Any]) -> BankAccount:
        """Add a bank account with its cash account in the trust or the operating fund."""
        return bank_accounts.open_bank_account(**asked, actor=self.actor)

    @shows(BalanceProofShown)
    def balance_proof(self, id: str) -> queries.BalanceProof:
        """The last closing balance against the books of that day: every difference named, tolerance zero."""
        proof = queries.balance_proof(queries.account(self.actor, id))
        if proof is None:
            raise NotFound("The account has no statement yet.")
        return proof

    @extend_schema(
        parameters=[
            OpenApiParameter("from_on", OpenApiTypes.DATE, description="Left out: a month before the end."),
            OpenApiParameter("to_on", OpenApiTypes.DATE, description="Left out: the last statement."),
        ]
    )
    @shows(DayProofShown, many=True)
    def daily_proofs(self, id: str) -> list[proofs.DayProof]:
        """Each statement's day: opening + lines = closing = books ± explained items; days without one are named."""
        account, said = queries.account(self.actor, id), self.request.query_params
        days = proofs.range_of(account, day_asked(said, "from_on"), day_asked(said, "to_on"))
        return proofs.daily(account, *days)


routes = [("bank-accounts", BankAccounts)]
