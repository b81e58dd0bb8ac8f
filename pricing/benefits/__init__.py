"""Benefits, one module per family. `compile_benefit` converts any benefit to a function."""

from pricing.benefits.base import BenefitContext, BenefitFunction, BenefitResult
from pricing.benefits.registry import compile_benefit

__all__ = ["BenefitContext", "BenefitFunction", "BenefitResult", "compile_benefit"]
