"""Signing in, registering and one's own account over HTTP: parse, call one service, answer."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.api import serializers as shapes
from accounts.contracts import Tokens, get_caller
from accounts.errors import AccountTaken, InvalidCredentials
from core import throttle
from core.errors import TokenExpired, TokenInvalid
from core.openapi import problem_responses


def validate_body(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The body in this shape. Raises DRF's ValidationError."""
    body = shape(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _token_response(tokens: Tokens) -> Response:
    return Response(shapes.TokensSerializer(tokens).data, headers={"Cache-Control": "no-store"})


class AnonymousView(APIView):
    """A view that looks at no credentials; its limit counts per address."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class TokenView(AnonymousView):
    """``/api/v1/auth/token/``"""

    @extend_schema(
        request=shapes.LoginSerializer,
        responses={200: shapes.TokensSerializer, **problem_responses(InvalidCredentials)},
        operation_id="auth_token",
    )
    def post(self, request: Request) -> Response:
        """Sign in with e-mail, phone number or username."""
        asked = validate_body(shapes.LoginSerializer, request)
        _, tokens = services.sign_in(**asked, address=throttle.client_ip(request), at=timezone.now())
        return _token_response(tokens)


class RefreshView(AnonymousView):
    """``/api/v1/auth/token/refresh/``"""

    @extend_schema(
        request=shapes.RefreshSerializer, operation_id="auth_token_refresh",
        responses={200: shapes.TokensSerializer, **problem_responses(TokenInvalid, TokenExpired)},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """A new access token; the refresh token stays the same, and good until its own end."""
        asked = validate_body(shapes.RefreshSerializer, request)
        return _token_response(services.refresh(token=asked["refresh"], at=timezone.now()))


class VerifyView(AnonymousView):
    """``/api/v1/auth/token/verify/``"""

    @extend_schema(
        request=shapes.TokenSerializer, responses={200: shapes.TokenStateSerializer}, operation_id="auth_token_verify"
    )
    def post(self, request: Request) -> Response:
        """Whether an access token is good now, and whom it names; a shut-out user's is not."""
        asked = validate_body(shapes.TokenSerializer, request)
        state: dict[str, Any] = {"valid": False, "expires_at": None, "user": None}
        try:
            user, expires_at = selectors.get_token_user(token=asked["token"], at=timezone.now())
            state = {"valid": True, "expires_at": expires_at, "user": user}
        except (TokenInvalid, TokenExpired):
            pass
        return Response(shapes.TokenStateSerializer(state).data, headers={"Cache-Control": "no-store"})


class RegisterView(AnonymousView):
    """``/api/v1/auth/register/``"""

    throttle_scope = "register"

    @extend_schema(
        request=shapes.RegisterSerializer,
        responses={201: shapes.MeSerializer, **problem_responses(AccountTaken)},
        operation_id="auth_register",
    )
    def post(self, request: Request) -> Response:
        """A new shopper. Which of username, e-mail and phone number is taken is not told."""
        user = services.register(**validate_body(shapes.RegisterSerializer, request), at=timezone.now())
        return Response(shapes.MeSerializer(user).data, status=201)


class MeView(APIView):
    """``/api/v1/me/``"""

    @extend_schema(responses=shapes.MeSerializer, operation_id="me")
    def get(self, request: Request) -> Response:
        """The caller's own account; an API key has none (403)."""
        return Response(shapes.MeSerializer(selectors.active_user(get_caller(request.auth))).data)
