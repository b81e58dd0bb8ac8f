"""Sign-ins, reads and exports in the audit log, beside the changes that the history of each model has."""

from typing import Any, ClassVar

import pghistory
from django.contrib.postgres.fields import ArrayField
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
    GUESSED = "guessed", _("Too many unknown codes")


_EventOfUser: Any = pghistory.create_event_model(
    User,
    *(pghistory.ManualEvent(label.value) for label in Access),  # type: ignore[no-untyped-call]
    fields=[],
    obj_field=pghistory.ObjForeignKey(null=True, related_name="+"),
)


class AccessEvent(_EventOfUser):  # type: ignore[misc]
    """A sign-in or its end, a read of personal data, an export, or an alarm. Append-only.

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


class AuditLink(models.Model):
    """A link of the chain over the audit log: the digests of an event, numbered in the order of their commits.

    ``content`` covers the event's ``columns`` but those that lead to a person. ``personal`` covers the others, and
    ``salt``, which an erasure deletes. ``digest`` covers all of it but the salt, and the digest before.
    """

    id = models.BigIntegerField(primary_key=True)
    source = models.CharField(max_length=63)
    row = models.BigIntegerField()
    columns = ArrayField(models.CharField(max_length=63))
    content = models.BinaryField()
    personal = models.BinaryField()
    salt = models.BinaryField(null=True)
    digest = models.BinaryField()
    linked_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("source", "row", name="accounts_audit_linked_once"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.source} {self.row}"
