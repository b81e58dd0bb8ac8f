"""Authentication classes of the API: access token, API key and the session of the admin."""

import uuid
from functools import cached_property
from typing import Any, ClassVar

import pghistory
from django.utils import timezone
from rest_framework import authentication
from rest_framework.request import Request

from accounts import selectors, services
from accounts.adapters.shopper_tokens import get_issuer_caller
from accounts.contracts import Caller
from accounts.models import User
from core import throttle
from core.errors import TokenInvalid


class TokenUser:
    """The user of a token as ``request.user``. The row is loaded only for attributes that the token doesn't contain."""

    is_authenticated = is_active = True
    is_anonymous = False
    _meta = User._meta  # noqa: SLF001  (Django expects it on users)

    def __init__(self, caller: Caller) -> None:
        self.pk = self.id = caller.user_key
        self.uuid: uuid.UUID | None = caller.user_id
        self._caller = caller

    @cached_property
    def record(self) -> User:
        """The user's row. Raises TokenInvalid if the user was deleted or deactivated."""
        return selectors.active_user(self._caller)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.record, name)


class ApiKeyUser:
    """A server with an API key as ``request.user``: authenticated, without a user row."""

    is_authenticated = is_active = True
    is_anonymous = is_staff = is_superuser = False
    pk = id = None


class _HeaderAuthentication(authentication.BaseAuthentication):
    """Authentication with the credentials that follow ``keyword`` in the Authorization header."""

    keyword: ClassVar[str]

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "").strip()
        if header.partition(" ")[0].lower() != self.keyword.lower():
            return None
        return self.authenticate_header_value(header, throttle.client_ip(request))

    def authenticate_header_value(self, header: str, address: str) -> tuple[Any, Caller]:
        """Authenticate an Authorization header, sent from an IP address. Raises TokenInvalid, TokenExpired."""
        credentials = header.strip().partition(" ")[2]
        if not credentials or not credentials.isascii():
            raise TokenInvalid
        return self.authenticate_credentials(credentials.strip(), address)

    def authenticate_credentials(self, credentials: str, address: str) -> tuple[Any, Caller]:
        """Return the user and the caller for these credentials. Raises TokenInvalid, TokenExpired."""
        raise NotImplementedError

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


class BearerAuthentication(_HeaderAuthentication):
    """``Authorization: Bearer <access token>`` of the platform, verified without a query, or of a brand's own login."""

    keyword = "Bearer"

    def authenticate_credentials(self, credentials: str, address: str) -> tuple[TokenUser, Caller]:
        if selectors.keyring().signs(credentials):
            caller = selectors.get_token_caller(token=credentials, at=timezone.now())
        else:
            caller = get_issuer_caller(token=credentials, at=timezone.now())
        return TokenUser(caller), caller


class ApiKeyAuthentication(_HeaderAuthentication):
    """``Authorization: Api-Key <key>``."""

    keyword = "Api-Key"

    def authenticate_credentials(self, credentials: str, address: str) -> tuple[ApiKeyUser, Caller]:
        caller = services.authenticate_api_key(text=credentials, address=address, at=timezone.now())
        pghistory.context(api_key=str(caller.api_key_id))  # who the audit log names
        return ApiKeyUser(), caller


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of the admin. Unsafe methods need its CSRF token."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        result = super().authenticate(request)
        return None if result is None else (result[0], selectors.caller_of(result[0]))
