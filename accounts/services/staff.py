"""A brand's staff: invited, given roles, removed. A brand with an owner keeps one."""

import uuid
from datetime import datetime, timedelta

from django.core import signing
from django.db import transaction

from accounts import emails, selectors
from accounts.contracts import Role
from accounts.errors import LastOwner
from accounts.models import Brand, Invitation, Membership, User
from core import db
from core.errors import NotFound
from core.ids import uuid7
from core.outbox import enqueue_on_commit

INVITATION_LIFETIME = timedelta(days=7)
_SALT = "accounts.invitation"


# --- roles -----------------------------------------------------------------------------------------------------------
@transaction.atomic
def change_role(*, brand: Brand, user_id: uuid.UUID, role: Role) -> Membership:
    """Give a member another role. Raises NotFound, LastOwner."""
    member = _lock_member(brand, user_id, stays_owner=role is Role.OWNER)
    member.role = role
    member.save(update_fields=["role"])
    return member


@transaction.atomic
def remove_member(*, brand: Brand, user_id: uuid.UUID) -> None:
    """Take a member off the brand's staff. Raises NotFound, LastOwner."""
    _lock_member(brand, user_id, stays_owner=False).delete()


def _lock_member(brand: Brand, user_id: uuid.UUID, *, stays_owner: bool) -> Membership:
    """The member, with all of the brand's members locked in one order, so that two owners cannot leave at once."""
    members = Membership.objects.select_for_update(of=("self",)).filter(brand=brand).select_related("user", "brand")
    locked = {member.user.uuid: member for member in members.order_by("pk")}
    if user_id not in locked:
        raise NotFound
    others = (member for key, member in locked.items() if key != user_id and member.user.is_active)
    if (
        locked[user_id].role == Role.OWNER
        and not stays_owner
        and not any(member.role == Role.OWNER for member in others)
    ):
        raise LastOwner
    return locked[user_id]


# --- invitations -----------------------------------------------------------------------------------------------------
@transaction.atomic
def invite(*, brand: Brand, email: str, role: Role, invited_by: User, at: datetime) -> Invitation:
    """Ask someone to join a brand's staff by a link in a mail, good once and for a week; asking again renews it."""
    values = {
        "id": uuid7(), "brand_id": brand.pk, "email": email, "role": role.value, "invited_by_id": invited_by.pk,
        "created_at": at, "expires_at": at + INVITATION_LIFETIME,
    }  # fmt: skip
    row = db.fetch_one("accounts/sql/invite.sql", values) or {}
    enqueue_on_commit("accounts.send_invitation", invitation_id=str(row["id"]))
    return Invitation.objects.select_related("brand", "invited_by").get(pk=row["id"])


@transaction.atomic
def resend_invitation(*, invitation: Invitation, at: datetime) -> None:
    """Renew an invitation that nobody has accepted, and mail it again. Raises NotFound."""
    if not Invitation.objects.filter(pk=invitation.pk, accepted_at=None).update(expires_at=at + INVITATION_LIFETIME):
        raise NotFound
    enqueue_on_commit("accounts.send_invitation", invitation_id=str(invitation.pk))


def cancel_invitation(*, brand: Brand, invitation_id: uuid.UUID) -> None:
    """Take an invitation back that nobody has accepted; its link is dead at once. Raises NotFound."""
    if not Invitation.objects.filter(pk=invitation_id, brand=brand, accepted_at=None).delete()[0]:
        raise NotFound


def send_invitation(*, invitation_id: uuid.UUID, at: datetime) -> None:
    """Mail the link, unless the invitation is accepted, cancelled or expired. A second sending has the same link."""
    try:
        invitation = selectors.open_invitation(invitation_id=invitation_id, at=at)
    except NotFound:
        return
    emails.invitation(invitation=invitation, token=invitation_token(invitation)).send()


def invitation_token(invitation: Invitation) -> str:
    """What stands in the link: the invitation's id, signed."""
    return signing.dumps(str(invitation.pk), salt=_SALT)


def invitation_of(*, token: str, at: datetime) -> Invitation:
    """The invitation of a link. Raises NotFound when it is forged, accepted, cancelled or expired."""
    try:
        invitation_id = uuid.UUID(signing.loads(token, salt=_SALT))
    except (signing.BadSignature, ValueError, TypeError, AttributeError) as error:
        raise NotFound from error
    return selectors.open_invitation(invitation_id=invitation_id, at=at)


@transaction.atomic
def accept_invitation(*, invitation: Invitation, user: User, at: datetime) -> Membership:
    """Join the brand's staff; who is a member already keeps their role. Raises NotFound when it is used."""
    still_open = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, expires_at__gt=at)
    if not still_open.update(accepted_at=at):
        raise NotFound
    member = Membership(brand=invitation.brand, user=user, role=invitation.role)
    Membership.objects.bulk_create([member], ignore_conflicts=True)
    return Membership.objects.select_related("brand", "user").get(brand=invitation.brand, user=user)
