"""Views of mailings: the unsubscribe page and the provider's event webhook."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import throttle
from core.errors import InvalidRequest, PayloadTooLarge
from mailings.errors import UnsubscribeLinkInvalid
from mailings.models import Mail
from mailings.services import events, unsubscriptions

MAX_EVENTS_BODY = 8 * 1024 * 1024  # bytes; the provider sends up to 1,000 events at once


@method_decorator(csrf_exempt, name="dispatch")
class UnsubscribePage(View):
    """The unsubscribe page.

    GET shows a page with buttons. POST unsubscribes, from a button or from an email client (RFC 8058), without cookies.
    """

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        try:
            return self._page(request, unsubscriptions.get_mail_by_token(token=token), done=False)
        except UnsubscribeLinkInvalid as error:
            return self._error_page(request, error)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        try:
            mail = unsubscriptions.unsubscribe(token=token, everyone=request.POST.get("from") == "everyone")
        except UnsubscribeLinkInvalid as error:
            return self._error_page(request, error)
        return self._page(request, mail, done=True)

    def _page(self, request: HttpRequest, mail: Mail, *, done: bool) -> HttpResponse:
        everyone = request.POST.get("from") == "everyone"
        local, _at, domain = mail.address.rpartition("@")
        context = {
            "sender": mail.mailing.sender_name,
            "address": f"{local[:1]}…@{domain}",
            "done": done,
            "everyone": everyone,
        }
        return self._make_private(render(request, "mail/unsubscribe.html", context))

    def _error_page(self, request: HttpRequest, error: UnsubscribeLinkInvalid) -> HttpResponse:
        return self._make_private(
            render(request, "mail/unsubscribe.html", {"error": error.detail}, status=error.status)
        )

    def _make_private(self, response: HttpResponse) -> HttpResponse:
        response["Cache-Control"], response["X-Robots-Tag"], response["Referrer-Policy"] = (
            "no-store",
            "noindex",
            "no-referrer",
        )
        return response


@extend_schema(exclude=True)
class SendGridEvents(APIView):
    """The signed event webhook of SendGrid."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def post(self, request: Request) -> Response:
        throttle.consume("webhook", throttle.client_network(request))
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > MAX_EVENTS_BODY:
            raise PayloadTooLarge
        body = request._request.body  # noqa: SLF001  (the signed bytes; DRF has no public name for them)
        events.check_signature(
            body=body,
            at=timezone.now(),
            signature=request.headers.get("X-Twilio-Email-Event-Webhook-Signature", ""),
            timestamp=request.headers.get("X-Twilio-Email-Event-Webhook-Timestamp", ""),
        )
        return Response({"received": events.process_events(events=_events(body))})


def _events(body: bytes) -> list[dict[str, Any]]:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest from error
    if not isinstance(sent, list):
        raise InvalidRequest(_("Expected a list of events."))
    return [event for event in sent if isinstance(event, dict) and isinstance(event.get("event"), str)]
