from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """The admin as a whole: dashboard, navigation, audit log, the platform's own machinery."""

    name = "backoffice"
    label = "console"
