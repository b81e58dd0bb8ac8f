"""``/api/login-campaign``: signing in and arriving at campaigns in one request, always answered in one shape."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import InvalidCredentials
from core import throttle
from core.api import exception_handler
from core.openapi import ProblemAutoSchema, problem_responses
from vouchers import services
from vouchers.api.serializers import LoginAnswer, LoginRequest, voucher_answer


class LoginSchema(ProblemAutoSchema):
    """Describes every refusal in the one shape of this address."""

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> Any:
        if status_code == "default" or int(status_code) >= 400:
            serializer = OpenApiResponse(LoginAnswer, serializer.description)
            media_types = ["application/json"]
        return super()._get_response_for_code(serializer, status_code, media_types, direction)


class CampaignLoginView(APIView):
    """``/api/login-campaign``"""

    schema = LoginSchema()
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        request=LoginRequest,
        responses={200: LoginAnswer, **problem_responses(InvalidCredentials)},
        operation_id="login_campaign",
    )
    def post(self, request: Request) -> Response:
        """Sign in, and take part in one campaign or in all that are open.

        A good sign-in is one whether or not a voucher was left. Refusals have this shape too, with `status` false.
        """
        body = LoginRequest(data=request.data)
        body.is_valid(raise_exception=True)
        asked: dict[str, Any] = {"campaign": None} | body.validated_data
        signed_in = services.login_and_claim(**asked, address=throttle.client_ip(request), at=timezone.now())
        vouchers = [outcome.voucher for _, outcome in signed_in.outcomes if outcome.voucher]
        answer = {
            "status": True, "errorCode": "", "errorMessage": "", "access": signed_in.access,
            "vouchers": [voucher_answer(voucher, user=signed_in.user_id) for voucher in vouchers],
            "campaigns": [{"slug": slug, "result": outcome.result} for slug, outcome in signed_in.outcomes],
        }  # fmt: skip
        return Response(answer, headers={"Cache-Control": "no-store"})

    def get_exception_handler(self) -> Callable[..., HttpResponse]:
        return _refused


def _refused(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """A refusal in the shape of this address, with the status and the headers that it has everywhere."""
    response = exception_handler(error, context)
    problem = json.loads(response.content)
    faults = [f"{fault['field']}: {fault['detail']}" for fault in problem.get("errors", [])]
    answer = {"status": False, "errorCode": problem["code"], "errorMessage": " ".join(faults) or problem["detail"]}
    response.content = json.dumps(answer).encode()
    response["Content-Type"] = "application/json"
    response["Cache-Control"] = "no-store"
    return response
