"""Is transfer worth it on your own table? Nested cross-validation, and a report of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_comparison": ["Difference", "corrected_test"],
        "_evaluate": ["evaluate"],
        "_evaluation": ["CurvePoint", "Evaluation", "Fold"],
        "_figures": ["as_png", "draw_learning_curve", "draw_parity"],
        "_folds": ["group_rows"],
        "_models": ["estimate_seconds", "make_model", "model_titles"],
        "_names": [
            *("BOOSTING", "FOREST", "GET_XGBOOST", "GROUPS"),
            *("MEDIAN", "MODELS", "SCRATCH", "TRANSFER"),
        ],
        "_report": ["write_report"],
        "_summary": ["summarize"],
    },
)
