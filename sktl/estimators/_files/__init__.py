"""Model files: a fitted estimator in one file of numbers and JSON, from which no code runs."""

from sktl.estimators._files._model import read_model, save_model

__all__ = ["read_model", "save_model"]
