"""How the API learns who calls: a bearer token, an API key, or the admin's session."""

import uuid
from functools import cached_property
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import authentication
from rest_framework.request import Request

from accounts import selectors, services
from accounts.contracts import Caller
from accounts.models import User
from core.errors import TokenInvalid


class TokenUser:
    """The user whom a token names, as ``request.user``; their row is read when more is asked than the token says."""

    is_authenticated = is_active = True
    is_anonymous = False
    _meta = User._meta  # noqa: SLF001  (as on every model)

    def __init__(self, caller: Caller) -> None:
        self.pk = self.id = caller.user_key
        self.uuid: uuid.UUID | None = caller.user_id
        self._caller = caller

    @cached_property
    def record(self) -> User:
        """The user's row. Raises TokenInvalid when it is gone or shut out."""
        return selectors.active_user(self._caller)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.record, name)


class ApiKeyUser:
    """A server with an API key, as ``request.user``: signed in, but nobody."""

    is_authenticated = is_active = True
    is_anonymous = is_staff = is_superuser = False
    pk = id = None


class _HeaderAuthentication(authentication.BaseAuthentication):
    """Credentials in the Authorization header, after their keyword."""

    keyword: ClassVar[str]

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "").strip()
        return (
            self.authenticate_header_value(header) if header.partition(" ")[0].lower() == self.keyword.lower() else None
        )

    def authenticate_header_value(self, header: str) -> tuple[Any, Caller]:
        """Who the credentials after the keyword stand for. Raises TokenInvalid, and as ``admit``."""
        credentials = header.strip().partition(" ")[2]
        if not credentials or not credentials.isascii():
            raise TokenInvalid
        return self.authenticate_credentials(credentials.strip())

    def authenticate_credentials(self, credentials: str) -> tuple[Any, Caller]:
        """Who holds these credentials. Raises TokenInvalid, TokenExpired."""
        raise NotImplementedError

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


class BearerAuthentication(_HeaderAuthentication):
    """``Authorization: Bearer <access token>``; asks no database."""

    keyword = "Bearer"

    def authenticate_credentials(self, credentials: str) -> tuple[TokenUser, Caller]:
        caller = selectors.get_token_caller(token=credentials, at=timezone.now())
        return TokenUser(caller), caller


class ApiKeyAuthentication(_HeaderAuthentication):
    """``Authorization: Api-Key <key>``."""

    keyword = "Api-Key"

    def authenticate_credentials(self, credentials: str) -> tuple[ApiKeyUser, Caller]:
        return ApiKeyUser(), services.authenticate_api_key(text=credentials, at=timezone.now())


class SessionAuthentication(authentication.SessionAuthentication):
    """The admin's session; what is not read-only needs its CSRF token."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        found = super().authenticate(request)
        return None if found is None else (found[0], selectors.caller_of(found[0]))
