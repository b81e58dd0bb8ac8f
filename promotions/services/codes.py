"""Registration of codes."""

from accounts.models import Brand
from core.db import translate_constraint
from promotions.models import Code, Promotion
from redemptions.codes.rules import code_digest
from redemptions.errors import CodeTaken


def register_code(*, text: str, kind: str, brand: Brand, promotion: Promotion | None = None) -> Code:
    """Create a code of a kind. The text must be normalized. Raises CodeTaken if any brand has this code."""
    with translate_constraint("promotions_code_pkey", CodeTaken):
        return Code.objects.create(text=text, digest=code_digest(text), kind=kind, brand=brand, promotion=promotion)
