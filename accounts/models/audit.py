"""Sign-ins, reads and exports in the audit log, beside the changes that the history of each model has."""

from typing import Any, ClassVar

import pghistory
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.brands import Brand
from accounts.models.users import Customer, User


class Access(models.TextChoices):
    """What somebody did without changing an object."""

    SIGNED_IN = "signed_in", _("Signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("Sign-in failed")
    FACTOR_USED = "factor_used", _("Second factor used")
    FACTOR_FAILED = "factor_failed", _("Second factor failed")
    SIGNED_OUT = "signed_out", _("Signed out")
    READ = "read", _("Personal data read")
    EXPORTED = "exported", _("Exported")


_EventOfUser: Any = pghistory.create_event_model(
    User,
    *(pghistory.ManualEvent(label.value) for label in Access),  # type: ignore[no-untyped-call]
    fields=[],
    obj_field=pghistory.ObjForeignKey(null=True, related_name="+"),
)


class AccessEvent(_EventOfUser):  # type: ignore[misc]
    """A sign-in or its end, a read of personal data, or an export. Append-only.

    ``pgh_obj`` is the user whose account it is, without one for reads and for accounts that don't exist. The context
    has who did it, and from which address. ``subject`` says how somebody signed in, or what was read.
    """

    audit_brand_path: ClassVar = "brand"

    pgh_id = models.BigAutoField(primary_key=True)
    brand = models.ForeignKey(
        Brand, models.DO_NOTHING, null=True, db_constraint=False, related_name="+", verbose_name=_("brand")
    )
    customer = models.ForeignKey(
        Customer, models.DO_NOTHING, null=True, db_constraint=False, related_name="+", verbose_name=_("customer")
    )
    subject = models.CharField(_("subject"), max_length=120, blank=True, default="")

    class Meta:
        verbose_name = _("access")
        verbose_name_plural = _("accesses")

    def __str__(self) -> str:
        return f"{self.pgh_label} {self.subject}".strip()
