"""Second factors, which django-allauth stores, in the audit log."""

import pghistory
from allauth.mfa.models import Authenticator
from django.utils.translation import gettext_lazy as _


@pghistory.track(
    pghistory.InsertEvent(), pghistory.DeleteEvent(), exclude=["data", "last_used_at"], model_name="SecondFactorEvent"
)
class SecondFactor(Authenticator):  # type: ignore[misc]
    """A second factor of a user. The audit log says who added and removed it, without its secret."""

    class Meta:
        proxy = True
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")
