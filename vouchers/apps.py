from django.apps import AppConfig


class VouchersConfig(AppConfig):
    """First-login campaigns and the vouchers that the first shoppers get."""

    name = "vouchers"
    default_auto_field = "django.db.models.BigAutoField"
