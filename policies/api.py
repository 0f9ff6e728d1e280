"""Parties, programs, policies and imports under /v1."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser

from compliance import access, explanations
from compliance.models import Explanation
from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates, shows
from coverpay.kernel import clock
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from policies import (
    audits,
    cancellations,
    endorsements,
    expirations,
    imports,
    lifecycle,
    parties,
    programs,
    queries,
    reinstatements,
    renewals,
    reversals,
    rewrites,
    shapes,
)
from policies.audits import AuditRequest
from policies.cancellations import CancellationRequest
from policies.endorsements import EndorsementRequest
from policies.models import Cancellation, Charge, Party, Policy, PolicyImport, ProgramVersion, Term, Transaction
from policies.parties import PartyDetails
from policies.reinstatements import ReinstatementRequest
from policies.renewals import RenewalDrafted, RenewalRequest
from policies.rewrites import RewriteDrafted, RewriteRequest
from policies.shapes import ChargeShown, Reasoned, TermShown, TransactionShown
from policies.transactions import Drafted


class PartyShown(Shown):
    class Meta:
        model = Party
        fields: ClassVar = [
            "id",
            "reference",
            "name",
            "email",
            "address_line",
            "city",
            "state",
            "postal_code",
            "created_at",
        ]


class NewParty(Asked):
    reference = serializers.CharField(max_length=80, help_text="Your own number for this party.")
    name = serializers.CharField(max_length=200)
    email = serializers.EmailField(required=False, default="", allow_blank=True)
    address_line = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    city = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    state = serializers.RegexField(r"^[A-Z]{2}$", required=False, default="", allow_blank=True)
    postal_code = serializers.CharField(max_length=12, required=False, default="", allow_blank=True)


class Parties(Rows):
    """Insureds, payors and others named on policies."""

    queryset = Party.objects.all()
    serializer_class = PartyShown
    filterset_fields: ClassVar = ["reference"]
    reads = Permission.POLICIES_READ
    writes = Permission.POLICIES_WRITE

    @creates(NewParty)
    def create(self, asked: dict[str, Any]) -> Party:
        """Name a party, or find the one of the same reference."""
        return parties.create(details=PartyDetails(**asked), actor=self.actor)


class ProgramShown(Shown):
    program = serializers.CharField(source="program.code", read_only=True)
    name = serializers.CharField(source="program.name", read_only=True)
    carrier = serializers.CharField(source="program.carrier_id", read_only=True)

    class Meta:
        model = ProgramVersion
        fields: ClassVar = ["id", "program", "name", "carrier", "number", "effective_from", "states", "terms"]


class NewProgram(Asked):
    code = serializers.SlugField(max_length=40)
    name = serializers.CharField(max_length=160)
    carrier = serializers.CharField(max_length=40, help_text="The carrier's id.")
    states = serializers.ListField(child=serializers.RegexField(r"^[A-Z]{2}$"))
    terms = serializers.JSONField(help_text="commission_rate, charges, taxes, cancellation, renewal and so on.")
    effective_from = serializers.DateField()


class Programs(Rows):
    """Programs: every version of their terms."""

    queryset = ProgramVersion.objects.select_related("program")
    serializer_class = ProgramShown
    reads = Permission.POLICIES_READ
    writes = Permission.POLICIES_WRITE

    @creates(NewProgram)
    def create(self, asked: dict[str, Any]) -> ProgramVersion:
        """Publish a program's terms from a date on; versions in use never change."""
        carrier_id = asked.pop("carrier")
        return programs.publish(**asked, carrier_id=carrier_id, actor=self.actor)


class PolicyShown(Shown):
    insured = PartyShown(read_only=True)
    program = serializers.CharField(source="program.code", read_only=True)
    terms = TermShown(many=True, read_only=True)
    charges = ChargeShown(many=True, read_only=True)

    class Meta:
        model = Policy
        fields: ClassVar = ["id", "number", "state", "program", "insured", "terms", "charges", "created_at"]


class NewQuote(Asked):
    number = serializers.CharField(max_length=60)
    program = serializers.CharField(max_length=40, help_text="The program's code.")
    insured = NewParty()
    state = serializers.RegexField(r"^[A-Z]{2}$", help_text="Where the risk is.")
    effective_on = serializers.DateField()
    expires_on = serializers.DateField()
    premium_minor = serializers.IntegerField(min_value=1, max_value=10**15)
    currency = serializers.CharField(max_length=3, default="USD")
    plan = serializers.CharField(max_length=40, help_text="The payment plan's code.")
    agency_code = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)


class WhyShown(Shown):
    class Meta:
        model = Explanation
        fields: ClassVar = [
            "subject_id",
            "figure",
            "amount_minor",
            "currency",
            "formula",
            "inputs",
            "rule",
            "rule_version",
            "citation",
            "recorded_at",
        ]


