from django.apps import AppConfig


class CheckoutConfig(AppConfig):
    """One door for all kinds of codes: quote, reserve, confirm, cancel, refund."""

    name = "checkout"
    default_auto_field = "django.db.models.BigAutoField"
