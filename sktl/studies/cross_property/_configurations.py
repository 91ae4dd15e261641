"""The configurations of the cross-property paper, and sktl's own, as unfitted estimators.

Names are those of the paper's Table 1, doi:10.1038/s41467-021-26921-5. SC is training from scratch,
TL transfer learning, ML means tree ensembles, DL the networks, EF elemental fractions, PA physical
attributes. What the paper chooses by validation error (the learner, the network, the source, the
layer) is a variant, or is chosen inside one. What the names of transfer are taken to mean:

- FeatExtr: the activations of one layer of the source, chosen by validation among all but the
  output layer, are features for trees (ML) or for a network from scratch (DL).
- FineTune: all pretrained weights are the start, those of the output layer included.
- ModFineTune: the same, but with a new output layer.
- freezing: a network from scratch on the activations of the last layer before the output.

"freeze depth" and "learning curve" are not in the paper. They serve figures, on some data sets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.pipeline import make_pipeline

from sktl.estimators import TransferRegressor, TransferStackRegressor
from sktl.evaluation import BOOSTING, BUDGET, FOREST, Budget, TunedRegressor
from sktl.representations import MatminerTransformer
from sktl.studies.cross_property._layers import BestLayer
from sktl.studies.cross_property._pretrained_head import PretrainedHeadRegressor

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

EXTRA_TREES = "ExtraTrees"
LEARNING_CURVE, FREEZE_DEPTH = "learning curve", "freeze depth"
CURVE_ROWS = (100, 200, 400, 800, 1600, 3200)
FREEZE_DEPTHS = (2, 4, 6, 8)  # of the nine depth groups of "mpt"; the head is never frozen
# Shares of the columns that a split of the trees may choose from. Activations are up to 1,024
# columns that tell nearly the same.
_ALL_COLUMNS, _SOME_COLUMNS = 1.0, 0.1
_SOURCES = {
    "ElemNet": "oqmd-elemnet",
    "CompositionNet oqmd": "oqmd",
    "CompositionNet mpt": "mpt",
}
# Tuned trees and networks on activations cost the most: they get one source for each network.
_EXTRACTED = {name: _SOURCES[name] for name in ("ElemNet", "CompositionNet mpt")}


@dataclass(frozen=True)
class Task:
    """What a configuration may know before it sees data.

    Attributes
    ----------
    seed : int
        Seed of every random number.
    n_validation : int
        How many rows at the end of the training rows are for validation.
    budget : Budget
        Of each search for hyperparameters.
    """

    seed: int
    n_validation: int
    budget: Budget = BUDGET


@dataclass(frozen=True)
class Variant:
    """One candidate of a configuration.

    Attributes
    ----------
    make : callable
        From a `Task` to an unfitted estimator, which reads formulas. If its last step has a number
        ``validation_mae_`` after `fit`, that is its validation error.
    holdout : bool
        Whether an estimator without that number is fitted a second time, without the validation
        rows, to get its validation error. If not, the error is that on the rows that it held out
        on its own. These are the same for all variants of a configuration that read the same.
    n_rows : int or None
        Training rows; None is all. With one seed, a smaller set is part of every larger one.
    """

    make: Callable[[Task], BaseEstimator]
    holdout: bool = True
    n_rows: int | None = None


_Features: TypeAlias = Callable[[Task], BestLayer | MatminerTransformer]


def _mean(task: Task) -> DummyRegressor:
    return DummyRegressor()


def _fractions(task: Task) -> MatminerTransformer:
    from matminer.featurizers.composition import ElementFraction

    return MatminerTransformer(ElementFraction())


def _attributes(task: Task) -> MatminerTransformer:
    return MatminerTransformer("magpie", missing="impute")


def _activations(source: str, task: Task, layers: str = "all") -> BestLayer:
    return BestLayer(source, layers=layers, n_validation=task.n_validation, random_state=task.seed)


def _trees(features: _Features, learner: str, max_features: float, task: Task) -> Pipeline:
    """Return features of a formula with one of the tree ensembles behind them."""
    if learner == EXTRA_TREES:
        model = ExtraTreesRegressor(max_features=max_features, n_jobs=1, random_state=task.seed)
    else:
        model = TunedRegressor(
            learner, n_validation=task.n_validation, budget=task.budget, random_state=task.seed
        )
    return make_pipeline(features(task), model)


def _learners(features: _Features, max_features: float = _ALL_COLUMNS) -> dict[str, Variant]:
    """Return the variants of machine learning on some features."""
    return {
        name: Variant(partial(_trees, features, name, max_features))
        for name in (FOREST, BOOSTING, EXTRA_TREES)
    }


def _transfer(task: Task, trees: bool = False, **parameters: Any) -> TransferRegressor:
    return TransferRegressor(trees=trees, random_state=task.seed, **parameters)


def _network(features: _Features, network: str, task: Task) -> Pipeline:
    """Return features of a formula with a network from scratch behind them."""
    return make_pipeline(features(task), _transfer(task, source=None, network=network))


def _pretrained_head(source: str, task: Task) -> PretrainedHeadRegressor:
    return PretrainedHeadRegressor(source, random_state=task.seed)


def _stack(task: Task, **parameters: Any) -> TransferStackRegressor:
    return TransferStackRegressor(**parameters, random_state=task.seed)


def _networks(features: _Features) -> dict[str, Variant]:
    """Return the variants of networks from scratch on numeric features."""
    return {
        "ColumnNet": _trained(_network, features, "auto"),
        "ElemNet": _trained(_network, features, "elemnet"),
    }


def _on_activations(layers: str) -> dict[str, Variant]:
    """Return the variants of networks from scratch on the activations of each source."""
    return {
        name: Variant(partial(_network, partial(_activations, source, layers=layers), "auto"))
        for name, source in _EXTRACTED.items()
    }


def _trained(make: Callable[..., BaseEstimator], *arguments: Any, **parameters: Any) -> Variant:
    """Return a variant whose last step knows its validation error."""
    return Variant(partial(make, *arguments, **parameters), holdout=False)


def _extractions() -> dict[str, Variant]:
    """Return the variants of trees on the activations of a source."""
    return {
        f"{name if source in name else f'{name} {source}'}, {learner}": variant
        for name, source in _EXTRACTED.items()
        for learner, variant in _learners(partial(_activations, source), _SOME_COLUMNS).items()
    }


def _curves() -> dict[str, Variant]:
    """Return the variants of the learning curves; their ends are other configurations."""
    models = {
        "transfer": _trained(_transfer, trees=True),
        "scratch": _trained(_transfer, source=None),
        BOOSTING: Variant(partial(_trees, _attributes, BOOSTING, _ALL_COLUMNS)),
    }
    return {
        f"{name}, {n_rows} rows": replace(variant, n_rows=n_rows)
        for n_rows in CURVE_ROWS
        for name, variant in models.items()
    }


CONFIGURATIONS: dict[str, dict[str, Variant]] = {
    "Base": {"mean": Variant(_mean)},
    "SC:ML(EF)": _learners(_fractions),
    "SC:ML(PA)": _learners(_attributes),
    "SC:DL(EF)": {
        "CompositionNet": _trained(_transfer, source=None),
        "ElemNet": _trained(_transfer, source=None, network="elemnet"),
    },
    "SC:DL(PA)": _networks(_attributes),
    "TL:ML(FeatExtr)": _extractions(),
    "TL:DL(FeatExtr)": _on_activations("all"),
    "TL:FineTune": {name: _trained(_pretrained_head, source) for name, source in _SOURCES.items()},
    "TL:ModFineTune": {
        name: _trained(_transfer, source=source) for name, source in _SOURCES.items()
    },
    "TL:freezing": _on_activations("last"),
    "sktl:TransferRegressor": {"defaults": _trained(_transfer, trees=True)},
    "sktl:TransferStackRegressor": {"defaults": _trained(_stack)},
    # configurations of their own, since a variant is chosen by its absolute error
    "sktl:TransferRegressor, means": {
        "squared_error": _trained(_transfer, trees=True, criterion="squared_error")
    },
    "sktl:TransferStackRegressor, means": {
        "squared_error": _trained(_stack, criterion="squared_error")
    },
    FREEZE_DEPTH: {
        f"CompositionNet mpt, {depth} frozen": _trained(_transfer, source="mpt", freeze_depth=depth)
        for depth in FREEZE_DEPTHS
    },
    LEARNING_CURVE: _curves(),
}
# Where a point of the learning curves with all rows is found.
CURVE_ENDS = {
    "transfer": ("sktl:TransferRegressor", "defaults"),
    "scratch": ("SC:DL(EF)", "CompositionNet"),
    BOOSTING: ("SC:ML(PA)", BOOSTING),
}
