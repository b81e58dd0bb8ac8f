"""Messages of accounts, built from templates; sending is a service's."""

from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse

from accounts.models import Invitation
from mailings.emails import content


def invitation(*, invitation: Invitation, token: str) -> EmailMultiAlternatives:
    """The mail that asks someone to join a brand's staff, with the link that ``token`` opens."""
    brand, role = invitation.brand, invitation.role
    article = "an" if role[0] in "aeo" else "a"
    inviter = f"{invitation.invited_by} invited you" if invitation.invited_by else "You are invited"
    built = content(
        template="mail/action",
        subject=f"Join {brand.name} on promoplatform",
        sender_name=brand.name,
        color=brand.color,
        context={
            "heading": f"Join {brand.name}",
            "paragraphs": [f"{inviter} to be {article} {role} of {brand.name} on promoplatform."],
            "action_url": settings.BASE_URL + reverse("accounts:invitation", args=[token]),
            "action_label": f"Join {brand.name}",
            "note": f"The link is good once, until {invitation.expires_at:%-d %B %Y, %H:%M} UTC.",
            "why": "If you did not expect this mail, you need do nothing.",
        },
    )  # fmt: skip
    sender = formataddr((brand.name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))
    message = EmailMultiAlternatives(built.subject, built.text, sender, [invitation.email])
    message.attach_alternative(built.html, "text/html")
    return message
