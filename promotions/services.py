"""Codes are claimed for what they mean."""

from accounts.models import Brand
from promoplatform.kernel.db import refuse
from promotions.errors import CodeTaken
from promotions.models import Code
from promotions.rules import digest


def claim_code(*, text: str, kind: str, brand: Brand) -> Code:
    """Give a normalised string its one meaning. Raises CodeTaken, whoever has it."""
    with refuse("promotions_code_pkey", CodeTaken):
        return Code.objects.create(text=text, digest=digest(text), kind=kind, brand=brand)
