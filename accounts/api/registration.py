"""API views that register shoppers, verify their addresses and reset passwords.

Their answers are the same whether or not an account exists. What concerns its owner is in an email.
"""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.api.serializers import (
    AcceptedSerializer,
    AddressInputSerializer,
    NewPasswordInputSerializer,
    RegistrationInputSerializer,
    TokenInputSerializer,
)
from accounts.api.views import AnonymousView, read_origin, validate_body
from accounts.errors import LinkInvalid
from core.openapi import problem_responses


def _accept(detail: str) -> Response:
    data: dict[str, Any] = AcceptedSerializer({"detail": detail}).data
    return Response(data, status=202)


class RegisterView(AnonymousView):
    """``/api/v1/auth/register/``"""

    throttle_scope = "register"

    @extend_schema(
        request=RegistrationInputSerializer, responses={202: AcceptedSerializer}, operation_id="auth_register"
    )
    def post(self, request: Request) -> Response:
        """Register a shopper, and send an email to the address.

        The email has a link that verifies the address, or says that an account with these details exists.
        """
        data = validate_body(RegistrationInputSerializer, request)
        services.register(**data, origin=read_origin(request), at=timezone.now())
        return _accept(_("We sent an email to this address. Follow its instructions."))


class EmailVerificationView(AnonymousView):
    """``/api/v1/auth/email/verify/``"""

    throttle_scope = "register"

    @extend_schema(
        request=TokenInputSerializer,
        responses={204: None, **problem_responses(LinkInvalid)},
        operation_id="auth_email_verify",
    )
    def post(self, request: Request) -> Response:
        """Verify the address of an account with the token of the link in its email."""
        data = validate_body(TokenInputSerializer, request)
        services.verify_address(token=data["token"], at=timezone.now())
        return Response(status=204)


class PasswordResetView(AnonymousView):
    """``/api/v1/auth/password/reset/``"""

    throttle_scope = "register"

    @extend_schema(
        request=AddressInputSerializer, responses={202: AcceptedSerializer}, operation_id="auth_password_reset"
    )
    def post(self, request: Request) -> Response:
        """Send an email with a link that sets a new password, if an account has the address."""
        services.request_password_reset(email=validate_body(AddressInputSerializer, request)["email"])
        return _accept(str(services.RESET_SENT))


class PasswordResetConfirmView(AnonymousView):
    """``/api/v1/auth/password/reset/confirm/``"""

    throttle_scope = "register"

    @extend_schema(
        request=NewPasswordInputSerializer,
        responses={204: None, **problem_responses(LinkInvalid)},
        operation_id="auth_password_reset_confirm",
    )
    def post(self, request: Request) -> Response:
        """Set a new password with the token of the link in an email. Ends all sessions and tokens of the account."""
        data = validate_body(NewPasswordInputSerializer, request)
        services.reset_password(token=data["token"], password=data["password"], at=timezone.now())
        return Response(status=204)
