"""Names of the models that are compared, and of the ways to keep rows together."""

TRANSFER, SCRATCH, FOREST, BOOSTING = "transfer", "scratch", "random forest", "XGBoost"
MODELS = (TRANSFER, SCRATCH, FOREST, BOOSTING)
MEDIAN = "training median"
GET_XGBOOST = 'pip install -c constraints.txt ".[xgboost]"'

COMPOSITION, SYSTEM = "composition", "chemical-system"
GROUPS = (COMPOSITION, SYSTEM)
