from django.apps import AppConfig


class KernelConfig(AppConfig):
    """What every app may use; knows no word of the trade."""

    name = "core"
    label = "kernel"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core import checks  # noqa: F401, PLC0415  (system checks register on import)
