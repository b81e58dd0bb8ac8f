"""Description of an offer in one sentence, for example "20% off shoes when the order is at least €100.00"."""

from pricing.description.offers import describe_offer

__all__ = ["describe_offer"]
