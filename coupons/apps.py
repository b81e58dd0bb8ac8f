from django.apps import AppConfig


class CouponsConfig(AppConfig):
    """Coupons, capped in all and per shopper."""

    name = "coupons"
    default_auto_field = "django.db.models.BigAutoField"
