"""Approvals: who may say yes to a promotion, and whether enough of them have; pure rules on frozen values."""
