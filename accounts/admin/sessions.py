"""The page on which people see their sessions, and end them."""

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import rules, selectors, services
from backoffice.base.formatting import format_datetime
from core.errors import NotFound


@require_http_methods(["GET", "HEAD"])
def sessions_page(request: HttpRequest) -> HttpResponse:
    """List the user's sessions: device, address, sign-in and last use."""
    user: Any = request.user
    rows = [
        {
            "number": selectors.number_of_session(session),
            "device": rules.describe_device(session.device) or _("Unknown device"),
            "address": session.address,
            "signed_in": format_datetime(session.signed_in_at, "UTC"),
            "seen": format_datetime(session.seen_at, "UTC"),
            "is_current": session.session_key == request.session.session_key,
        }
        for session in selectors.list_sessions(user=user, at=timezone.now())
    ]
    context = admin.site.each_context(request) | {"title": _("Your sessions"), "rows": rows}
    return TemplateResponse(request, "accounts/admin/sessions.html", context)


@require_POST
def sign_out_session(request: HttpRequest, number: str) -> HttpResponse:
    """End one session of the user."""
    user: Any = request.user
    try:
        services.end_session(user=user, number=number)
    except NotFound as error:
        raise Http404 from error
    messages.success(request, _("The session was ended."))
    return redirect("staff-sessions")


@require_POST
def sign_out_all(request: HttpRequest) -> HttpResponse:
    """End all sessions and tokens of the user, this session included."""
    user: Any = request.user
    services.sign_out_everywhere(user=user, at=timezone.now())
    request.session.flush()
    messages.success(request, _("You were signed out everywhere."))
    return redirect("admin:login")
