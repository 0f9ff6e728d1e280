"""What every page without a sign-in has in common: nothing cached, nothing indexed, refusals in friendly words."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.generic import TemplateView

from coverpay.kernel import clock
from coverpay.kernel.errors import DomainError, NotFound
from payments.models import PayLink
from payments.pay_links import LinkExpired, LinkRevoked, LinkUnknown, LinkUsed

SESSION = "pay"
OPEN_SECONDS = 2 * 3600
"""How long a browser that opened a link may use it without opening it again."""
GONE = (LinkExpired, LinkUsed, LinkRevoked)


class PublicPage(TemplateView):
    """A page for payors: no sign-in, no cache, no referrer, no search engine; refusals are pages of their own."""

    http_method_names: ClassVar[list[str]] = ["get", "post", "head"]  # type: ignore[misc]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = super().dispatch(request, *args, **kwargs)
        except DomainError as refusal:
            response = refused(request, refusal)
        return shut(response)


class LinkPage(PublicPage):
    """A page of a link that this browser opened."""

    link: PayLink

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        link = opened(request, self.kwargs["link_id"])
        if link is None:
            said = "Open this page by the link you were sent, or look up your bill again."
            return shut(refused(request, LinkUnknown(said)))
        self.link = link
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(link=self.link, organization=self.link.organization, **kwargs)

    @property
    def memory(self) -> dict[str, Any]:
        """What this browser chose so far on this link's pages."""
        found: dict[str, Any] = self.request.session[SESSION][self.link.id]
        return found

    def remember(self, **said: Any) -> None:
        self.memory.update(said)
        self.request.session.modified = True


def let_in(request: HttpRequest, link: PayLink) -> None:
    """Let this browser use a link; its session gets a new key, so that nobody else holds it."""
    request.session.cycle_key()
    opened = request.session.setdefault(SESSION, {})
    opened[link.id] = {"since": clock.now().timestamp()}
    request.session.modified = True


def opened(request: HttpRequest, link_id: str) -> PayLink | None:
    """The link, if this browser opened it not too long ago."""
    found = request.session.get(SESSION, {}).get(link_id)
    if found is None or clock.now().timestamp() - found["since"] > OPEN_SECONDS:
        return None
    rows = PayLink.objects.select_related(
        "organization", "policy__insured", "billing_account__payor", "invoice", "party", "payment"
    )
    return rows.filter(pk=link_id).first()


def refused(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """A refusal as a page: what is wrong, and what to do."""
    status = 410 if isinstance(refusal, GONE) else refusal.status
    said = refusal.message if not isinstance(refusal, NotFound) or isinstance(refusal, LinkUnknown) else ""
    page = render(request, "pay/refused.html", {"said": said, "gone": status == 410}, status=status)
    for name, value in refusal.extra.get("headers", {}).items():
        page[name] = value
    page._has_been_logged = True  # type: ignore[attr-defined]  # Django would log the path, and with it a secret
    return page


def shut(response: HttpResponseBase) -> HttpResponseBase:
    """Let no cache keep a page, its address reach no other site, and no search engine list it."""
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def address_of(request: HttpRequest) -> str:
    """The network address of who asks, behind as many proxies as are trusted."""
    return str(get_adapter(request).get_client_ip(request))
