"""Registration of codes, and whether an offer takes codes."""

import uuid
from datetime import datetime

from accounts.models import Brand
from core.db import translate_constraint
from core.errors import NotFound
from redemptions.backends import get_code_backend
from redemptions.codes.models import Code
from redemptions.codes.rules import code_digest
from redemptions.contracts import CodeOffer
from redemptions.errors import CodeTaken


def register_code(*, text: str, kind: str, brand: Brand, offer: uuid.UUID) -> Code:
    """Create the generic code of an offer. The text must be normalized. Raises CodeTaken if any brand has this code."""
    with translate_constraint("promotions_code_pkey", CodeTaken):
        return Code.objects.create(text=text, digest=code_digest(text), kind=kind, brand=brand, offer=offer)


def check_takes_codes(*, kind: str, offer: uuid.UUID, brand_id: uuid.UUID, at: datetime) -> CodeOffer:
    """Return the brand's offer if codes can be added to it and assigned now. Raises NotFound, and why they can't."""
    described = get_code_backend(kind).describe_code_offers(offers=[offer], at=at).get(offer)
    if described is None or described.brand_id != brand_id:
        raise NotFound
    if described.error is not None:
        raise described.error
    return described
