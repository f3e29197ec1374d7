"""The audit trail: its chain, its head, and what proves that neither was changed."""
