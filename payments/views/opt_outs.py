"""The page behind the link in every message: the holder of an address ends messages of a kind, or takes them again."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from compliance.models import Organization
from coverpay.kernel import actors
from payments import opt_outs

HOLDER = actors.system("holder of the address")


@method_decorator([csrf_exempt, never_cache], name="dispatch")
class Unsubscribe(View):
    """Show what the signed link is about, and do it on POST only: a mail scanner that follows links changes nothing.

    The signature is the authentication, and mail programs post one click without a cookie (RFC 8058).
    """

    def get(self, request: HttpRequest, token: str) -> HttpResponseBase:
        return self._shown(request, opt_outs.read(token))

    def post(self, request: HttpRequest, token: str) -> HttpResponseBase:
        said = opt_outs.read(token)
        again = request.POST.get("again") == "yes"
        change: Any = opt_outs.resubscribe if again else opt_outs.opt_out
        change(organization_id=said.organization_id, address=said.address, kind=said.kind, actor=HOLDER)
        return self._shown(request, said)

    def _shown(self, request: HttpRequest, said: opt_outs.Address) -> HttpResponse:
        return render(
            request,
            "payments/message/unsubscribe.html",
            {
                "said": said,
                "sender": Organization.objects.get(pk=said.organization_id).name,
                "is_out": opt_outs.stands(said),
            },
        )
