"""``/api/login-campaign``: signing in and arriving at campaigns in one request, always answered in one shape."""

from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import OpenView, parsed
from accounts.services import sign_in
from promoplatform.kernel import throttle
from promoplatform.kernel.api import exception_handler
from promoplatform.kernel.problems import problem_of
from vouchers import services
from vouchers.api.serializers import LoginAnswer, LoginRequest, voucher_answer

NO_STORE = {"Cache-Control": "no-store"}
