"""Comparing models on your data: scores, folds, baselines, nested cross-validation, a report."""

import lazy_loader

# The public names stand in __init__.pyi, where type checkers read them too.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
