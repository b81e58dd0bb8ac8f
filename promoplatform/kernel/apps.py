from django.apps import AppConfig


class KernelConfig(AppConfig):
    """What every app may use; knows no word of the trade."""

    name = "promoplatform.kernel"
    label = "kernel"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from promoplatform.kernel import checks  # noqa: F401, PLC0415  (system checks register on import)
