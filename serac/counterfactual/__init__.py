"""The counterfactual model: a small model that reads an edit and answers from it."""

from serac.counterfactual.model import SHIPPED, CounterfactualModel

__all__ = ["SHIPPED", "CounterfactualModel"]