class Policies(Rows):
    """Policies, and everything that happens to one: from quote to expiry."""

    queryset = Policy.objects.select_related("insured", "program").prefetch_related("terms", "charges")
    serializer_class = PolicyShown
    filterset_fields: ClassVar = ["number", "state"]
    reads = Permission.POLICIES_READ
    writes = Permission.POLICIES_WRITE

    @creates(NewQuote)
    def create(self, asked: dict[str, Any]) -> Policy:
        """Quote a policy: its charges by component, each with its derivation. Nothing is owed until it is bound."""
        premium = Money(asked.pop("premium_minor"), asked.pop("currency"))
        insured = PartyDetails(**asked.pop("insured"))
        request = lifecycle.QuoteRequest(**asked, premium=premium, insured=insured)
        return lifecycle.quote(request=request, actor=self.actor)

    @acts()
    def bind(self, id: str, asked: dict[str, Any]) -> Policy:
        """Turn the quote into cover; its installments are set by the payment plan."""
        return lifecycle.bind(policy_id=id, actor=self.actor)

    @acts(Reasoned)
    def decline(self, id: str, asked: dict[str, Any]) -> Policy:
        """Close the quote without cover."""
        return lifecycle.decline(policy_id=id, reason=asked["reason"], actor=self.actor)

    @acts()
    def issue(self, id: str, asked: dict[str, Any]) -> Policy:
        """Say that the contract's documents are with the insured."""
        return lifecycle.issue(policy_id=id, actor=self.actor)

    @acts(shapes.Endorsed, TransactionShown)
    def endorse(self, id: str, asked: dict[str, Any]) -> Transaction:
        """Change the contract from a day on, with premium or without."""
        return endorsements.endorse(policy_id=id, request=EndorsementRequest(**asked), actor=self.actor)

    @acts(shapes.Endorsed, shapes.DraftShown, needs=Permission.POLICIES_READ)
    def preview_endorsement(self, id: str, asked: dict[str, Any]) -> Drafted:
        """Work out an endorsement; nothing is written."""
        return endorsements.preview(policy_id=id, request=EndorsementRequest(**asked), actor=self.actor)

    @acts(shapes.Ended, shapes.CancellationShown)
    def cancel(self, id: str, asked: dict[str, Any]) -> Cancellation:
        """End cover: at once when its day has come, else announced for the day."""
        return cancellations.cancel(policy_id=id, request=CancellationRequest(**asked), actor=self.actor)

    @acts(shapes.Ended, shapes.DraftShown, needs=Permission.POLICIES_READ)
    def preview_cancellation(self, id: str, asked: dict[str, Any]) -> Drafted:
        """Work out what a cancellation would return; nothing is written."""
        return cancellations.preview(policy_id=id, request=CancellationRequest(**asked), actor=self.actor)

    @acts(Reasoned, shapes.CancellationShown)
    def rescind_cancellation(self, id: str, asked: dict[str, Any]) -> Cancellation:
        """Take an announced cancellation back before its day."""
        return cancellations.rescind(policy_id=id, reason=asked["reason"], actor=self.actor)

    @acts(shapes.Resumed, TransactionShown)
    def reinstate(self, id: str, asked: dict[str, Any]) -> Transaction:
        """Let a cancelled policy go on, without a lapse or after one."""
        return reinstatements.reinstate(policy_id=id, request=ReinstatementRequest(**asked), actor=self.actor)

    @acts(shapes.Resumed, shapes.DraftShown, needs=Permission.POLICIES_READ)
    def preview_reinstatement(self, id: str, asked: dict[str, Any]) -> Drafted:
        """Work out a reinstatement; nothing is written."""
        return reinstatements.preview(policy_id=id, request=ReinstatementRequest(**asked), actor=self.actor)

    @acts(shapes.Rewritten)
    def rewrite(self, id: str, asked: dict[str, Any]) -> Policy:
        """Cancel the policy and bind another in its place, which is what this gives."""
        return rewrites.rewrite(policy_id=id, request=RewriteRequest(**asked), actor=self.actor)

    @acts(shapes.Rewritten, shapes.RewriteDraftShown, needs=Permission.POLICIES_READ)
    def preview_rewrite(self, id: str, asked: dict[str, Any]) -> RewriteDrafted:
        """Work out what a rewrite would return and charge; nothing is written."""
        return rewrites.preview(policy_id=id, request=RewriteRequest(**asked), actor=self.actor)

    @acts(shapes.RenewalAsked, TermShown)
    def offer_renewal(self, id: str, asked: dict[str, Any]) -> Term:
        """Offer the next term."""
        return renewals.offer(policy_id=id, request=RenewalRequest(**asked), actor=self.actor)

    @acts(shapes.RenewalAsked, shapes.RenewalDraftShown, needs=Permission.POLICIES_READ)
    def preview_renewal(self, id: str, asked: dict[str, Any]) -> RenewalDrafted:
        """Work out the next term; nothing is written."""
        return renewals.preview(policy_id=id, request=RenewalRequest(**asked), actor=self.actor)

    @acts(gives=TermShown)
    def accept_renewal(self, id: str, asked: dict[str, Any]) -> Term:
        """Take the offered next term."""
        return renewals.accept(policy_id=id, actor=self.actor)

    @acts(Reasoned, TermShown)
    def decline_renewal(self, id: str, asked: dict[str, Any]) -> Term:
        """Let the offered next term go as not taken."""
        return renewals.decline(policy_id=id, reason=asked["reason"], actor=self.actor)

    @acts()
    def expire(self, id: str, asked: dict[str, Any]) -> Policy:
        """End the terms that have run out."""
        return expirations.expire(policy_id=id, actor=self.actor)

    @acts(shapes.Audited, TransactionShown)
    def audit(self, id: str, asked: dict[str, Any]) -> Transaction:
        """Charge or return the difference to a term's audited premium."""
        return audits.audit(policy_id=id, request=AuditRequest(**asked), actor=self.actor)

    @acts(shapes.Audited, shapes.DraftShown, needs=Permission.POLICIES_READ)
    def preview_audit(self, id: str, asked: dict[str, Any]) -> Drafted:
        """Work out a premium audit; nothing is written."""
        return audits.preview(policy_id=id, request=AuditRequest(**asked), actor=self.actor)

    @acts(shapes.Undone, TransactionShown)
    def undo(self, id: str, asked: dict[str, Any]) -> Transaction:
        """Undo a wrong transaction by a reversing one."""
        return reversals.undo(
            policy_id=id, transaction_id=asked["transaction"], reason=asked["reason"], actor=self.actor
        )

    @acts(shapes.Undone, shapes.DraftShown, needs=Permission.POLICIES_READ)
    def preview_undo(self, id: str, asked: dict[str, Any]) -> Drafted:
        """Work out the undoing of a transaction; nothing is written."""
        return reversals.preview(policy_id=id, transaction_id=asked["transaction"], actor=self.actor)

    @extend_schema(parameters=[OpenApiParameter("as_of", dt.date, description="Left out: today.")])
    @shows(shapes.EarnedShown, many=True)
    def earned(self, id: str) -> list[queries.EarnedTerm]:
        """Written, earned and unearned premium of each term when a day begins, by segment and component."""
        policy = access.get(self.actor, Policy.objects.all(), id)
        return queries.earned_on(policy, _day(self.request.query_params.get("as_of")))

    @shows(WhyShown, many=True)
    def why(self, id: str) -> list[Explanation]:
        """Why each charge is what it is."""
        policy = self.get_object()
        return explanations.of(*Charge.objects.filter(policy_id=policy.pk).values_list("id", flat=True))


