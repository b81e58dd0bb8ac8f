"""Services that sign users in with a password and issue tokens."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts import rules, selectors
from accounts.contracts import Assurance, Method, Tokens
from accounts.errors import InvalidCredentials, TokenReused
from accounts.models import Access, Session, TokenFamily, User
from accounts.services.audit import audit_context, record_access
from core import throttle
from core.errors import NotFound, TokenExpired, TokenInvalid


def check_credentials(*, account: str, password: str, address: str) -> User | None:
    """Return the active user with these credentials, or None. Both outcomes cost one password hash.

    The audit log records failures, without the name of an account that doesn't exist. Counts the attempt for the
    address and the account. Raises Throttled, and Unavailable if attempts can't be counted or too many passwords are
    being checked.
    """
    if address:
        throttle.consume("login_address", address)
    throttle.consume("login_account", rules.parse_identifier(account)[1])
    user = selectors.user_of_account(account)
    if user is None:
        User().set_password(password)
    elif user.check_password(password) and user.is_active:
        return user
    record_access(Access.SIGN_IN_FAILED, user=user.pk if user else None, subject=Method.PASSWORD)
    return None


def sign_in(*, account: str, password: str, address: str, at: datetime) -> tuple[User, Tokens]:
    """Sign a user in by the password alone, and return the user with new tokens.

    They give no rights of staff to users who need a second factor. Raises InvalidCredentials, Throttled, Unavailable.
    """
    with audit_context(address=address):
        user = check_credentials(account=account, password=password, address=address)
        if user is None:
            raise InvalidCredentials
        return user, tokens_for(user=user, at=at)


def tokens_for(*, user: User, at: datetime, methods: Collection[Method] = (Method.PASSWORD,)) -> Tokens:
    """Issue tokens for a user who was authenticated by these methods. The audit log records it."""
    expires_at = at + timedelta(days=settings.REFRESH_TOKEN_DAYS)
    record_access(Access.SIGNED_IN, user=user.pk, subject=_describe_methods(methods))
    family = TokenFamily.objects.create(user=user, created_at=at, expires_at=expires_at)
    return _issue_tokens(user, family, Assurance(frozenset(methods), at), at)


def refresh(*, token: str, at: datetime) -> Tokens:
    """Issue new tokens for a refresh token, which can be used once. They end REFRESH_TOKEN_DAYS after the sign-in.

    They say the same of how the user signed in.

    Raises TokenExpired, TokenReused for a token that was used before, which also ends its sign-in, and TokenInvalid,
    also if the sign-in has ended or the user was deleted or deactivated or has changed the password.
    """
    claims = rules.decode_token(token, kind=rules.TokenKind.REFRESH, keyring=selectors.keyring(), at=at)
    user = selectors.active_user(claims.caller)
    if not rules.is_password_unchanged(user.password, claims.password, selectors.secrets()):
        raise TokenInvalid
    if claims.family is None:  # a token of an earlier release
        raise TokenInvalid
    family = TokenFamily.objects.filter(pk=claims.family, user=user)
    unused = family.filter(generation=claims.generation, ended_at=None)
    if not unused.update(generation=F("generation") + 1):
        if family.filter(generation__gt=claims.generation).exists():
            if family.filter(ended_at=None).update(ended_at=at):
                record_access(Access.SIGNED_OUT, user=user.pk, subject=TokenReused.code)
            raise TokenReused
        raise TokenInvalid
    return _issue_tokens(user, family.get(), claims.assurance, at)


def sign_out(*, token: str, at: datetime) -> None:
    """End the sign-in of a refresh token. Ending it again changes nothing. Raises TokenInvalid for forged tokens."""
    try:
        claims = rules.decode_token(token, kind=rules.TokenKind.REFRESH, keyring=selectors.keyring(), at=at)
    except TokenExpired:
        return
    if claims.family is None:
        raise TokenInvalid
    if TokenFamily.objects.filter(pk=claims.family, ended_at=None).update(ended_at=at):
        record_access(Access.SIGNED_OUT, user=claims.caller.user_key)


@transaction.atomic
def sign_out_everywhere(*, user: User, at: datetime) -> None:
    """End all sessions, refresh tokens and access tokens of a user."""
    User.objects.filter(pk=user.pk).update(token_epoch=F("token_epoch") + 1, tokens_ended_at=at)
    TokenFamily.objects.filter(user=user, ended_at=None).update(ended_at=at)
    Session.objects.filter(user=user).delete()
    record_access(Access.SIGNED_OUT, user=user.pk, subject="all sign-ins")


def end_session(*, user: User, number: str) -> None:
    """End a session of a user, which ``selectors.number_of_session`` names. Raises NotFound."""
    for session in Session.objects.filter(user=user):
        if selectors.number_of_session(session) == number:
            session.delete()
            record_access(Access.SIGNED_OUT, user=user.pk, subject="another session")
            return
    raise NotFound


def purge_sign_ins(*, at: datetime) -> None:
    """Delete sessions and families of refresh tokens that have expired."""
    Session.objects.filter(expire_date__lte=at).delete()
    TokenFamily.objects.filter(expires_at__lte=at).delete()


def _describe_methods(methods: Collection[Method]) -> str:
    return " ".join(sorted(methods))


def _issue_tokens(user: User, family: TokenFamily, assurance: Assurance, at: datetime) -> Tokens:
    caller, keyring = selectors.caller_of(user), selectors.keyring()
    lifetime = timedelta(minutes=settings.ACCESS_TOKEN_MINUTES)
    access_token = rules.encode_token(
        kind=rules.TokenKind.ACCESS, caller=caller, keyring=keyring, at=at, lifetime=lifetime, assurance=assurance
    )
    refresh_token = rules.encode_token(
        kind=rules.TokenKind.REFRESH,
        caller=caller,
        keyring=keyring,
        at=at,
        lifetime=family.expires_at - at,
        assurance=assurance,
        password=rules.password_digest(user.password, keyring),
        family=family.pk,
        generation=family.generation,
    )
    return Tokens(access_token, refresh_token, at.replace(microsecond=0) + lifetime)
