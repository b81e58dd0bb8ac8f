"""Celery tasks of accounts."""

import uuid

from celery import shared_task
from django.utils import timezone

from accounts import services
from accounts.emails import FactorChange
from accounts.models import Brand, User


@shared_task(name="accounts.send_invitation")
def send_invitation(invitation_id: str) -> None:
    """Send the email with an invitation's link."""
    services.send_invitation(invitation_id=uuid.UUID(invitation_id), at=timezone.now())


@shared_task(name="accounts.announce_api_key")
def announce_api_key(key_id: str) -> None:
    """Send the email that says that an API key exists."""
    services.announce_key(key_id=uuid.UUID(key_id))


@shared_task(name="accounts.request_key_review")
def request_key_review(brand_id: str, user_key: int) -> None:
    """Send the email that asks for a review of the API keys of a former member."""
    brand, user = Brand.objects.get(pk=brand_id), User.objects.get(pk=user_key)
    services.request_key_review(brand=brand, user=user, at=timezone.now())


@shared_task(name="accounts.answer_registration")
def answer_registration(user_id: str, address: str, language: str) -> None:
    """Send the email that follows a registration."""
    services.answer_registration(user_id=uuid.UUID(user_id), address=address, language=language)


@shared_task(name="accounts.send_password_reset")
def send_password_reset(address: str) -> None:
    """Send the email with a link that sets a new password."""
    services.send_password_reset(address=address)


@shared_task(name="accounts.send_factor_notice")
def send_factor_notice(user_key: int, change: str) -> None:
    """Send the email that says that a second factor was added or removed."""
    services.send_factor_notice(user_key=user_key, change=FactorChange(change))


@shared_task(name="accounts.purge_sign_ins")
def purge_sign_ins() -> None:
    """Delete sessions and refresh tokens that have expired."""
    services.purge_sign_ins(at=timezone.now())


@shared_task(name="accounts.report_guesses")
def report_guesses() -> None:
    """Raise the alarms of brands whose API keys guess codes."""
    services.report_guesses(at=timezone.now())


@shared_task(name="accounts.announce_guesses")
def announce_guesses(brand_id: str) -> None:
    """Send the email that says that the API keys of a brand guess codes."""
    services.announce_guesses(brand_id=uuid.UUID(brand_id))


@shared_task(name="accounts.run_erasures")
def run_erasures() -> None:
    """Continue the open erasures of customers."""
    services.run_erasures()


@shared_task(name="accounts.extend_audit_chain")
def extend_audit_chain() -> None:
    """Link the new events of the audit log."""
    services.extend_chain(at=timezone.now())
