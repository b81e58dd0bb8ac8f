"""Descriptions of offers for people, in the active language."""

from backoffice.base.descriptions.offers import describe_offer

__all__ = ["describe_offer"]
