"""Codes: what a typed string means, across all kinds."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from accounts.models import Brand

CODE = RegexValidator(r"^[A-Z0-9_-]{3,64}\Z", "3 to 64 of A-Z, 0-9, _ and -.")


class Code(models.Model):
    """One typed string and the one thing it means.

    The string is the key, so a look-up is one probe whatever the kind.
    """

    text = models.CharField(max_length=64, primary_key=True, validators=[CODE], db_collation="C")
    digest = models.BinaryField(
        unique=True, editable=False, help_text="SHA-256 of the text: the code's name in addresses and logs"
    )
    kind = models.CharField(max_length=20)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(text__regex=r"^[A-Z0-9_-]{3,64}$"), name="promotions_code_text"),
        ]

    def __str__(self) -> str:
        return self.text
