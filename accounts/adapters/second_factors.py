"""What django-allauth asks of the platform: how people prove who they are again, its messages, mails and secrets."""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed
from django.conf import settings
from django.contrib.auth import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts import selectors, services
from accounts.contracts import Assurance, Method
from accounts.emails import FactorChange
from accounts.models import Access, User
from core import throttle

RECORDS = "account_authentication_methods"  # the key of allauth's records in a session
FEDERATED = "socialaccount"  # the method of a record, as allauth names it
FACTORS, PROVED_AT = "factors", "proved_at"  # of such a record: the provider's second factors, and when it asked
_METHODS = {
    Authenticator.Type.TOTP: Method.CODE,
    Authenticator.Type.RECOVERY_CODES: Method.CODE,
    Authenticator.Type.WEBAUTHN: Method.KEY,
}
_CHANGES = {
    "mfa/email/totp_activated": FactorChange.APP_ADDED,
    "mfa/email/totp_deactivated": FactorChange.APP_REMOVED,
    "mfa/email/webauthn_added": FactorChange.KEY_ADDED,
    "mfa/email/webauthn_removed": FactorChange.KEY_REMOVED,
    "mfa/email/recovery_codes_generated": FactorChange.CODES_RENEWED,
}


def begin_session(request: HttpRequest, user: User, *, redirect_url: str) -> HttpResponse:
    """Sign in a user whose password was checked, or ask for the second factor first if they have one."""
    record_authentication(request, user, method="password")
    response: HttpResponse = perform_login(request, user, redirect_url=redirect_url)
    return response


def get_assurance(request: HttpRequest, user: User) -> Assurance:
    """Return how the user of a session signed in."""
    records = get_authentication_records(request, user)
    methods = frozenset(method for record in records for method in _methods_of(record))
    has_second_factor = Assurance(methods).has_second_factor
    times = [
        record.get(PROVED_AT, record["at"]) for record in records if _is_second_factor(record) or not has_second_factor
    ]
    brand = next((uuid.UUID(record["provider"]) for record in records if record["method"] == FEDERATED), None)
    return Assurance(methods, datetime.fromtimestamp(max(times), UTC) if times else None, brand)


def is_fresh(request: HttpRequest, user: User, *, patience: float = 0) -> bool:
    """Return whether the user proved a moment ago who they are: by the second factor, if they have one.

    ``patience`` is in seconds, and prolongs the moment.
    """
    assurance = get_assurance(request, user)
    if assurance.at is None or (selectors.has_second_factor(user) and not assurance.has_second_factor):
        return False
    return time.time() - assurance.at.timestamp() < settings.FRESH_SIGN_IN_SECONDS + patience


def require_fresh_sign_in(view: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a page of keys, roles or exports: it first asks users who signed in long ago who they are.

    A form can be sent for a while after its page was opened.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return redirect_unless_fresh(request) or view(request, *args, **kwargs)

    return wrapped


def redirect_unless_fresh(request: HttpRequest) -> HttpResponse | None:
    """Redirect a user who signed in long ago to the page that asks for the password or a code. None if it was now."""
    patience = settings.FRESH_FORM_SECONDS if request.method == "POST" else 0
    if not isinstance(request.user, User) or is_fresh(request, request.user, patience=patience):
        return None
    methods = AccountAdapter().get_reauthentication_methods(request.user)
    return redirect(f"{methods[0]['url']}?{urlencode({'next': request.get_full_path()})}")


def _methods_of(record: Mapping[str, Any]) -> set[Method]:
    if record["method"] == FEDERATED:
        factors = {Method.KEY if factor == "hwk" else Method.CODE for factor in record[FACTORS]}
        return {Method.FEDERATED} | factors
    return {_METHODS[record["type"]] if record["method"] == "mfa" else Method.PASSWORD}


def _is_second_factor(record: Mapping[str, Any]) -> bool:
    return bool(record["method"] == "mfa" or record.get(FACTORS))


def redirect_to_second_factor(user: User, next_url: str) -> HttpResponse:
    """Redirect a user who lacks what is required: to the page that asks for the second factor, or sets it up.

    The latter also says that the address has to be verified.
    """
    is_asked = user.lacks_second_factor and selectors.has_second_factor(user)
    page = reverse("mfa_reauthenticate" if is_asked else "mfa_index")
    return redirect(f"{page}?{urlencode({'next': next_url})}")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-in steps. Passwords are checked by the platform's own services, and mails go through its outbox."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return whether to ask for a password or code once more. A sign-in of a moment ago counts, too."""
        request = context.request
        return not (isinstance(request.user, User) and is_fresh(request, request.user))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Return the ways to prove who one is, without the password for users who have a second factor.

        Those who signed in by an identity provider go there once more.
        """
        if user.provider_brand_id is not None and not selectors.has_second_factor(user):
            page = reverse("identity_provider_again", args=[user.provider_brand_id])
            return [{"id": "identity_provider", "description": _("Use your identity provider"), "url": page}]
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        others = [method for method in methods if method["id"] != "reauthenticate"]
        return others or methods

    def reauthenticate(self, user: Any, password: str) -> bool:
        address = throttle.client_network(context.request)
        found = services.check_credentials(account=user.username, password=password, address=address)
        return found is not None and found.pk == user.pk

    def send_notification_mail(
        self, template_prefix: str, user: Any, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        services.announce_factor(user=user, change=_CHANGES[template_prefix])

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        if message_template is None or message_template.startswith("mfa/"):  # not of each sign-in
            super().add_message(request, level, message_template, *args, **kwargs)

    def get_client_ip(self, request: HttpRequest) -> str:
        return throttle.client_ip(request)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors, whose secrets are encrypted."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": _(
            "You need a second factor. Add another one before you remove this one."
        )
    }  # fmt: skip

    def encrypt(self, text: str) -> str:
        return selectors.factor_cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return selectors.factor_cipher().decrypt(encrypted_text.encode()).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Return whether a factor can be removed: not the last one of a user who needs one."""
        user = authenticator.user
        return not (selectors.needs_second_factor(user) and selectors.is_last_second_factor(authenticator))

    def get_totp_label(self, user: Any) -> str:
        return str(user.username)

    def _get_site_name(self) -> str:
        return str(settings.MFA_TOTP_ISSUER)


@receiver(authenticator_added)
def _count_new_factor(request: HttpRequest, user: User, authenticator: Authenticator, **_kwargs: Any) -> None:
    """Let a new factor count for the session in which the user proved it, so that the next page opens."""
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        record_authentication(request, user, method="mfa", id=authenticator.pk, type=authenticator.type)


@receiver(authenticator_removed)
def _forget_removed_factor(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """End what a user signed in to with the last factor, and let it no longer count for this session."""
    if selectors.has_second_factor(user):
        return
    records: Iterable[Mapping[str, Any]] = request.session.get(RECORDS, [])
    request.session[RECORDS] = [record for record in records if record["method"] != "mfa"]
    services.end_other_sign_ins(user=user, session_key=request.session.session_key, at=timezone.now())


@receiver(user_logged_in)
def _record_session(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Record the begin of a session in the audit log, with the ways in which the user proved who they are."""
    methods = sorted(get_assurance(request, user).methods)
    services.record_access(Access.SIGNED_IN, user=user.pk, subject=" ".join(["session", *methods]))


@receiver(user_logged_out)
def _record_end_of_session(user: User | None, **_kwargs: Any) -> None:
    """Record the end of a session in the audit log."""
    if isinstance(user, User):
        services.record_access(Access.SIGNED_OUT, user=user.pk, subject="session")
