from django.apps import AppConfig


class OutsideConfig(AppConfig):
    """Services outside of the platform: what they are to know, told until they have acknowledged it."""

    name = "integrations"
    label = "outside"
    verbose_name = "Outside services"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from integrations import checks  # noqa: F401, PLC0415  (system checks register on import)
