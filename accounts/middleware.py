"""Sessions of the admin: how their users signed in, their lifetime, and the messages at their end."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from allauth.account.middleware import AccountMiddleware
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, get_user, logout
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from accounts import rules
from accounts.adapters import get_assurance
from accounts.models import User
from accounts.session_store import ADDRESS, DEVICE, SEEN_AT, SIGNED_IN_AT
from core import throttle
from core.middleware import is_api_client

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
        user.has_second_factor = get_assurance(request, user).has_second_factor
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
