"""scikit-learn as the user calls it: fits, metrics, cross-validation and searches."""
