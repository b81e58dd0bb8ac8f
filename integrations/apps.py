from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    """Sync jobs to external services, which are repeated until the service has acknowledged them."""

    name = "integrations"
    label = "outside"
    verbose_name = _("Integrations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from integrations import checks  # noqa: F401, PLC0415  (system checks register on import)
