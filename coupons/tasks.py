"""Doors of coupons for worker and beat."""

from celery import shared_task

from coupons.services import rollup


@shared_task(name="coupons.roll_up")
def roll_up() -> None:
    """Sum up redemptions that changed, for reports."""
    rollup.roll_up()


@shared_task(name="coupons.audit_reports")
def audit_reports() -> None:
    """Recount some coupons' reports and log what differs."""
    rollup.audit_sample()
