"""Dataset versions: what went into a run, kept so that it can be read again exactly."""

from trackbook.data.schema import Column, Schema
from trackbook.data.values import DatasetVersion
from trackbook.data.versions import Datasets

__all__ = ["Column", "DatasetVersion", "Datasets", "Schema"]
