"""A brand's members, invitations and API keys over HTTP, for its owners."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.api import serializers as shapes
from accounts.api.views import validate_body
from accounts.contracts import Role, get_caller
from accounts.errors import LastOwner
from accounts.models import Brand
from core.api import CursorPagination
from core.openapi import problem_responses


class BrandOwnerView(APIView):
    """What only a brand's owners may see and do."""

    def brand(self, request: Request, slug: str) -> Brand:
        """The owner's brand. Raises NotFound for outsiders, PermissionDenied for other staff."""
        return selectors.owned_brand(caller=get_caller(request.auth), slug=slug)

    def paginate(self, rows: QuerySet[Any], shape: Any, request: Request) -> Response:
        """One page of the rows, newest first."""
        pages = CursorPagination()
        return pages.get_paginated_response(shape(pages.paginate_queryset(rows, request, view=self), many=True).data)


class MembersView(BrandOwnerView):
    """``/api/v1/brands/<slug>/members/``"""

    @extend_schema(responses=shapes.MemberSerializer(many=True), operation_id="members_list")
    def get(self, request: Request, slug: str) -> Response:
        """The brand's staff."""
        return self.paginate(selectors.members_of(self.brand(request, slug)), shapes.MemberSerializer, request)


class MemberView(BrandOwnerView):
    """``/api/v1/brands/<slug>/members/<user>/``"""

    @extend_schema(
        request=shapes.RoleSerializer, operation_id="members_change",
        responses={200: shapes.MemberSerializer, **problem_responses(LastOwner)},
    )  # fmt: skip
    def patch(self, request: Request, slug: str, user_id: uuid.UUID) -> Response:
        """Give a member another role; the last owner stays one."""
        brand = self.brand(request, slug)
        member = selectors.member_of(brand=brand, user_id=user_id)
        role = Role(validate_body(shapes.RoleSerializer, request).get("role", member.role))
        return Response(shapes.MemberSerializer(services.change_role(brand=brand, user_id=user_id, role=role)).data)

    @extend_schema(responses={204: None, **problem_responses(LastOwner)}, operation_id="members_remove")
    def delete(self, request: Request, slug: str, user_id: uuid.UUID) -> Response:
        """Take a member off the brand's staff; the last owner stays."""
        services.remove_member(brand=self.brand(request, slug), user_id=user_id)
        return Response(status=204)


class InvitationsView(BrandOwnerView):
    """``/api/v1/brands/<slug>/invitations/``"""

    @extend_schema(responses=shapes.InvitationSerializer(many=True), operation_id="invitations_list")
    def get(self, request: Request, slug: str) -> Response:
        """Who was invited, accepted or not."""
        return self.paginate(self.brand(request, slug).invitations.all(), shapes.InvitationSerializer, request)

    @extend_schema(
        request=shapes.InviteSerializer, responses={201: shapes.InvitationSerializer}, operation_id="invitations_create"
    )
    def post(self, request: Request, slug: str) -> Response:
        """Invite someone by e-mail; inviting the same address again renews its invitation."""
        brand, asked = self.brand(request, slug), validate_body(shapes.InviteSerializer, request)
        inviter = selectors.active_user(get_caller(request.auth))
        invitation = services.invite(
            brand=brand, email=asked["email"], role=Role(asked["role"]), invited_by=inviter, at=timezone.now()
        )
        return Response(shapes.InvitationSerializer(invitation).data, status=201)


class InvitationView(BrandOwnerView):
    """``/api/v1/brands/<slug>/invitations/<id>/``"""

    @extend_schema(responses={204: None}, operation_id="invitations_cancel")
    def delete(self, request: Request, slug: str, invitation_id: uuid.UUID) -> Response:
        """Take an invitation back that was not accepted."""
        services.cancel_invitation(brand=self.brand(request, slug), invitation_id=invitation_id)
        return Response(status=204)


class ApiKeysView(BrandOwnerView):
    """``/api/v1/brands/<slug>/api-keys/``"""

    @extend_schema(responses=shapes.ApiKeySerializer(many=True), operation_id="api_keys_list")
    def get(self, request: Request, slug: str) -> Response:
        """The brand's keys, also revoked ones, without their secrets."""
        return self.paginate(self.brand(request, slug).api_keys.all(), shapes.ApiKeySerializer, request)

    @extend_schema(
        request=shapes.KeyNameSerializer, responses={201: shapes.NewKeySerializer}, operation_id="api_keys_create"
    )
    def post(self, request: Request, slug: str) -> Response:
        """A new key for the brand's server. The answer shows it this once."""
        brand, asked = self.brand(request, slug), validate_body(shapes.KeyNameSerializer, request)
        key = services.issue_key(brand=brand, name=asked["name"], at=timezone.now())
        return Response(shapes.NewKeySerializer(key).data, status=201, headers={"Cache-Control": "no-store"})


class ApiKeyView(BrandOwnerView):
    """``/api/v1/brands/<slug>/api-keys/<id>/``"""

    @extend_schema(responses={204: None}, operation_id="api_keys_revoke")
    def delete(self, request: Request, slug: str, key_id: uuid.UUID) -> Response:
        """Revoke a key; it opens nothing from now on."""
        key = selectors.key_of(brand=self.brand(request, slug), key_id=key_id)
        services.revoke_key(key=key, at=timezone.now())
        return Response(status=204)
