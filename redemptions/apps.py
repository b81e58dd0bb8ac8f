from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RedemptionsConfig(AppConfig):
    """What every kind of offer shares: codes, limits, events and the protocol of the kinds."""

    name = "redemptions"
    verbose_name = _("Redemptions")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from redemptions import checks  # noqa: F401, PLC0415  (system checks register on import)
