"""The counterfactual model: a small model that reads an edit and answers from it."""

from serac.counterfactual.model import SHIPPED, CounterfactualModel, is_artifact

__all__ = ["SHIPPED", "CounterfactualModel", "is_artifact"]
