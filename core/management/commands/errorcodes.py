"""Run ``generate_error_docs`` under the name that it had in the previous release."""

from core.management.commands.generate_error_docs import Command

__all__ = ["Command"]
