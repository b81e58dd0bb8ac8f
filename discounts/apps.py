from django.apps import AppConfig


class DiscountsConfig(AppConfig):
    """A brand's readable codes with a percentage, once per shopper."""

    name = "discounts"
    default_auto_field = "django.db.models.BigAutoField"
