"""Model files: a fitted estimator in one file of numbers and JSON, from which no code runs."""

from sktl.estimators._files._model import SavedModel, load_model

__all__ = ["SavedModel", "load_model"]
