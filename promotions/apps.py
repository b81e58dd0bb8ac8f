from django.apps import AppConfig


class PromotionsConfig(AppConfig):
    """What and when: promotions, codes, offers and the pricing engine."""

    name = "promotions"
    default_auto_field = "django.db.models.BigAutoField"
