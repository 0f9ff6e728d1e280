"""The door gateways knock at: POST /hooks/<gateway account>/."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from coverpay.kernel.errors import DomainError, Invalid
from payments import inbound


class BodyTooLarge(Invalid):
    """A webhook larger than any gateway sends."""

    code = "body_too_large"


@csrf_exempt
@require_POST
def receive(request: HttpRequest, account_id: str) -> HttpResponse:
    """Verify, store raw, answer 200; a repeated event is answered 200 too. The signature is the authentication."""
    try:
        if len(request.body) > inbound.MAX_BODY_BYTES:
            raise BodyTooLarge(f"A webhook has at most {inbound.MAX_BODY_BYTES} bytes.")
        stored = inbound.receive(account_id=account_id, headers=request.headers, body=request.body)
    except DomainError as error:
        return JsonResponse({"code": error.code, "detail": error.message}, status=error.status)
    return JsonResponse({"stored": stored is not None})
