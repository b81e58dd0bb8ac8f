"""Services for a brand's staff: invitations, roles and removal. A brand always keeps at least one owner."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.core import signing
from django.db import transaction

from accounts import emails, selectors
from accounts.contracts import Role
from accounts.errors import EmailNotVerified, InvitationForOther, LastOwner
from accounts.models import Brand, Invitation, Membership, User
from core import db, throttle
from core.errors import NotFound
from core.ids import uuid7
from core.outbox import enqueue_on_commit

INVITATION_LIFETIME = timedelta(days=7)
_SALT = "accounts.invitation"


def change_brand(*, brand: Brand, browser_origins: list[str] | None = None, **changes: Any) -> Brand:
    """Change settings of a brand, by their names. Origins that are listed twice are kept once."""
    if browser_origins is not None:
        changes["browser_origins"] = list(dict.fromkeys(browser_origins))
    for name, value in changes.items():
        setattr(brand, name, value)
    if changes:
        brand.save(update_fields=list(changes))
    return brand


# --- roles -----------------------------------------------------------------------------------------------------------
@transaction.atomic
def change_role(*, brand: Brand, user_id: uuid.UUID, role: Role) -> Membership:
    """Change a member's role. Raises NotFound, LastOwner."""
    member = _lock_member(brand, user_id, stays_owner=role is Role.OWNER)
    member.role = role
    member.save(update_fields=["role"])
    return member


@transaction.atomic
def remove_member(*, brand: Brand, user_id: uuid.UUID) -> None:
    """Remove a member from the brand's staff. Raises NotFound, LastOwner.

    The brand's identity provider no longer identifies them.
    The owners get an email with the API keys that the member created and that still work.
    """
    member = _lock_member(brand, user_id, stays_owner=False)
    SocialAccount.objects.filter(provider=str(brand.pk), user=member.user_id).delete()
    enqueue_on_commit("accounts.request_key_review", brand_id=str(brand.pk), user_key=member.user_id)
    member.delete()


def _lock_member(brand: Brand, user_id: uuid.UUID, *, stays_owner: bool) -> Membership:
    """Lock all members of the brand in key order and return one. The lock stops two owners from leaving at once."""
    members = Membership.objects.select_for_update(of=("self",)).filter(brand=brand).select_related("user", "brand")
    locked = {member.user.uuid: member for member in members.order_by("pk")}
    if user_id not in locked:
        raise NotFound
    member = locked[user_id]
    others = (other for key, other in locked.items() if key != user_id and other.user.is_active)
    if member.role == Role.OWNER and not stays_owner and not any(other.role == Role.OWNER for other in others):
        raise LastOwner
    return member


# --- invitations -----------------------------------------------------------------------------------------------------
@transaction.atomic
def invite(*, brand: Brand, email: str, role: Role, invited_by: User, at: datetime) -> Invitation:
    """Invite a person to a brand's staff by email. The link can be used once within seven days.

    Inviting the same address again renews its open invitation. Raises Throttled after many invitations of the brand, or
    several emails to the address, and Unavailable.
    """
    _count_email(brand.pk, email)
    values = {
        "id": uuid7(), "brand_id": brand.pk, "email": email, "role": role.value, "invited_by_id": invited_by.pk,
        "created_at": at, "expires_at": at + INVITATION_LIFETIME,
    }  # fmt: skip
    row = db.fetch_one("accounts/sql/invite.sql", values) or {}
    enqueue_on_commit("accounts.send_invitation", invitation_id=str(row["id"]))
    return Invitation.objects.select_related("brand", "invited_by").get(pk=row["id"])


@transaction.atomic
def resend_invitation(*, invitation: Invitation, at: datetime) -> None:
    """Renew an open invitation and send its email again.

    Raises NotFound if it was accepted or canceled, and Throttled and Unavailable as ``invite``.
    """
    _count_email(invitation.brand_id, invitation.email)
    if not Invitation.objects.filter(pk=invitation.pk, accepted_at=None).update(expires_at=at + INVITATION_LIFETIME):
        raise NotFound
    enqueue_on_commit("accounts.send_invitation", invitation_id=str(invitation.pk))


def _count_email(brand_id: uuid.UUID, email: str) -> None:
    throttle.consume("invitation", f"brand:{brand_id}")
    throttle.consume("account_mail", f"invitation:{email.lower()}")


def cancel_invitation(*, brand: Brand, invitation_id: uuid.UUID) -> None:
    """Delete an open invitation, so that its link no longer works. Raises NotFound if it was accepted."""
    if not Invitation.objects.filter(pk=invitation_id, brand=brand, accepted_at=None).delete()[0]:
        raise NotFound


def send_invitation(*, invitation_id: uuid.UUID, at: datetime) -> None:
    """Send the email with the link, unless the invitation was accepted or canceled or has expired."""
    try:
        invitation = selectors.open_invitation(invitation_id=invitation_id, at=at)
    except NotFound:
        return
    emails.invitation(invitation=invitation, token=invitation_token(invitation)).send()


def invitation_token(invitation: Invitation) -> str:
    """Return the signed invitation ID for the link. It is the same for every email."""
    return signing.dumps(str(invitation.pk), salt=_SALT)


def invitation_of(*, token: str, at: datetime) -> Invitation:
    """Return the invitation of a link. Raises NotFound if it is forged, accepted, canceled or expired."""
    try:
        invitation_id = uuid.UUID(signing.loads(token, salt=_SALT))
    except (signing.BadSignature, ValueError, TypeError, AttributeError) as error:
        raise NotFound from error
    return selectors.open_invitation(invitation_id=invitation_id, at=at)


@transaction.atomic
def accept_invitation(*, invitation: Invitation, user: User, at: datetime) -> Membership:
    """Add the user to the brand's staff. A member keeps the present role.

    Only the verified address that the invitation was sent to may accept it. Raises InvitationForOther,
    EmailNotVerified, and NotFound if it is no longer open.
    """
    if user.email.lower() != invitation.email.lower():
        raise InvitationForOther
    if user.email_verified_at is None:
        raise EmailNotVerified
    pending = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, expires_at__gt=at)
    if not pending.update(accepted_at=at):
        raise NotFound
    member = Membership(brand=invitation.brand, user=user, role=invitation.role)
    Membership.objects.bulk_create([member], ignore_conflicts=True)
    return Membership.objects.select_related("brand", "user").get(brand=invitation.brand, user=user)
