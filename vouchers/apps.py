from django.apps import AppConfig


class VouchersConfig(AppConfig):
    """First-login campaigns and their vouchers."""

    name = "vouchers"
    default_auto_field = "django.db.models.BigAutoField"
