"""Sessions of the admin: how their users signed in, their lifetime, and what they read for the audit log."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from typing import Any, cast

from allauth.account.middleware import AccountMiddleware
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import SESSION_KEY, get_user, logout
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from accounts import rules, selectors, services
from accounts.adapters import get_assurance
from accounts.contracts import Caller
from accounts.models import Access, Customer, User
from accounts.session_store import ADDRESS, DEVICE, SEEN_AT, SIGNED_IN_AT
from core import throttle
from core.middleware import is_api_client
from core.privacy import Erasure, list_tables

SEEN_INTERVAL = timedelta(minutes=1)  # between updates of the time of the last use
DEVICE_LENGTH = 300


GetResponse = Callable[[HttpRequest], HttpResponse]


class AssuranceMiddleware:
    """Tell the user of a session whether they used a second factor, without which users have no rights that need it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if hasattr(request, "session"):
            request.user = cast("User", SimpleLazyObject(lambda: _get_user(request)))
        return self.get_response(request)


def _get_user(request: HttpRequest) -> User | AnonymousUser:
    user: User | AnonymousUser = get_user(request)
    if isinstance(user, User):
        assurance = get_assurance(request, user)
        user.has_second_factor = assurance.has_second_factor
        user.provider_brand_id, user.signed_in_at = assurance.provider_brand_id, assurance.at
    return user


class BrowserAccountMiddleware:
    """The middleware of django-allauth, for browsers only."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.get_browser_response = AccountMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        handler: GetResponse = self.get_response if is_api_client(request) else self.get_browser_response
        return handler(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page to which an exception of allauth leads, for example to prove who one is."""
        response: HttpResponse | None = self.get_browser_response.process_exception(request, exception)
        return response


class SessionLifetimeMiddleware:
    """End sessions that are too old or idle, say why, and note when and from where the others are used.

    The sign-in page returns to the requested page. Pages that update themselves don't count as use.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not hasattr(request, "session") or settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return self._respond(request)
        end = self._find_end(request, timezone.now())
        if end is None:
            return self._respond(request)
        if "HX-Request" in request.headers:
            return HttpResponse(headers={"HX-Refresh": "true"})  # the page loads again and shows the reason
        if request.path.startswith("/api/"):
            request.user = AnonymousUser()
            return self.get_response(request)
        logout(request)
        messages.warning(request, _describe_end(end))
        return self._respond(request)

    def _respond(self, request: HttpRequest) -> HttpResponse:
        """Respond, and note a sign-in or a use of the session."""
        response = self.get_response(request)
        session: Any = getattr(request, "session", None)
        if session is None or not session.get(SESSION_KEY) or _updates_itself(request):
            return response
        at = timezone.now()
        session.setdefault(SIGNED_IN_AT, at.isoformat())
        if SEEN_AT not in session or datetime.fromisoformat(session[SEEN_AT]) <= at - SEEN_INTERVAL:
            session[SEEN_AT], session[ADDRESS] = at.isoformat(), throttle.client_ip(request)
            session[DEVICE] = request.headers.get("User-Agent", "")[:DEVICE_LENGTH]
        return response

    def _find_end(self, request: HttpRequest, at: datetime) -> rules.SessionEnd | None:
        session = request.session
        if not session.get(SESSION_KEY):
            return rules.SessionEnd.ENDED if session.session_key is None else None
        if not request.user.is_authenticated:
            return rules.SessionEnd.ENDED
        if SIGNED_IN_AT not in session or SEEN_AT not in session:
            return None
        return rules.find_session_end(
            signed_in_at=datetime.fromisoformat(session[SIGNED_IN_AT]),
            seen_at=datetime.fromisoformat(session[SEEN_AT]),
            lifetime=timedelta(hours=settings.STAFF_SESSION_HOURS),
            idle=timedelta(minutes=settings.STAFF_SESSION_IDLE_MINUTES),
            at=at,
        )


def _updates_itself(request: HttpRequest) -> bool:
    return request.method == "GET" and "HX-Request" in request.headers


def _describe_end(end: rules.SessionEnd) -> str:
    if end is rules.SessionEnd.IDLE:
        minutes = settings.STAFF_SESSION_IDLE_MINUTES
        return _("You were signed out after %(minutes)s minutes without activity. Sign in again.") % {
            "minutes": minutes
        }
    if end is rules.SessionEnd.TOO_OLD:
        hours = settings.STAFF_SESSION_HOURS
        return _("You were signed out, because a session lasts %(hours)s hours. Sign in again.") % {"hours": hours}
    return _("Your session was ended. Sign in again.")


class AccessLogMiddleware:
    """Record reads of personal data and exports of CSV files in the audit log.

    A read is a page of the admin for a table with contact data of persons, or one of ``READS``. Pages that update
    themselves count once. What can't be recorded isn't answered.
    """

    READS = frozenset({"customer", "redemption-search", "redemption-detail"})
    RECORDED_EXPORTS = ("_export", "batch-codes")  # of codes, which record the batch

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        if (
            request.method != "GET"
            or response.status_code != HTTPStatus.OK
            or match is None
            or _updates_itself(request)
        ):
            return response
        if response.get("Content-Type", "").startswith("text/csv"):
            if not match.view_name.endswith(self.RECORDED_EXPORTS):
                _record_access(Access.EXPORTED, request, match)
        elif match.view_name in self.READS or match.view_name in _list_personal_pages():
            _record_access(Access.READ, request, match)
        return response


def _record_access(label: Access, request: HttpRequest, match: ResolverMatch) -> None:
    caller = getattr(request, "auth", None)  # of the API
    customer_id = match.kwargs.get("customer_id")
    shopper = selectors.get_shopper(customer_id) if customer_id else None
    services.record_access(
        label,
        brand=caller.brand_id if isinstance(caller, Caller) else _get_only_brand(request.user),
        customer=shopper.id if shopper else None,
        subject=" ".join([match.view_name, match.kwargs.get("object_id", "")]).strip(),
    )


def _get_only_brand(user: Any) -> uuid.UUID | None:
    """Return the brand of a member of one staff, who can have read only what is that brand's."""
    brands = list(selectors.admin_permissions(user)) if isinstance(user, User) and not user.is_superuser else []
    return brands[0] if len(brands) == 1 else None


@cache
def _list_personal_pages() -> frozenset[str]:
    """Return the names of the admin's lists and pages of tables with columns that an erasure empties or deletes."""
    models = {
        table.model_class
        for table in list_tables()
        if any(column.erasure in (Erasure.SCRUBBED, Erasure.DELETED) for column in table.columns)
    } | {Customer}
    pages = [model._meta for model in admin.site._registry if model in models]  # noqa: SLF001
    return frozenset(
        f"admin:{page.app_label}_{page.model_name}_{view}" for page in pages for view in ("change", "changelist")
    )
