"""API of merges of customers."""

from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import CustomerIdField
from accounts.contracts import MANAGE, get_caller
from accounts.errors import CustomerHasAccount, CustomerMerged
from accounts.selectors import get_brand_for_caller
from checkout import services
from core.errors import Busy
from core.idempotency import idempotent
from core.openapi import problem_responses
from core.serializer_fields import SlugField, validate
from core.serializers import InputSerializer
from core.views import APIView, KeyScopes

FROM_HELP = _("ID of the customer to merge: one without an account.")
INTO_HELP = _("ID of the customer to merge into.")


class CustomerMergeInputSerializer(InputSerializer):
    """Two customers to merge."""

    into = CustomerIdField(help_text=INTO_HELP)
    brand = SlugField(required=False, help_text=_("Required if you belong to several brands."))

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add ``from``, whose name can't be an attribute in Python."""
        return {"from": CustomerIdField(help_text=FROM_HELP)} | super().get_fields()


class CustomerMergeSerializer(serializers.Serializer[Any]):
    """A merge of two customers."""

    into = serializers.CharField(help_text=INTO_HELP)
    merged_at = serializers.DateTimeField(help_text=_("When they were merged."))

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add ``from``, whose name can't be an attribute in Python."""
        return {"from": serializers.CharField(help_text=FROM_HELP)} | super().get_fields()


class CustomerMergeView(APIView):
    """``/api/v1/customers/merge/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": MANAGE}

    @extend_schema(
        request=CustomerMergeInputSerializer,
        responses={200: CustomerMergeSerializer, **problem_responses(CustomerHasAccount, CustomerMerged, Busy)},
        operation_id="customer_merge",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Merge a customer without an account into another one, for your brand.

        Orders, redemptions, vouchers, assigned codes and segments follow, and limits count both. What your servers
        send for the merged customer counts for the other one from then on. Repeating the request is safe.
        """
        body = validate(CustomerMergeInputSerializer, request.data)
        brand = get_brand_for_caller(caller=get_caller(request.auth), slug=body.get("brand"), edit=True)
        merge = services.merge_customers(brand=brand, source_id=body["from"], target_id=body["into"], at=timezone.now())
        answer = {"from": merge.source.customer_id, "into": merge.target.customer_id, "merged_at": merge.merged_at}
        return Response(answer)
