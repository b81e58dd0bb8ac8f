"""API views for signing in and the caller's own account."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors, services
from accounts.api.privacy import AccountErasureInputSerializer, ErasureSerializer
from accounts.api.serializers import (
    LoginInputSerializer,
    MeSerializer,
    MeUpdateSerializer,
    RefreshInputSerializer,
    TokensSerializer,
    TokenStatusSerializer,
    VerifyInputSerializer,
)
from accounts.contracts import Tokens, get_caller, normalize_origin
from accounts.errors import AccountHasRoles, InvalidCredentials, SecondFactorInvalid, SecondFactorRequired, TokenReused
from accounts.models.profiles import ORIGIN_LENGTH
from core import throttle
from core.errors import TokenExpired, TokenInvalid
from core.etags import VersionedObject, versioned
from core.openapi import problem_responses, with_body
from core.views import APIView, KeyScopes


def validate_body(serializer_class: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """Validate the request body with a serializer and return its data. Raises DRF's ValidationError."""
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def read_origin(request: Request) -> str:
    """Return the origin of the page that sends a request, empty if the browser names none or it is no browser."""
    return normalize_origin(request.headers.get("Origin", "")[:ORIGIN_LENGTH]) or ""


def _token_response(tokens: Tokens) -> Response:
    return Response(TokensSerializer(tokens).data, headers={"Cache-Control": "no-store"})


class AnonymousView(APIView):
    """View that ignores credentials. Its rate limit counts requests by IP address."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class TokenView(AnonymousView):
    """``/api/v1/auth/token/``"""

    @extend_schema(
        request=LoginInputSerializer,
        responses={
            200: TokensSerializer,
            **problem_responses(InvalidCredentials, SecondFactorRequired, SecondFactorInvalid),
        },
        operation_id="auth_token",
    )
    def post(self, request: Request) -> Response:
        """Sign in with email address, phone number or username. Users with a second factor also send its code."""
        data = validate_body(LoginInputSerializer, request)
        tokens = services.sign_in_with_code(
            account=data["account"],
            password=data["password"],
            code=data.get("otp"),
            address=throttle.client_network(request),
            at=timezone.now(),
        )
        return _token_response(tokens)


class RefreshView(AnonymousView):
    """``/api/v1/auth/token/refresh/``"""

    is_for_browsers = True

    @extend_schema(
        request=RefreshInputSerializer,
        responses={200: TokensSerializer, **problem_responses(TokenInvalid, TokenExpired, TokenReused)},
        operation_id="auth_token_refresh",
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for new tokens. It can be used once: a second use ends the sign-in."""
        data = validate_body(RefreshInputSerializer, request)
        return _token_response(services.refresh(token=data["refresh"], at=timezone.now()))


class LogoutView(AnonymousView):
    """``/api/v1/auth/logout/``"""

    @extend_schema(
        request=RefreshInputSerializer,
        responses={204: None, **problem_responses(TokenInvalid)},
        operation_id="auth_logout",
    )
    def post(self, request: Request) -> Response:
        """End the sign-in of a refresh token. Its access token stays valid until it expires."""
        data = validate_body(RefreshInputSerializer, request)
        services.sign_out(token=data["refresh"], at=timezone.now())
        return Response(status=204)


class VerifyView(AnonymousView):
    """``/api/v1/auth/token/verify/``"""

    @extend_schema(
        request=VerifyInputSerializer, responses={200: TokenStatusSerializer}, operation_id="auth_token_verify"
    )
    def post(self, request: Request) -> Response:
        """Verify an access token and return its user. The token of an inactive user is invalid."""
        data = validate_body(VerifyInputSerializer, request)
        status: dict[str, Any] = {"valid": False, "expires_at": None, "user": None}
        try:
            user, expires_at = selectors.get_token_user(token=data["token"], at=timezone.now())
            status = {"valid": True, "expires_at": expires_at, "user": user}
        except (TokenInvalid, TokenExpired):
            pass
        return Response(TokenStatusSerializer(status).data, headers={"Cache-Control": "no-store"})


class MeView(APIView):
    """``/api/v1/me/``"""

    key_scopes: ClassVar[KeyScopes] = {}
    is_for_browsers = True

    versioned_object = VersionedObject(
        lambda request: selectors.active_user(get_caller(request.auth)), lambda _, user: MeSerializer(user).data
    )

    @extend_schema(responses=MeSerializer, operation_id="me")
    @versioned
    def get(self, request: Request) -> Response:
        """Return the caller's own account. API keys have none (403)."""
        return Response(MeSerializer(selectors.active_user(get_caller(request.auth))).data)

    @extend_schema(request=MeUpdateSerializer, responses=MeSerializer, operation_id="me_change")
    @versioned
    def patch(self, request: Request) -> Response:
        """Change the caller's own account."""
        user = selectors.active_user(get_caller(request.auth))
        data = validate_body(MeUpdateSerializer, request)
        consents = {decision["brand"]: decision["granted"] for decision in data.pop("consents", ())}
        changed = services.change_user(
            user=user, **data, consents=consents, origin=read_origin(request), at=timezone.now()
        )
        return Response(MeSerializer(changed).data)

    @extend_schema(
        request=AccountErasureInputSerializer,
        responses={202: ErasureSerializer, **problem_responses(InvalidCredentials, AccountHasRoles)},
        operation_id="me_erase",
    )
    @with_body
    def delete(self, request: Request) -> Response:
        """Erase the caller's own account and all that brands keep about them. This can't be undone.

        The account is deactivated at once. Members of a brand's staff leave the brand first.
        """
        user = selectors.active_user(get_caller(request.auth))
        password = validate_body(AccountErasureInputSerializer, request)["password"]
        erasure = services.request_account_erasure(
            user=user, password=password, address=throttle.client_network(request), at=timezone.now()
        )
        return Response(ErasureSerializer(erasure).data, status=202)
