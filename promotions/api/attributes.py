"""API of the attributes that brands declare for their carts."""

import uuid
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import get_caller
from accounts.selectors import get_brand_for_caller, readable_brand_ids
from core.api import CursorPagination
from core.errors import PermissionDenied
from core.etags import VersionedObject, versioned
from core.idempotency import idempotent
from core.serializer_fields import SlugField, StrictCharField, validate
from core.serializers import InputSerializer
from core.views import APIView
from pricing.attributes import NAME_PATTERN
from promotions import services
from promotions.models import Attribute, AttributeType
from promotions.models.attributes import NAME_FORMAT_MESSAGE
from promotions.selectors import attributes as selectors

NAME_HELP = _("Name in the carts: lower-case letters, digits and underscores.")
TYPE_HELP = _("Type of the values.")


class AttributeInputSerializer(InputSerializer):
    """A new attribute of carts, lines and customers."""

    brand = SlugField(required=False, help_text=_("Slug of the brand. Required if you belong to several brands."))
    name = serializers.RegexField(
        rf"\A{NAME_PATTERN}\Z", help_text=NAME_HELP, error_messages={"invalid": NAME_FORMAT_MESSAGE}
    )
    type = serializers.ChoiceField(AttributeType.choices, help_text=TYPE_HELP)
    description = StrictCharField(
        max_length=200, default="", allow_blank=True, help_text=_("Text that is shown to staff who write offers.")
    )


class AttributeSerializer(serializers.Serializer[Any]):
    """An attribute of carts, lines and customers."""

    id = serializers.UUIDField(help_text=_("ID of the attribute."))
    brand = serializers.CharField(source="brand.slug", help_text=_("Slug of the brand."))
    name = serializers.CharField(help_text=NAME_HELP)
    type = serializers.ChoiceField(AttributeType.choices, help_text=TYPE_HELP)
    description = serializers.CharField(help_text=_("Text that is shown to staff who write offers."))
    created_at = serializers.DateTimeField(help_text=_("When the attribute was created."))


class AttributesView(APIView):
    """``/api/v1/attributes/``"""

    @extend_schema(responses=AttributeSerializer(many=True), operation_id="attribute_list")
    def get(self, request: Request) -> Response:
        """List the attributes of the caller's brands, newest first."""
        page = CursorPagination()
        attributes = selectors.list_attributes(brand_ids=_readable_brand_ids(request))
        rows = page.paginate_queryset(attributes, request, view=self) or []
        return page.get_paginated_response(AttributeSerializer(rows, many=True).data)

    @extend_schema(
        request=AttributeInputSerializer, responses={201: AttributeSerializer}, operation_id="attribute_create"
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Declare an attribute, so that carts can contain it and offers can require values of it."""
        data = validate(AttributeInputSerializer, request.data)
        brand = get_brand_for_caller(caller=get_caller(request.auth), slug=data.get("brand"), edit=True)
        attribute = services.create_attribute(
            brand=brand,
            name=data["name"],
            type_name=data["type"],
            description=data["description"],
            at=timezone.now(),
        )
        return Response(AttributeSerializer(attribute).data, status=201)


class AttributeView(APIView):
    """``/api/v1/attributes/<id>/``"""

    versioned_object = VersionedObject(
        lambda request, pk: _get_attribute(request, pk),  # noqa: PLW0108  (defined below)
        lambda _, attribute: AttributeSerializer(attribute).data,
    )

    @extend_schema(responses={200: AttributeSerializer}, operation_id="attribute_read")
    @versioned
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Return an attribute."""
        return Response(AttributeSerializer(_get_attribute(request, pk)).data)

    @extend_schema(responses={204: None}, operation_id="attribute_delete")
    @versioned
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Remove an attribute. Carts with it are refused from now on, and conditions on it are no longer met."""
        attribute = _get_attribute(request, pk)
        get_brand_for_caller(caller=get_caller(request.auth), slug=attribute.brand.slug, edit=True)
        services.delete_attribute(attribute=attribute)
        return Response(status=204)


def _get_attribute(request: Request, pk: uuid.UUID) -> Attribute:
    return selectors.get_attribute(pk=pk, brand_ids=_readable_brand_ids(request))


def _readable_brand_ids(request: Request) -> list[uuid.UUID] | None:
    brand_ids = readable_brand_ids(get_caller(request.auth))
    if brand_ids == []:
        raise PermissionDenied
    return brand_ids
