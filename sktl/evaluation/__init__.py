"""Comparing models on your data: scores, folds, baselines, nested cross-validation, a report."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_comparison": ["Difference", "corrected_test"],
        "_demo": ["DemoComparison", "DemoFit", "DemoPlan"],
        "_demo_files": ["summarize_demo", "write_demo"],
        "_evaluate": ["evaluate"],
        "_evaluation": ["CurvePoint", "Evaluation", "Fold"],
        "_figures": ["COLOURS", "as_png", "draw_learning_curve", "draw_parity"],
        "_folds": ["count_fit_rows", "group_rows"],
        "_models": ["estimate_seconds", "make_model", "model_titles"],
        "_names": [
            *("BOOSTING", "FOREST", "GET_XGBOOST", "GROUPS"),
            *("MEDIAN", "MODELS", "SCRATCH", "TRANSFER"),
        ],
        "_report": ["write_report"],
        "_scores": [
            *("FitResult", "IntervalScores", "Scores", "fit_and_score"),
            *("predict_intervals", "score_intervals", "score_predictions"),
        ],
        "_summary": ["summarize"],
        "_tuning": ["BUDGET", "SPACES", "Budget", "TunedRegressor"],
    },
)
