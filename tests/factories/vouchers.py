"""Factory of first-login campaigns."""

from datetime import UTC, datetime
from typing import Any

import factory
from factory.django import DjangoModelFactory

from tests.factories.accounts import BrandFactory
from vouchers import services
from vouchers.models import Campaign


class CampaignFactory(DjangoModelFactory[Campaign]):
    """Active campaign for two vouchers of 30% off top-ups, until the end of 2030."""

    class Meta:
        model = Campaign

    brand = factory.SubFactory(BrandFactory)
    name = factory.Sequence(lambda n: f"Campaign {n}")
    slug = factory.Sequence(lambda n: f"campaign-{n}")
    quota = 2
    start_date = datetime(2026, 1, 1, tzinfo=UTC)
    end_date = datetime(2030, 12, 31, tzinfo=UTC)

    @classmethod
    def _create(cls, model_class: type[Campaign], *args: object, **kwargs: Any) -> Campaign:
        arguments = {name: kwargs.pop(name) for name in ("brand", "quota")}
        return services.create(*args, **arguments, fields=kwargs, at=model_class(**kwargs).start_date)
