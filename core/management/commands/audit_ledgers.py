"""Run ``check_consistency`` under the name that it had in the previous release."""

from core.management.commands.check_consistency import Command

__all__ = ["Command"]
