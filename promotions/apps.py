from django.apps import AppConfig


class PromotionsConfig(AppConfig):
    """What and when: promotions, codes, offers and the pricing engine."""

    name = "promotions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from promotions import checks  # noqa: F401, PLC0415  (system checks register on import)
