"""Sign-ins: sessions of the admin, and families of refresh tokens."""

from importlib import import_module
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User
from core.ids import uuid7


class Session(AbstractBaseSession):
    """A session of a browser. The columns beside its data are copies, to list a user's sessions."""

    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="sessions")
    address = models.CharField(max_length=45, blank=True, default="")
    device = models.CharField(max_length=300, blank=True, default="")
    signed_in_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[BaseSessionManager[Any]] = BaseSessionManager()

    class Meta(AbstractBaseSession.Meta):
        verbose_name = _("session")  # type: ignore[assignment]  # the stubs know no lazy texts here
        verbose_name_plural = _("sessions")  # type: ignore[assignment]

    @classmethod
    def get_session_store_class(cls) -> Any:
        return import_module(settings.SESSION_ENGINE).SessionStore


class TokenFamily(models.Model):
    """The refresh tokens of one sign-in. Each is used once for the next one, whose number is ``generation``."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="token_families")
    generation = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("token family")
        verbose_name_plural = _("token families")
        indexes = [models.Index(fields=["expires_at"], name="accounts_tokenfamily_expires")]

    def __str__(self) -> str:
        return f"{self.user}: {self.generation}"
