"""Bank accounts, statements, matching and breaks under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.parsers import MultiPartParser

from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates, shows
from coverpay.kernel.errors import NotFound
from reconciliation import bank_accounts, breaks, imports, matches, queries
from reconciliation.ledger.models import Fund
from reconciliation.matches import MatchingRun
from reconciliation.models import BankAccount, Break, Match, Statement, StatementImport, StatementLine


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


class StatementShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)

    class Meta:
        model = Statement
        fields: ClassVar = ["id", "bank_account", "as_of", "currency", "opening_minor", "closing_minor"]


class ProblemShown(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    column = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()


class StatementImportShown(Shown):
    problems = ProblemShown(many=True, read_only=True)
    statements = StatementShown(many=True, read_only=True)

    class Meta:
        model = StatementImport
        fields: ClassVar = [
            "id",
            "file_name",
            "format",
            "content_sha256",
            "state",
            "problems",
            "line_count",
            "statements",
            "created_at",
        ]


class StatementFile(Asked):
    file = serializers.FileField(max_length=200, allow_empty_file=True, help_text="A bank's statement file (BAI2).")


class Statements(Rows):
    """Statement files: imported when they tie, else set aside with every reason."""

    queryset = queries.imports()
    serializer_class = StatementImportShown
    filterset_fields: ClassVar = ["state"]
    parser_classes = (MultiPartParser,)
    reads = Permission.RECONCILIATION_READ
    writes = Permission.RECONCILIATION_WRITE

    @creates(StatementFile)
    def create(self, asked: dict[str, Any]) -> StatementImport:
        """Import a file. The same content again gives the first import; a file that does not tie is quarantined."""
        file = asked["file"]
        return imports.import_statement(content=file.read(), file_name=file.name, actor=self.actor)


class StatementLineShown(Shown):
    statement = serializers.CharField(source="statement_id", read_only=True)

    class Meta:
        model = StatementLine
        fields: ClassVar = [
            "id",
            "statement",
            "position",
            "posted_on",
            "value_on",
            "amount_minor",
            "currency",
            "type_code",
            "bank_reference",
            "customer_reference",
            "text",
        ]


class StatementLines(Rows):
    """Movements at the bank; positive came in."""

    queryset = StatementLine.objects.all()
    serializer_class = StatementLineShown
    filterset_fields: ClassVar = [
        "statement",
        "statement__bank_account",
        "posted_on",
        "bank_reference",
        "customer_reference",
    ]
    reads = Permission.RECONCILIATION_READ


class MatchShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)
    statement_line = serializers.CharField(source="statement_line_id", read_only=True)
    ledger_line = serializers.IntegerField(source="ledger_line_id", read_only=True)
    ledger_entry = serializers.CharField(source="ledger_line.entry_id", read_only=True)

    class Meta:
        model = Match
        fields: ClassVar = [
            "id",
            "bank_account",
            "statement_line",
            "ledger_line",
            "ledger_entry",
            "stage",
            "score",
            "reason",
            "inputs",
            "rule_version",
            "matched_at",
            "undone_at",
            "undone_reason",
        ]


class Reason(Asked):
    reason = serializers.CharField(max_length=300)


class Matches(Rows):
    """Pairs of a statement line and a ledger line that are the same money, each with why."""

    queryset = Match.objects.select_related("ledger_line")
    serializer_class = MatchShown
    filterset_fields: ClassVar = ["bank_account", "statement_line", "ledger_line", "stage"]
    reads = Permission.RECONCILIATION_READ
    writes = Permission.RECONCILIATION_WRITE

    @acts(Reason)
    def undo(self, id: str, asked: dict[str, Any]) -> Match:
        """Take a match apart; the pair is never matched again."""
        return matches.undo(match_id=id, reason=asked["reason"], actor=self.actor)


class BreakRowShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True, allow_null=True)

    class Meta:
        model = Break
        fields: ClassVar = [
            "id",
            "bank_account",
            "kind",
            "subject_id",
            "difference_minor",
            "currency",
            "reason",
            "inputs",
            "state",
            "opened_at",
            "closed_at",
            "closed_reason",
        ]


class Breaks(Rows):
    """What does not tie and waits for a person."""

    queryset = Break.objects.all()
    serializer_class = BreakRowShown
    filterset_fields: ClassVar = ["bank_account", "kind", "state", "subject_id"]
    reads = Permission.RECONCILIATION_READ
    writes = Permission.RECONCILIATION_WRITE

    @acts(Reason)
    def close(self, id: str, asked: dict[str, Any]) -> Break:
        """Close a break, saying what resolved it."""
        return breaks.close(break_id=id, reason=asked["reason"], actor=self.actor)


class WantedRun(Asked):
    bank_account = serializers.CharField(max_length=40)


class MatchingRunShown(serializers.Serializer[Any]):
    bank_account = serializers.CharField(source="bank_account_id")
    rule_version = serializers.CharField()
    bank_line_count = serializers.IntegerField(help_text="Statement lines without a match before the run.")
    book_line_count = serializers.IntegerField(help_text="Ledger lines without a match before the run.")
    matched = MatchShown(many=True)
    opened = BreakRowShown(many=True)
    closed = BreakRowShown(many=True)


class MatchingRuns(Resource):
    """Matching of one bank account's statement lines with its books."""

    serializer_class = MatchingRunShown
    writes = Permission.RECONCILIATION_WRITE

    @creates(WantedRun)
    def create(self, asked: dict[str, Any]) -> MatchingRun:
        """Match what is open and bring the breaks up to date; repeated, it changes nothing."""
        return matches.run_matching(bank_account_id=asked["bank_account"], actor=self.actor)


routes = [
    ("bank-accounts", BankAccounts),
    ("statements", Statements),
    ("statement-lines", StatementLines),
    ("matching-runs", MatchingRuns),
    ("matches", Matches),
    ("breaks", Breaks),
]
