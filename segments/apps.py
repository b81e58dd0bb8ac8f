from django.apps import AppConfig


class SegmentsConfig(AppConfig):
    """Audiences, the slots of customers, and segments."""

    name = "segments"
    default_auto_field = "django.db.models.BigAutoField"
