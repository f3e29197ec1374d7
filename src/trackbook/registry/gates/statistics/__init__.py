"""Statistics of gates: pure functions of numbers, which know nothing of models, data or policies."""
