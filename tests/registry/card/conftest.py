"""A card of nothing."""

import pytest

from support.cards import card_of, version_of
from trackbook.registry.card.values import ModelCard


@pytest.fixture
def bare() -> ModelCard:
    """The card of a version of which nothing is known."""
    return card_of(version_of(run_id=None, metrics={}, params={}))
