"""The trust position and its movements under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing import trust
from billing.models import TrustMovement
from billing.trust import DRAWS, REMITS, Withdrawal
from compliance import access
from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates, day_asked
from coverpay.kernel.money import Money
from reconciliation import trust as positions
from reconciliation.ledger.models import Book


class OwedShown(serializers.Serializer[Any]):
    code = serializers.CharField()
    owner = serializers.CharField(allow_blank=True)
    owed_minor = serializers.IntegerField()


class WarningShown(serializers.Serializer[Any]):
    code = serializers.CharField()
    owner = serializers.CharField(allow_blank=True)
    amount_minor = serializers.IntegerField()
    words = serializers.CharField()


class PositionShown(serializers.Serializer[Any]):
    currency = serializers.CharField()
    at = serializers.DateField(allow_null=True)
    cash_minor = serializers.IntegerField(help_text="In the fiduciary bank accounts, by the books.")
    floor_minor = serializers.IntegerField(help_text="What owners are owed, gross per owner: it may not leave.")
    free_minor = serializers.IntegerField(help_text="What of ours may leave now.")
    deficit_minor = serializers.IntegerField(help_text="By how much the accounts hold less than the floor.")
    at_processors_minor = serializers.IntegerField()
    due_from_operating_minor = serializers.IntegerField()
    cash = OwedShown(many=True, help_text="By bank account.")
    others = OwedShown(many=True)
    ours = OwedShown(many=True)
    warnings = serializers.SerializerMethodField(help_text="What looks like commingling.")
    formula = serializers.SerializerMethodField()
    citation = serializers.SerializerMethodField()

    @extend_schema(responses=WarningShown(many=True))
    def get_warnings(self, position: positions.Position) -> Any:
        return WarningShown(positions.warnings(position), many=True).data

    def get_formula(self, position: positions.Position) -> str:
        return position.why().formula

    def get_citation(self, position: positions.Position) -> str:
        return position.why().citation


class TrustPositions(Resource):
    """What is in fiduciary accounts, whose it is, and how much may leave them; one row a currency."""

    serializer_class = PositionShown
    pagination_class = None
    reads = Permission.LEDGER_READ

    @extend_schema(
        parameters=[OpenApiParameter("at", OpenApiTypes.DATE, description="The day; everything when left out.")],
        responses={200: PositionShown(many=True)},
        filters=False,
    )
    def list(self, request: Request) -> Response:
        book = access.visible(self.actor, Book.objects.all()).first()
        at = day_asked(request.query_params, "at")
        return self.answer(positions.positions(book.id, at) if book else [], many=True)


class TrustMovementShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)
    operating_account = serializers.CharField(source="operating_account_id", read_only=True, allow_null=True)
    permit = serializers.CharField(source="permit_id", read_only=True)

    class Meta:
        model = TrustMovement
        fields: ClassVar = [
            "id", "kind", "code", "owner", "bank_account", "operating_account", "amount_minor", "currency", "moved_on",
            "reference", "reason", "permit", "cash_minor", "floor_minor", "state", "undone_reason", "created_at",
        ]  # fmt: skip


class NewTrustMovement(Asked):
    kind = serializers.ChoiceField(choices=TrustMovement.Kind.choices)
    bank_account = serializers.CharField(max_length=40, help_text="The fiduciary account.")
    amount_minor = serializers.IntegerField(min_value=1)
    currency = serializers.CharField(required=False, max_length=3)
    reference = serializers.CharField(max_length=80, help_text="What the bank statement will show.")
    reason = serializers.CharField(max_length=300)
    code = serializers.ChoiceField(choices=[*DRAWS, *REMITS], required=False, help_text="For a withdrawal: from where.")
    owner = serializers.CharField(required=False, max_length=60, help_text="For a remittance: carrier or state.")
    operating_account = serializers.CharField(required=False, max_length=40, help_text="For a draw or a repayment.")
    state = serializers.CharField(required=False, max_length=2, help_text="For interest: whose rule lets us keep it.")


class MovementUndone(Asked):
    reason = serializers.CharField(max_length=300)


class TrustMovements(Rows):
    """Draws, remittances, interest and repayments, each with the floor it was measured against."""

    queryset = TrustMovement.objects.all()
    serializer_class = TrustMovementShown
    filterset_fields: ClassVar = ["kind", "code", "owner", "state", "bank_account"]
    reads = Permission.LEDGER_READ
    writes = Permission.CASH_WRITE

    @creates(NewTrustMovement)
    def create(self, asked: dict[str, Any]) -> TrustMovement:
        """Withdraw, repay, or keep interest. A withdrawal that breaches the floor is refused with the computation."""
        amount = Money(asked["amount_minor"], asked.get("currency", "USD"))
        common = {"reference": asked["reference"], "actor": self.actor}
        if asked["kind"] == TrustMovement.Kind.INTEREST:
            return trust.record_interest(bank_account_id=asked["bank_account"], amount=amount, **common)
        if asked["kind"] == TrustMovement.Kind.REPAYMENT:
            return trust.repay(
                bank_account_id=asked["bank_account"],
                operating_account_id=asked.get("operating_account", ""),
                amount=amount,
                reason=asked["reason"],
                **common,
            )
        wanted = Withdrawal(
            code=asked.get("code", ""),
            amount=amount,
            bank_account_id=asked["bank_account"],
            reference=asked["reference"],
            owner=asked.get("owner", ""),
            operating_account_id=asked.get("operating_account"),
            state=asked.get("state", ""),
        )
        return trust.withdraw(wanted=wanted, reason=asked["reason"], actor=self.actor)

    @acts(MovementUndone)
    def undo(self, id: str, asked: dict[str, Any]) -> TrustMovement:
        """Take back a movement that did not happen after all."""
        return trust.undo(movement_id=id, reason=asked["reason"], actor=self.actor)


routes = [("trust-positions", TrustPositions), ("trust-movements", TrustMovements)]
