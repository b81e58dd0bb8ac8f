"""``/api/login-campaign``: sign in and claim vouchers in one request, with one response format for all results."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import InvalidCredentials
from core import throttle
from core.api import exception_handler
from core.openapi import ProblemAutoSchema, problem_responses
from core.views import APIView
from vouchers import services
from vouchers.api.serializers import CampaignLoginInputSerializer, CampaignLoginSerializer, serialize_voucher


class LoginSchema(ProblemAutoSchema):
    """OpenAPI schema in which errors have the response format of this endpoint."""

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> Any:
        if status_code == "default" or int(status_code) >= 400:
            serializer = OpenApiResponse(CampaignLoginSerializer, serializer.description)
            media_types = ["application/json"]
        return super()._get_response_for_code(serializer, status_code, media_types, direction)


class CampaignLoginView(APIView):
    """``/api/login-campaign``"""

    schema = LoginSchema()
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        request=CampaignLoginInputSerializer,
        responses={200: CampaignLoginSerializer, **problem_responses(InvalidCredentials)},
        operation_id="login_campaign",
    )
    def post(self, request: Request) -> Response:
        """Sign in, and take part in one campaign or in every active one.

        `status` is true for a successful sign-in, whether or not a voucher was left. Errors have the same format, with
        `status` false.
        """
        body = CampaignLoginInputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = {"campaign": None} | body.validated_data
        login = services.login_and_claim(**data, address=throttle.client_network(request), at=timezone.now())
        vouchers = [result.voucher for _, result in login.results if result.voucher]
        answer = {
            "status": True, "errorCode": "", "errorMessage": "", "access": login.access,
            "vouchers": [serialize_voucher(voucher, user=login.user_id) for voucher in vouchers],
            "campaigns": [{"slug": slug, "result": result.result} for slug, result in login.results],
        }  # fmt: skip
        return Response(answer, headers={"Cache-Control": "no-store"})

    def get_exception_handler(self) -> Callable[..., HttpResponse]:
        return _handle_error


def _handle_error(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Return an error in the format of this endpoint, with its usual status and headers."""
    response = exception_handler(error, context)
    problem = json.loads(response.content)
    details = [f"{field_error['field']}: {field_error['detail']}" for field_error in problem.get("errors", [])]
    answer = {"status": False, "errorCode": problem["code"], "errorMessage": " ".join(details) or problem["detail"]}
    response.content = json.dumps(answer).encode()
    response["Content-Type"] = "application/json"
    response["Cache-Control"] = "no-store"
    return response
