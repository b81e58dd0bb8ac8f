"""Doors of coupons for worker and beat."""

from celery import shared_task
from django.utils import timezone

from coupons.services import retention, rollup


@shared_task(name="coupons.roll_up")
def roll_up() -> None:
    """Sum up redemptions that changed, for reports."""
    rollup.roll_up()


@shared_task(name="coupons.audit_reports")
def audit_reports() -> None:
    """Recount some coupons' reports and log what differs."""
    rollup.audit_sample()


@shared_task(name="coupons.drop_old")
def drop_old() -> None:
    """Let go of redemptions that are older than is kept."""
    retention.drop_old(at=timezone.now())
