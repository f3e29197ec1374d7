"""The model card: what a reviewer asks of a model version, answered from what was recorded and from nothing else."""

from trackbook.registry.card.values import ModelCard

__all__ = ["ModelCard"]
