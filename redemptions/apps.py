from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class RedemptionsConfig(AppConfig):
    """What every kind of offer shares: codes, limits, events and the protocol of the kinds."""

    name = "redemptions"
    verbose_name = _("Redemptions")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from redemptions import checks  # noqa: F401, PLC0415  (system checks register on import)

        post_migrate.connect(_open_event_epoch, sender=self)


def _open_event_epoch(*, plan: Any = (), **kwargs: Any) -> None:
    """Start a new epoch of events if the database was restored into another server."""
    from redemptions.events.services import open_epoch  # noqa: PLC0415  (after the apps are loaded)

    open_epoch()
