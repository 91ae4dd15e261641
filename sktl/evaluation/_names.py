"""Names of the models that are compared, and of the ways to keep rows together."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

TRANSFER, SCRATCH, FOREST, BOOSTING = "transfer", "scratch", "random forest", "XGBoost"
MODELS = (TRANSFER, SCRATCH, FOREST, BOOSTING)
MEDIAN = "training median"
GET_XGBOOST = 'pip install -c constraints.txt ".[xgboost]"'

Group: TypeAlias = Literal["composition", "chemical-system"]
COMPOSITION: Final = "composition"
SYSTEM: Final = "chemical-system"
GROUPS: tuple[Group, ...] = (COMPOSITION, SYSTEM)

FigureKind: TypeAlias = Literal["png", "svg", "pdf"]
FIGURE_KINDS: tuple[FigureKind, ...] = ("png", "svg", "pdf")
