"""API views for a brand's members and invitations, for its owners."""

import uuid
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors, services
from accounts.api.serializers import (
    BrandSerializer,
    BrandUpdateSerializer,
    InvitationInputSerializer,
    InvitationSerializer,
    MemberSerializer,
    MemberUpdateSerializer,
)
from accounts.api.views import validate_body
from accounts.contracts import Role, get_caller
from accounts.errors import LastOwner, SignInNotFresh
from accounts.models import Brand
from core.api import CursorPagination
from core.etags import VersionedObject, versioned
from core.idempotency import idempotent
from core.openapi import problem_responses
from core.views import APIView, KeyScopes


class BrandOwnerView(APIView):
    """View that only a brand's owners can use. API keys can't."""

    key_scopes: ClassVar[KeyScopes] = {}

    def brand(self, request: Request, slug: str) -> Brand:
        """Return the owner's brand. Raises NotFound for outsiders, PermissionDenied for other staff."""
        return selectors.owned_brand(caller=get_caller(request.auth), slug=slug)

    def fresh_brand(self, request: Request, slug: str) -> Brand:
        """Return the brand of an owner who signed in a moment ago, to make keys or change roles.

        Raises SignInNotFresh, too.
        """
        brand = self.brand(request, slug)
        selectors.check_fresh_sign_in(get_caller(request.auth), at=timezone.now())
        return brand

    def paginate(self, rows: QuerySet[Any], serializer_class: Any, request: Request) -> Response:
        """Return one page of the rows, newest first."""
        paginator = CursorPagination()
        page = paginator.paginate_queryset(rows, request, view=self)
        return paginator.get_paginated_response(serializer_class(page, many=True).data)


class BrandView(BrandOwnerView):
    """``/api/v1/brands/<slug>/``"""

    versioned_object = VersionedObject(
        lambda request, slug: selectors.owned_brand(caller=get_caller(request.auth), slug=slug),
        lambda _, brand: BrandSerializer(brand).data,
    )

    @extend_schema(responses=BrandSerializer, operation_id="brands_get")
    @versioned
    def get(self, request: Request, slug: str) -> Response:
        """Return the settings of the brand."""
        return Response(BrandSerializer(self.brand(request, slug)).data)

    @extend_schema(
        request=BrandUpdateSerializer,
        responses={200: BrandSerializer, **problem_responses(SignInNotFresh)},
        operation_id="brands_change",
    )
    @versioned
    def patch(self, request: Request, slug: str) -> Response:
        """Change the settings of the brand. Those of sign-ins need a fresh one."""
        brand, caller = self.brand(request, slug), get_caller(request.auth)
        changes = validate_body(BrandUpdateSerializer, request)
        if not changes.keys().isdisjoint({"require_second_factor", "sso"}):
            self.fresh_brand(request, slug)
        services.check_sign_in_settings(brand=brand, caller=caller, changes=changes)
        return Response(BrandSerializer(services.change_brand(brand=brand, **changes)).data)


class MembersView(BrandOwnerView):
    """``/api/v1/brands/<slug>/members/``"""

    @extend_schema(responses=MemberSerializer(many=True), operation_id="members_list")
    def get(self, request: Request, slug: str) -> Response:
        """List the brand's staff."""
        return self.paginate(selectors.members_of(self.brand(request, slug)), MemberSerializer, request)


class MemberView(BrandOwnerView):
    """``/api/v1/brands/<slug>/members/<user>/``"""

    @extend_schema(
        request=MemberUpdateSerializer, operation_id="members_change",
        responses={200: MemberSerializer, **problem_responses(LastOwner, SignInNotFresh)},
    )  # fmt: skip
    def patch(self, request: Request, slug: str, user_id: uuid.UUID) -> Response:
        """Change a member's role, after a fresh sign-in. The last owner can't get another role."""
        brand = self.fresh_brand(request, slug)
        member = selectors.member_of(brand=brand, user_id=user_id)
        role = Role(validate_body(MemberUpdateSerializer, request).get("role", member.role))
        return Response(MemberSerializer(services.change_role(brand=brand, user_id=user_id, role=role)).data)

    @extend_schema(responses={204: None, **problem_responses(LastOwner, SignInNotFresh)}, operation_id="members_remove")
    def delete(self, request: Request, slug: str, user_id: uuid.UUID) -> Response:
        """Remove a member from the brand's staff, after a fresh sign-in. The last owner can't be removed."""
        services.remove_member(brand=self.fresh_brand(request, slug), user_id=user_id)
        return Response(status=204)


class InvitationsView(BrandOwnerView):
    """``/api/v1/brands/<slug>/invitations/``"""

    @extend_schema(responses=InvitationSerializer(many=True), operation_id="invitations_list")
    def get(self, request: Request, slug: str) -> Response:
        """List the brand's invitations, including accepted ones."""
        return self.paginate(self.brand(request, slug).invitations.all(), InvitationSerializer, request)

    @extend_schema(
        request=InvitationInputSerializer,
        responses={201: InvitationSerializer, **problem_responses(SignInNotFresh)},
        operation_id="invitations_create",
    )
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """Invite a person by email, after a fresh sign-in. Inviting the same address again renews its invitation."""
        brand, data = self.fresh_brand(request, slug), validate_body(InvitationInputSerializer, request)
        inviter = selectors.active_user(get_caller(request.auth))
        invitation = services.invite(
            brand=brand, email=data["email"], role=Role(data["role"]), invited_by=inviter, at=timezone.now()
        )
        return Response(InvitationSerializer(invitation).data, status=201)


class InvitationView(BrandOwnerView):
    """``/api/v1/brands/<slug>/invitations/<id>/``"""

    @extend_schema(responses={204: None}, operation_id="invitations_cancel")
    def delete(self, request: Request, slug: str, invitation_id: uuid.UUID) -> Response:
        """Cancel an invitation that hasn't been accepted."""
        services.cancel_invitation(brand=self.brand(request, slug), invitation_id=invitation_id)
        return Response(status=204)
