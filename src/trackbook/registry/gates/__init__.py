"""What a model version must meet before it enters a stage: one module a kind of gate."""
