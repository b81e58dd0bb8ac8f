from django.apps import AppConfig


class CouponsConfig(AppConfig):
    """App of coupons, which have a total usage limit and a usage limit per customer."""

    name = "coupons"
    default_auto_field = "django.db.models.BigAutoField"
