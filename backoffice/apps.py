from django.apps import AppConfig


class BackofficeConfig(AppConfig):
    """The admin site: dashboard, navigation, audit log and system pages."""

    name = "backoffice"
    label = "console"
