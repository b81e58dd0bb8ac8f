"""Email messages of accounts, built from templates. Services send them."""

from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from accounts.contracts import Role
from accounts.models import Invitation
from backoffice.base.formatting import format_datetime
from mailings.emails import build_content

_ROLES = {
    Role.OWNER: pgettext_lazy("role in a sentence", "owner"),
    Role.EDITOR: pgettext_lazy("role in a sentence", "editor"),
    Role.VIEWER: pgettext_lazy("role in a sentence", "viewer"),
}


def invitation(*, invitation: Invitation, token: str) -> EmailMultiAlternatives:
    """Build the email that invites a person to a brand's staff. ``token`` is the signed part of the link."""
    brand = invitation.brand
    join = _("Join %(brand)s") % {"brand": brand.name}
    expires_at = f"{format_datetime(invitation.expires_at, brand.timezone)} ({brand.timezone})"
    built = build_content(
        template="mail/action",
        subject=_("Join %(brand)s on promoplatform") % {"brand": brand.name},
        sender_name=brand.name,
        color=brand.color,
        context={
            "heading": join,
            "paragraphs": [_sentence(invitation)],
            "action_url": settings.BASE_URL + reverse("accounts:invitation", args=[token]),
            "action_label": join,
            "note": _("The link can be used once and expires on %(date)s.") % {"date": expires_at},
            "why": _("If you weren't expecting this, you can ignore it."),
        },
    )
    sender = formataddr((brand.name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))
    message = EmailMultiAlternatives(built.subject, built.text, sender, [invitation.email])
    message.attach_alternative(built.html, "text/html")
    return message


def _sentence(invitation: Invitation) -> str:
    names = {
        "brand": invitation.brand.name,
        "role": _ROLES[Role(invitation.role)],
        "inviter": invitation.invited_by,
    }
    if invitation.invited_by is None:
        return _("You were invited to join %(brand)s on promoplatform as %(role)s.") % names
    return _("%(inviter)s invited you to join %(brand)s on promoplatform as %(role)s.") % names
