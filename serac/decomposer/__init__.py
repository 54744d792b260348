"""The trained decomposer: the embedded body with a LoRA adapter that takes questions apart."""

from serac.decomposer.model import SHIPPED, TrainedPlans, load_gate, load_plans

__all__ = ["SHIPPED", "TrainedPlans", "load_gate", "load_plans"]
