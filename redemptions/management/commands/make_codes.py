"""Run ``generate_codes`` under the name that it had in the previous release."""

from redemptions.management.commands.generate_codes import Command

__all__ = ["Command"]
