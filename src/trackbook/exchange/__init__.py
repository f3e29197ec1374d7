"""Runs, dataset versions and models between the stores of several people, with nothing but a shared place between them.

`push` puts there what this store has, `pull` takes what it lacks; both do nothing when there is nothing to do, and may
be killed at any moment: objects go first, then the records that name them.
"""

from trackbook.exchange.report import Report
from trackbook.exchange.service import Exchange

__all__ = ["Exchange", "Report"]
