from django.apps import AppConfig


class SegmentsConfig(AppConfig):
    """To whom: audiences as the data platform sends them, slots, segments."""

    name = "segments"
    default_auto_field = "django.db.models.BigAutoField"
