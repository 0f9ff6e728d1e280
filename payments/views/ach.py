"""Pages about ACH: files that go out and come in, one with its entries and news, and the return rates."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.generic import TemplateView, View

from compliance import access
from compliance.http import StaffPage
from compliance.pages import ActionPage, CommandPage, FilterForm, ListPage, page_of
from compliance.permissions import Permission
from coverpay.kernel import clock
from payments.ach import calendar, files, news, queries, rates, receiving, reversals, terms
from payments.ach.forms import BuildForm, DecideForm, FileFilters, ReceiveForm, RejectForm, ReverseForm
from payments.models import AchEntry, AchFile, AchNews, GatewayAccount

P = Permission
CURRENCY = "USD"


class AchFiles(ListPage):
    """Files, newest first, with what waits for the next one and what waits for a person."""

    reads = P.PAYMENTS_READ
    template_name = "payments/ach/list.html"
    filters = FileFilters

    def rows(self, filters: FilterForm) -> QuerySet[AchFile]:
        waiting = Count("news", filter=Q(news__state=AchNews.State.QUARANTINED))
        rows = AchFile.objects.select_related("account").defer("content_sealed").annotate(waiting=waiting)
        for name in ("direction", "state"):
            if filters.value(name):
                rows = rows.filter(**{name: filters.value(name)})
        return rows.filter(waiting__gt=0) if filters.value("show") else rows

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        accounts = list(queries.accounts(self.actor))
        staged = [(account, queries.staged(account), _cut_off(account)) for account in accounts]
        return super().get_context_data(
            staged=[row for row in staged if row[1]["count"]],
            has_accounts=bool(accounts),
            can_write=access.may(self.actor, P.PAYMENTS_WRITE),
            currency=CURRENCY,
            **kwargs,
        )


class AchFileDetail(StaffPage, TemplateView):
    """One file: totals, entries, and what of it waits for a person."""

    reads = P.PAYMENTS_READ
    template_name = "payments/ach/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = AchFile.objects.select_related("account").defer("content_sealed")
        file = access.get(self.actor, rows, self.kwargs["ach_file_id"])
        entries = queries.entries(self.actor).filter(file=file)
        waiting = file.news.filter(state=AchNews.State.QUARANTINED).order_by("line", "column")
        done = queries.news(self.actor).filter(file=file).exclude(state=AchNews.State.QUARANTINED)
        return super().get_context_data(
            file=file,
            page=page_of(entries, self.request.GET.get("after", "")),
            waiting=list(waiting.defer("record_sealed")[:200]),
            waiting_count=waiting.count(),
            done=list(done.order_by("line", "column")[:200]),
            can_write=access.operable(self.actor, AchFile.objects.filter(pk=file.pk)).exists()
            and access.may(self.actor, P.PAYMENTS_WRITE),
            currency=CURRENCY,
            **kwargs,
        )


class ReturnRates(StaffPage, TemplateView):
    """How many debits come back, beside what the rules tolerate."""

    reads = P.PAYMENTS_READ
    template_name = "payments/ach/rates.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        today = clock.today()
        first, last = rates.window(today)
        shown = [(account, queries.return_rates(account, today)) for account in queries.accounts(self.actor)]
        return super().get_context_data(shown=shown, first=first, last=last, **kwargs)


class OfAccounts(CommandPage):
    """A form that begins with one of the accounts that send files."""

    reads = writes = P.PAYMENTS_WRITE
    template_name = "payments/ach/form.html"
    heading: ClassVar[str] = ""
    button: ClassVar[str] = ""
    says: ClassVar[str] = ""

    def get_form_kwargs(self) -> dict[str, Any]:
        rows = access.operable(self.actor, queries.accounts(self.actor))
        return {**super().get_form_kwargs(), "accounts": [(account.id, str(account)) for account in rows]}

    def get_initial(self) -> dict[str, Any]:
        return {"account": self.request.GET.get("account", "")}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(heading=self.heading, button=self.button, says=self.says, **kwargs)


class Build(OfAccounts):
    """Build the file of what is staged now, without waiting for the cut-off."""

    form_class = BuildForm
    heading, button = "Build a file", "Build it"
    says = (
        "What is staged and due goes into it; what comes later goes into the next. "
        "Files are built by themselves at the cut-off."
    )

    def run(self, form: BuildForm) -> str:
        file = files.build_file(account_id=form.cleaned_data["account"], actor=self.actor)
        if file is None:
            raise files.NothingStaged("Nothing waits for the next file of this account.", field="account")
        messages.success(self.request, f"{file.name} is built. Download it, hand it to the bank, and say that it went.")
        return reverse("payments:ach-file", args=[file.id])


class Receive(OfAccounts):
    """Take in a file from the bank."""

    form_class = ReceiveForm
    heading, button = "File from the bank", "Take it in"

    def run(self, form: ReceiveForm) -> str:
        upload = form.cleaned_data["file"]
        file = receiving.receive(
            account_id=form.cleaned_data["account"], name=upload.name, content=upload.read(), actor=self.actor
        )
        said = f"is read: {file.result}" if file.result else "is large; it is being read"
        messages.success(self.request, f"{file.name} {said}.")
        return reverse("payments:ach-file", args=[file.id])


class Download(StaffPage, View):
    """The content of a file, account numbers and all; each download is kept in the audit trail."""

    reads = writes = P.PAYMENTS_WRITE
    http_method_names: ClassVar[list[str]] = ["post"]  # type: ignore[misc]

    def post(self, request: HttpRequest, ach_file_id: str) -> HttpResponse:
        file, content = files.open_content(file_id=ach_file_id, actor=self.actor)
        name = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in file.name)
        headers = {
            "Content-Disposition": f'attachment; filename="{name}.ach"',
            "Cache-Control": "no-store",
        }
        return HttpResponse(content, content_type="text/plain; charset=us-ascii", headers=headers)


class OfFile(ActionPage):
    """A button about a file that went out."""

    reads = P.PAYMENTS_READ
    writes = P.PAYMENTS_WRITE

    def back(self, **kwargs: str) -> str:
        return reverse("payments:ach-file", args=[kwargs["ach_file_id"]])


class MarkSent(OfFile):
    """The file went to the bank."""

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        file = files.mark_sent(file_id=kwargs["ach_file_id"], actor=self.actor)
        return f"{file.name} went to the bank; its entries settle on their day."


class MarkAccepted(OfFile):
    """The bank took the file."""

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        return f"The bank took {files.mark_accepted(file_id=kwargs['ach_file_id'], actor=self.actor).name}."


class Step(CommandPage):
    """A form about one row, which leads back to its file."""

    reads = writes = P.PAYMENTS_WRITE
    template_name = "billing/step.html"
    heading: ClassVar[str] = ""
    button: ClassVar[str] = ""
    says: ClassVar[str] = ""
    fields_of: ClassVar[dict[str, str]] = {"file": "", "news": "", "entry": ""}

    @property
    def file(self) -> AchFile:
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        file = self.file
        words = {
            "heading": self.heading,
            "button": self.button,
            "tone": "button--danger" if self.says else "button--main",
            "says": self.says,
            "list": reverse("payments:ach-files"),
            "list_words": "ACH files",
            "back": self.address(file),
            "back_words": file.name,
        }
        return super().get_context_data(words=words, **kwargs)

    def address(self, file: AchFile) -> str:
        return reverse("payments:ach-file", args=[file.id])


class MarkRejected(Step):
    """The bank did not take the file."""

    form_class = RejectForm
    heading, button = "The bank did not take it", "Its entries moved no money"
    says = "Every payment in it fails, and can be collected again. Only when the bank surely did not process the file."

    @property
    def file(self) -> AchFile:
        return access.get(self.actor, AchFile.objects.defer("content_sealed"), self.kwargs["ach_file_id"])

    def run(self, form: RejectForm) -> str:
        file = files.mark_rejected(
            file_id=self.kwargs["ach_file_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        messages.success(self.request, f"{file.name} counts for nothing.")
        return self.address(file)


class Decide(Step):
    """Say what was done about news in quarantine."""

    form_class = DecideForm
    heading, button = "Decide", "It is done"

    @property
    def file(self) -> AchFile:
        return access.get(self.actor, AchNews.objects.select_related("file"), self.kwargs["ach_news_id"]).file

    def run(self, form: DecideForm) -> str:
        done = news.decide(news_id=self.kwargs["ach_news_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, "Your decision is kept with it.")
        return self.address(done.file)


class Reverse(Step):
    """Send a mistaken debit back whole."""

    form_class = ReverseForm
    heading, button = "Reverse a debit", "Send it back"
    says = (
        "The whole debit goes back to the payor with the next file, as a refund of its payment. This is for mistakes."
    )

    @property
    def file(self) -> AchFile:
        entry = access.get(self.actor, AchEntry.objects.select_related("file"), self.kwargs["ach_entry_id"])
        assert entry.file is not None or entry.file_id is None
        return entry.file or AchFile(id="", name="Staged")

    def address(self, file: AchFile) -> str:
        return super().address(file) if file.id else reverse("payments:ach-files")

    def run(self, form: ReverseForm) -> str:
        said = form.cleaned_data
        entry = reversals.reverse(
            entry_id=self.kwargs["ach_entry_id"], why=said["why"], note=said["note"], actor=self.actor
        )
        messages.success(self.request, "The reversal goes with the next file.")
        assert entry.reverses is not None
        return self.address(entry.reverses.file or AchFile(id=""))


def _cut_off(account: GatewayAccount) -> str:
    """The cut-off as people read it; empty when the settings say none that can be read."""
    try:
        said = terms.read(account.settings)
    except (terms.TermsUnusable, calendar.CutOffUnreadable):
        return ""
    return f"{said.cut_off:%H:%M} {said.zone.key}"
