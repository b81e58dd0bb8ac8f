"""promoplatform: an open, self-hosted promotion platform."""

from promoplatform.celery import app as celery_app

__all__ = ["celery_app"]
