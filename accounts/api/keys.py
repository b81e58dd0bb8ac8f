"""API views of API keys, for a brand's owners and for the keys themselves."""

import uuid
from datetime import timedelta
from typing import ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors, services
from accounts.api.key_serializers import (
    ApiKeyInputSerializer,
    ApiKeySerializer,
    NewApiKeySerializer,
    RollInputSerializer,
)
from accounts.api.staff import BrandOwnerView
from accounts.contracts import BRAND_SCOPES, NewApiKey, Scope, get_caller
from accounts.errors import KeyNotRollable, SignInNotFresh
from core.openapi import problem_responses
from core.serializer_fields import localize, validate
from core.views import APIView, KeyScopes


class ApiKeysView(BrandOwnerView):
    """``/api/v1/brands/<slug>/api-keys/``"""

    @extend_schema(responses=ApiKeySerializer(many=True), operation_id="api_keys_list")
    def get(self, request: Request, slug: str) -> Response:
        """List the brand's API keys, including revoked ones, without their secrets."""
        return self.paginate(selectors.list_keys(brand=self.brand(request, slug)), ApiKeySerializer, request)

    @extend_schema(
        request=ApiKeyInputSerializer,
        responses={201: NewApiKeySerializer, **problem_responses(SignInNotFresh)},
        operation_id="api_keys_create",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Create an API key for the brand's server, with all scopes unless you list some.

        Needs a fresh sign-in. Only this response contains the key. The brand's owners get an email.
        """
        brand, data = self.fresh_brand(request, slug), validate(ApiKeyInputSerializer, request.data)
        expires_at = data.get("expires_at")
        key = services.issue_key(
            brand=brand,
            name=data["name"],
            scopes=[Scope(scope) for scope in data.get("scopes", BRAND_SCOPES)],
            expires_at=None if expires_at is None else localize(expires_at, brand.timezone),
            addresses=data.get("addresses", ()),
            created_by=selectors.active_user(get_caller(request.auth)),
            at=timezone.now(),
        )
        return _respond_new(key)


class ApiKeyView(BrandOwnerView):
    """``/api/v1/brands/<slug>/api-keys/<id>/``"""

    @extend_schema(responses={204: None}, operation_id="api_keys_revoke")
    def delete(self, request: Request, slug: str, key_id: uuid.UUID) -> Response:
        """Revoke an API key. It no longer authenticates."""
        key = selectors.key_of(brand=self.brand(request, slug), key_id=key_id)
        services.revoke_key(key=key, at=timezone.now())
        return Response(status=204)


class RollView(BrandOwnerView):
    """``/api/v1/brands/<slug>/api-keys/<id>/roll/``"""

    @extend_schema(
        request=RollInputSerializer,
        responses={201: NewApiKeySerializer, **problem_responses(KeyNotRollable, SignInNotFresh)},
        operation_id="api_keys_roll",
    )
    def post(self, request: Request, slug: str, key_id: uuid.UUID) -> Response:
        """Create a key with the same rights as this one, which stops working after the overlap.

        Needs a fresh sign-in. Only this response contains the new key. A key can be rolled once.
        """
        key = selectors.key_of(brand=self.fresh_brand(request, slug), key_id=key_id)
        data = validate(RollInputSerializer, request.data)
        new = services.roll_key(
            key=key,
            overlap=timedelta(hours=data["overlap_hours"]),
            created_by=selectors.active_user(get_caller(request.auth)),
            at=timezone.now(),
        )
        return _respond_new(new)


class OwnKeyView(APIView):
    """``/api/v1/keys/self/``"""

    key_scopes: ClassVar[KeyScopes] = {"get": frozenset(Scope)}

    @extend_schema(responses=ApiKeySerializer, operation_id="own_api_key")
    def get(self, request: Request) -> Response:
        """Return the API key that sends the request, with its brand and its scopes (API keys only)."""
        return Response(ApiKeySerializer(selectors.key_of_caller(get_caller(request.auth))).data)


def _respond_new(key: NewApiKey) -> Response:
    return Response(NewApiKeySerializer(key).data, status=201, headers={"Cache-Control": "no-store"})
