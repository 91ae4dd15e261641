"""The models that are compared, from formulas or structures to numbers, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline

from sktl.estimators import TransferClassifier, TransferRegressor
from sktl.evaluation._attributes import AttributesAndColumns
from sktl.evaluation._names import BOOSTING, FOREST, SCRATCH, TRANSFER
from sktl.exceptions import InputError
from sktl.sources import Architecture, Source, default_architecture, find_architecture, load_source

if TYPE_CHECKING:
    from sktl._types import FloatArray, IntArray, PathLike

# What the search inside a training part tries.
CHOICES: dict[str, dict[str, list[float]]] = {
    FOREST: {"max_features": [0.1, 0.33, 1.0]},
    BOOSTING: {"max_depth": [3, 6], "learning_rate": [0.03, 0.1]},
}
_BOOSTING_SETTINGS = {"n_estimators": 300, "subsample": 0.8, "colsample_bytree": 0.3}
_BOOSTING_SETTINGS |= {"max_bin": 64}  # 256 take twice as long, and err as much
_INNER_FOLDS = 3
_SEARCH_TREES = 30  # rank the choices as well as all trees do


class SearchedTrees(RegressorMixin, BaseEstimator):
    """Trees whose settings are chosen by cross-validation inside the rows of `fit`.

    Parameters
    ----------
    trees : regressor
        What is fitted with the settings that were chosen.
    choices : dict of str to list
        Settings and their values, as in `GridSearchCV`.
    cv : splitter
        Splits rows by groups.
    few : dict
        Other settings of `trees` during the search, which make it faster.
    """

    def __init__(
        self,
        trees: BaseEstimator,
        choices: dict[str, list[float]],
        cv: GroupKFold,
        few: dict[str, Any],
    ) -> None:
        self.trees = trees
        self.choices = choices
        self.cv = cv
        self.few = few

    def fit(
        self,
        X: FloatArray,
        y: FloatArray,
        groups: IntArray | None = None,
        sample_weight: FloatArray | None = None,
    ) -> Self:
        """Choose, and fit to all rows."""
        search = GridSearchCV(
            clone(self.trees).set_params(**self.few),
            self.choices,
            cv=self.cv,
            scoring="neg_mean_absolute_error",
            refit=False,
        )
        more = {"sample_weight": sample_weight}
        self.best_params_ = search.fit(X, y, groups=groups, **more).best_params_
        self.trees_ = clone(self.trees).set_params(**self.best_params_).fit(X, y, **more)
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """Return predictions (n,)."""
        return self.trees_.predict(X)


def make_model(
    model: str,
    source: PathLike | Source = "mpt",
    *,
    seed: int = 0,
    max_epochs: int | Literal["auto"] = "auto",
    n_trees: int = 100,
) -> TransferRegressor | Pipeline:
    """Return the unfitted regressor of a model name at default settings.

    Parameters
    ----------
    model : {"transfer", "scratch", "random forest", "XGBoost"}
        Trees read the Magpie attributes; "scratch" is the network of the source from random
        weights.
    source : str, path-like or Source, default="mpt"
        Where transfer begins.
    seed : int, default=0
        Seed of all random numbers.
    max_epochs : "auto" or int, default="auto"
        Epochs of the networks.
    n_trees : int, default=100
        Trees of the random forest.

    Returns
    -------
    regressor
    """
    if model == TRANSFER:
        return TransferRegressor(source, max_epochs=max_epochs, random_state=seed)
    if model == SCRATCH:
        network = _scratch_network(load_source(source)).name
        return TransferRegressor(None, network=network, max_epochs=max_epochs, random_state=seed)
    return make_pipeline(AttributesAndColumns(), _trees(model, seed, n_trees))


def make_classifier(
    model: str,
    source: PathLike | Source = "mpt",
    *,
    seed: int = 0,
    max_epochs: int | Literal["auto"] = "auto",
) -> TransferClassifier | Pipeline:
    """Return the unfitted classifier of a model name at default settings.

    Parameters
    ----------
    model : {"transfer", "scratch", "random forest"}
        The forest of 300 trees reads the Magpie attributes.
    source, seed, max_epochs
        As in `make_model`.

    Returns
    -------
    classifier
    """
    if model == TRANSFER:
        return TransferClassifier(source, max_epochs=max_epochs, random_state=seed)
    if model == SCRATCH:
        network = _scratch_network(load_source(source)).name
        return TransferClassifier(None, network=network, max_epochs=max_epochs, random_state=seed)
    return make_pipeline(
        AttributesAndColumns(), RandomForestClassifier(300, n_jobs=-1, random_state=seed)
    )


def make_nested_model(
    model: str,
    groups: IntArray,
    *,
    source: PathLike | Source,
    seed: int,
    max_epochs: int | Literal["auto"],
    weights: FloatArray | None = None,
) -> tuple[TransferRegressor | Pipeline, dict[str, Any]]:
    """Return an unfitted model that chooses its settings inside its training rows.

    Parameters
    ----------
    model : str
        As in `make_model`; the settings of trees, `CHOICES`, are chosen by cross-validation.
    groups : int array (n,)
        Of the training rows. Rows of one group stay together in that choice.
    source, seed, max_epochs
        As in `make_model`.
    weights : float array (n,) or None, default=None
        Of the training rows.

    Returns
    -------
    regressor
    fit_arguments : dict
        What its `fit` takes beside X and y.
    """
    if model not in CHOICES:
        network = make_model(model, source, seed=seed, max_epochs=max_epochs)
        return network, {"sample_weight": weights}
    trees = _trees(model, seed)
    if model == BOOSTING:
        trees.set_params(**_BOOSTING_SETTINGS)
    inner = GroupKFold(min(_INNER_FOLDS, len(np.unique(groups))), shuffle=True, random_state=seed)
    few = {"n_estimators": _SEARCH_TREES} if model == FOREST else {}
    searched = SearchedTrees(trees, CHOICES[model], inner, few)
    arguments = {"groups": groups, "sample_weight": weights}
    named = {f"searchedtrees__{name}": value for name, value in arguments.items()}
    return make_pipeline(AttributesAndColumns(), searched), named


def chosen_settings(fitted: TransferRegressor | Pipeline) -> dict[str, Any]:
    """Return what a fitted nested model chose: setting to value, empty if it had no choice."""
    return getattr(fitted[-1], "best_params_", {}) if isinstance(fitted, Pipeline) else {}


def model_titles(source: PathLike | Source, name: str) -> dict[str, str]:
    """Return the names of the models as people read them: model to text.

    Parameters
    ----------
    source : str, path-like or Source
        Where transfer begins.
    name : str
        What its user calls it.
    """
    return {
        TRANSFER: f"fine-tuned from {name}",
        SCRATCH: _scratch_title(load_source(source)),
        FOREST: "random forest on Magpie",
        BOOSTING: "XGBoost on Magpie",
    }


def _scratch_network(source: Source) -> Architecture:
    """Return the architecture of the source, or the default one if that only fine-tunes."""
    own = find_architecture(source.card.network["name"])
    return own if own.from_scratch else default_architecture(own.reads)


def _scratch_title(source: Source) -> str:
    """Name the network from scratch; it has the default size, whatever that of the source is."""
    network, chosen = source.card.network, _scratch_network(source)
    if chosen.name != network["name"]:
        return f"network from scratch ({chosen.title})"
    return f"same {'kind of network' if network['arguments'] else 'network'} from scratch"


def _trees(model: str, seed: int, n_trees: int = 100) -> BaseEstimator:
    if model == FOREST:
        return RandomForestRegressor(n_trees, n_jobs=-1, random_state=seed)
    if model != BOOSTING:
        raise InputError(f"Got model={model!r}, expected one of the names in MODELS.")
    from xgboost import XGBRegressor

    return XGBRegressor(random_state=seed)
