"""Services of second factors: their codes, what follows when one is added or removed, and lost factors."""

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.utils import translation

from accounts import emails, selectors
from accounts.contracts import Method, Tokens
from accounts.errors import InvalidCredentials, SecondFactorInvalid, SecondFactorRequired
from accounts.models import Access, IdentityProvider, Session, TokenFamily, User
from accounts.services.audit import record_access
from accounts.services.authentication import check_credentials, sign_out_everywhere, tokens_for
from core import throttle
from core.outbox import enqueue_on_commit

_ENCRYPTED = ("secret", "seed")  # members of the data of a factor


def use_code(*, user: User, code: str) -> Authenticator | None:
    """Return the factor that a code of an app, or a recovery code, is of. None if it is wrong or was used before.

    The audit log records both. Counts the attempt for the user. Raises Throttled and Unavailable.
    """
    throttle.consume("second_factor", str(user.pk))
    factors = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN)
    for factor in factors.order_by("-type"):  # an app first
        if factor.wrap().validate_code(code):
            record_access(Access.FACTOR_USED, user=user.pk, subject=factor.type)
            return factor
    record_access(Access.FACTOR_FAILED, user=user.pk, subject=Method.CODE)
    return None


def sign_in_with_code(
    *, account: str, password: str, code: str | None, address: str, at: datetime
) -> Tokens:  # fmt: skip
    """Sign a user in by the password and, if they have a second factor, one of its codes. Return new tokens.

    Raises InvalidCredentials, SecondFactorRequired, SecondFactorInvalid, Throttled, Unavailable.
    """
    user = check_credentials(account=account, password=password, address=address)
    if user is None:
        raise InvalidCredentials
    methods = [Method.PASSWORD]
    if code is not None:
        factor = use_code(user=user, code=code)
        if factor is None:
            raise SecondFactorInvalid
        factor.record_usage()
        methods.append(Method.CODE)
    elif selectors.has_second_factor(user):
        raise SecondFactorRequired
    return tokens_for(user=user, at=at, methods=methods)


def announce_factor(*, user: User, change: emails.FactorChange) -> None:
    """Enqueue the email that says that a second factor was added or removed."""
    with transaction.atomic():
        enqueue_on_commit("accounts.send_factor_notice", user_key=user.pk, change=change.value)


def send_factor_notice(*, user_key: int, change: emails.FactorChange) -> None:
    """Send the email that says that a second factor was added or removed, if the user has a verified address."""
    user = User.objects.filter(pk=user_key, is_active=True, email_verified_at__isnull=False).exclude(email="").first()
    if user is not None:
        with translation.override(user.language or settings.LANGUAGE_CODE):
            emails.factor_notice(user=user, change=change).send()


@transaction.atomic
def end_other_sign_ins(*, user: User, session_key: str | None, at: datetime) -> None:
    """End all sessions of a user but one, and all refresh tokens, since their second factor is gone."""
    Session.objects.filter(user=user).exclude(session_key=session_key).delete()
    TokenFamily.objects.filter(user=user, ended_at=None).update(ended_at=at)
    record_access(Access.SIGNED_OUT, user=user.pk, subject="other sign-ins")


@transaction.atomic
def reset_second_factor(*, user: User, at: datetime) -> int:
    """Remove all second factors of a user who has lost them, and end all sessions and tokens. Return their number."""
    number: int = Authenticator.objects.filter(user=user).delete()[0]
    sign_out_everywhere(user=user, at=at)
    announce_factor(user=user, change=emails.FactorChange.RESET)
    return number


def encrypt_again() -> int:
    """Encrypt the secrets of second factors and identity providers with the newest secret of the platform.

    Return the number of both.

    Each factor is locked, as a recovery code that is used meanwhile changes its row. Raises InvalidToken for one that
    no secret decrypts.
    """
    cipher = selectors.factor_cipher()
    keys = Authenticator.objects.values_list("pk", flat=True)
    for key in keys:
        with transaction.atomic():
            factor = Authenticator.objects.select_for_update().filter(pk=key).first()
            if factor is None:
                continue
            secrets = {name: factor.data[name] for name in _ENCRYPTED if name in factor.data}
            factor.data |= {name: cipher.rotate(text.encode()).decode() for name, text in secrets.items()}
            factor.save(update_fields=["data"])
    providers = IdentityProvider.objects.exclude(secret="").values_list("pk", flat=True)
    for provider_key in providers:
        with transaction.atomic():
            provider = IdentityProvider.objects.select_for_update().filter(pk=provider_key).first()
            if provider is not None:
                provider.secret = cipher.rotate(provider.secret.encode()).decode()
                provider.save(update_fields=["secret"])
    return len(keys) + len(providers)
