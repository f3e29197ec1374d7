"""The dossier of a model version: all that an auditor asks for in one signed file that needs no store to be read."""

from trackbook.registry.dossier.dossier import Dossier
from trackbook.registry.dossier.sealing import DossierVerdict

__all__ = ["Dossier", "DossierVerdict"]