def _day(text: str | None) -> dt.date:
    try:
        return dt.date.fromisoformat(text) if text is not None else clock.today()
    except ValueError:
        raise Invalid("Write the day as 2026-12-31.", field="as_of") from None


class Transactions(Rows):
    """Transactions: every change of a contract, with the segments and charges it wrote."""

    queryset = Transaction.objects.select_related("term").prefetch_related("segments", "charges")
    serializer_class = TransactionShown
    filterset_fields: ClassVar = ["term__policy", "term", "kind"]
    reads = Permission.POLICIES_READ


class Cancellations(Rows):
    """Cancellations: announced, effective, rescinded or undone."""

    queryset = Cancellation.objects.select_related("term")
    serializer_class = shapes.CancellationShown
    filterset_fields: ClassVar = ["term__policy", "term", "state"]
    reads = Permission.POLICIES_READ


class ImportShown(Shown):
    class Meta:
        model = PolicyImport
        fields: ClassVar = [
            "id",
            "file_name",
            "content_sha256",
            "state",
            "row_count",
            "policy_count",
            "problem_count",
            "problems",
            "created_at",
        ]


class NewImport(Asked):
    file = serializers.FileField(help_text="CSV, UTF-8, with a header.")


class Imports(Rows):
    """Policy files: imported whole, or refused with every problem by row and column."""

    queryset = PolicyImport.objects.all()
    serializer_class = ImportShown
    filterset_fields: ClassVar = ["state"]
    parser_classes = (MultiPartParser,)
    reads = Permission.POLICIES_WRITE
    writes = Permission.POLICIES_WRITE

    @creates(NewImport)
    def create(self, asked: dict[str, Any]) -> PolicyImport:
        """Import a CSV file of policies. The same content again changes nothing."""
        file = asked["file"]
        return imports.import_policies(file=file, file_name=file.name, actor=self.actor)


routes = [
    ("parties", Parties),
    ("programs", Programs),
    ("policies", Policies),
    ("transactions", Transactions),
    ("cancellations", Cancellations),
    ("policy-imports", Imports),
]
