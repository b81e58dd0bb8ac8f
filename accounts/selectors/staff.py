"""Reads of a brand's staff, API keys and invitations."""

import uuid
from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.contracts import Caller, Role
from accounts.models import ApiKey, Brand, Invitation, Membership, User
from core.errors import NotFound, PermissionDenied, TokenInvalid
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


def list_keys(*, brand: Brand) -> QuerySet[ApiKey]:
    """Return the API keys of a brand, revoked ones too, with what answers need."""
    return ApiKey.objects.filter(brand=brand).select_related("brand", "created_by")


def key_of_caller(caller: Caller) -> ApiKey:
    """Return the API key of a caller. Raises PermissionDenied for users, TokenInvalid if it was deleted."""
    if caller.api_key_id is None:
        raise PermissionDenied
    key = ApiKey.objects.select_related("brand", "created_by").filter(pk=caller.api_key_id).first()
    if key is None:
        raise TokenInvalid
    return key


def is_usable(key: ApiKey, *, at: datetime) -> bool:
    """Return whether an API key still works."""
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > at)


def is_rollable(key: ApiKey, *, at: datetime) -> bool:
    """Return whether an API key can be rolled: it still works, and hasn't been rolled."""
    return is_usable(key, at=at) and not ApiKey.objects.filter(replaces=key).exists()


def is_created_by_member(key: ApiKey) -> bool:
    """Return whether the user who created a key is an active platform admin or on the staff of the key's brand."""
    user = key.created_by
    if user is None or not user.is_active:
        return False
    return user.is_superuser or Membership.objects.filter(user=user, brand=key.brand).exists()


def list_keys_created_by(user: User, *, brand: Brand, at: datetime) -> QuerySet[ApiKey]:
    """Return the keys of a brand that a user created and that still work, newest first."""
    usable = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=at), revoked_at=None)
    return usable.filter(brand=brand, created_by=user).order_by("-pk")


def list_key_owners(*, brand: Brand | None) -> list[str]:
    """Return the email addresses of a brand's owners, or without a brand of the platform admins."""
    users = User.objects.filter(is_active=True).exclude(email="")
    if brand is None:
        users = users.filter(is_superuser=True)
    else:
        users = users.filter(memberships__brand=brand, memberships__role=Role.OWNER)
    return sorted(users.values_list("email", flat=True))


def open_invitation(*, invitation_id: uuid.UUID, at: datetime) -> Invitation:
    """Return an invitation that can still be accepted. Raises NotFound."""
    pending = Invitation.objects.filter(accepted_at=None, expires_at__gt=at, brand__is_active=True)
    invitation = pending.select_related("brand", "invited_by").filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound
    return invitation
