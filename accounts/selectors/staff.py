"""Reads of a brand's staff, API keys and invitations."""

import uuid
from datetime import datetime

from django.db.models import QuerySet

from accounts.contracts import Role
from accounts.models import ApiKey, Brand, Invitation, Membership, User
from core.errors import NotFound
from core.permissions import BrandPermissions

_PERMISSIONS = {
    Role.OWNER: BrandPermissions.OWN,
    Role.EDITOR: BrandPermissions.EDIT,
    Role.VIEWER: BrandPermissions.READ,
}


def admin_permissions(user: User) -> dict[uuid.UUID, BrandPermissions]:
    """Return the user's permission in each of their brands, by the brand's key."""
    return {brand.pk: _PERMISSIONS[role] for brand, role in user.roles.items()}


def members_of(brand: Brand) -> QuerySet[Membership]:
    """Return the memberships of the brand's staff."""
    return Membership.objects.filter(brand=brand).select_related("user", "brand")


def member_of(*, brand: Brand, user_id: uuid.UUID) -> Membership:
    """Return a member of this brand's staff. Raises NotFound."""
    member = members_of(brand).filter(user__uuid=user_id).first()
    if member is None:
        raise NotFound
    return member


def key_of(*, brand: Brand, key_id: uuid.UUID) -> ApiKey:
    """Return an API key of this brand, revoked or not. Raises NotFound."""
    key = ApiKey.objects.filter(pk=key_id, brand=brand).first()
    if key is None:
        raise NotFound
    return key


def open_invitation(*, invitation_id: uuid.UUID, at: datetime) -> Invitation:
    """Return an invitation that can still be accepted. Raises NotFound."""
    pending = Invitation.objects.filter(accepted_at=None, expires_at__gt=at, brand__is_active=True)
    invitation = pending.select_related("brand", "invited_by").filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound
    return invitation
