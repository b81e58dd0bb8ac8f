"""API views of grants between brands."""

import uuid
from typing import ClassVar

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors, services
from accounts.api.serializers import GrantInputSerializer, GrantSerializer
from accounts.contracts import READ, Caller, get_caller
from accounts.models import Brand
from core.api import CursorPagination
from core.errors import InvalidRequest, NotFound
from core.idempotency import idempotent
from core.serializer_fields import validate
from core.views import APIView, KeyScopes


class GrantsView(APIView):
    """``/api/v1/brand-grants/``"""

    key_scopes: ClassVar[KeyScopes] = {"get": READ}

    @extend_schema(responses=GrantSerializer(many=True), operation_id="brand_grants_list")
    def get(self, request: Request) -> Response:
        """List the grants of your brands and to them, newest first, including ended ones."""
        brand_ids = selectors.readable_brand_ids(get_caller(request.auth))
        paginator = CursorPagination()
        page = paginator.paginate_queryset(selectors.list_grants(brand_ids=brand_ids), request, view=self)
        return paginator.get_paginated_response(GrantSerializer(page or [], many=True).data)

    @extend_schema(request=GrantInputSerializer, responses={201: GrantSerializer}, operation_id="brand_grants_create")
    @idempotent
    def post(self, request: Request) -> Response:
        """Let another brand's server give your offers (owners only). Replaces the grant to the same brand."""
        data = validate(GrantInputSerializer, request.data)
        issuer = _get_issuer(get_caller(request.auth), data.get("brand"))
        acceptor = selectors.brand_by_name(data["acceptor"])
        if acceptor is None or not acceptor.is_active:
            raise InvalidRequest.field("acceptor", _("Brand not found."))
        grant = services.create_grant(
            issuer=issuer,
            acceptor=acceptor,
            kinds=data["kinds"],
            max_per_month=data.get("max_per_month"),
            at=timezone.now(),
        )
        return Response(GrantSerializer(grant).data, status=201)


class GrantView(APIView):
    """``/api/v1/brand-grants/<id>/``"""

    key_scopes: ClassVar[KeyScopes] = {}

    @extend_schema(responses={204: None}, operation_id="brand_grants_end")
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """End a grant of your brand (owners only). Orders that were placed with it stay."""
        caller = get_caller(request.auth)
        grants = selectors.list_grants(brand_ids=selectors.readable_brand_ids(caller))
        grant = grants.filter(pk=pk).first()
        if grant is None:
            raise NotFound
        _get_issuer(caller, grant.issuer.slug)
        services.end_grant(grant=grant, at=timezone.now())
        return Response(status=204)


def _get_issuer(caller: Caller, slug: str | None) -> Brand:
    """Return the brand for which the caller may grant: one that the caller owns.

    Raises PermissionDenied and InvalidRequest (field ``brand``).
    """
    brand = selectors.get_brand_for_caller(caller=caller, slug=slug, edit=True)
    return selectors.owned_brand(caller=caller, slug=brand.slug)
