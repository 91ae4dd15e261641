"""TransferRegressor: fine-tune a pretrained network on measured values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from sktl._checks import check_numbers
from sktl._state import stored
from sktl._types import ArrayLike, FloatArray, IntArray, MaterialsLike, PathLike
from sktl.estimators._bounds import check_bounds
from sktl.estimators._criterion import ABSOLUTE, SQUARED, Criterion, check_criterion, check_means
from sktl.estimators._input import UnseenElements, read_materials
from sktl.estimators._materials_regressor import MaterialsRegressor
from sktl.estimators._members import (
    Members,
    Part,
    TrainingRows,
    judge_members,
    learn_domain,
)
from sktl.estimators._source_head import source_target
from sktl.estimators._transfer_model import TransferModel
from sktl.estimators._trees import Trees, add_trees
from sktl.estimators._uncertainty import Features, Uncertainty
from sktl.estimators._upgrades import upgrade_regressor, upgrade_without_trees
from sktl.exceptions import InputError
from sktl.networks import Network
from sktl.representations import Materials, Rows
from sktl.sources import Source
from sktl.training import (
    BoundedTarget,
    MeanTarget,
    NumberTarget,
    Policy,
    ZeroInflatedTarget,
    one_thread,
)

if TYPE_CHECKING:
    from sklearn.utils import Tags

HEADS = ("auto", "linear", "zero-inflated", "source")


@stored("transfer-regressor/3", upgrades=[upgrade_regressor, upgrade_without_trees])
class TransferRegressor(TransferModel, MaterialsRegressor):
    """Predict a property of materials by fine-tuning a network pretrained on a large database.

    The body of the source, all or its deeper groups, and a new head are trained on the rows given
    to `fit`; the first `freeze_depth` depth groups stay as they were pretrained. Several members
    with different validation rows are trained and averaged.

    Parameters
    ----------
    source : str, path-like, Source or None, default="mpt"
        Where the weights come from: the name of a source (see `list_sources`), a source file, a
        loaded source, or None for the same network from random weights, trained from scratch.
    material : str, default="auto"
        Name of the column of formulas or structures, where X is a frame with further columns:
        temperature, processing, level of theory and the like. "auto" takes the only column that
        can be it.
    network : "auto" or str, default="auto"
        The network when `source` is None. "auto" takes CompositionNet for formulas, ALIGNN for
        structures and a residual network for numeric columns, which are then features of any
        meaning. Any registered architecture is a choice: "composition", "elemnet", "alignn" and
        "columns" of sktl itself, and those made known by `sktl.register_architecture`.
        "composition" reads numeric X as elemental fractions, and the compositions of structures.
    network_arguments : dict or None, default=None
        Further arguments of the network when `source` is None, such as ``{"hidden": 128}``; see
        `sktl.networks`. What is not given is the network's default, but ALIGNN has 2 blocks of
        each kind and width 64: 800 small crystals then take minutes, and not hours, on one core.
    freeze_depth : int, default=0
        Depth groups, counted from the input, that are not trained: 0 trains all, the number of
        groups less one trains only the head.
    head : {"auto", "linear", "zero-inflated", "source"}, default="auto"
        "linear" is a new linear head; it starts from a linear model on the embedding.
        "zero-inflated" models P(y > 0) and the value where y > 0 besides the value itself, and
        held-out rows choose which of them predict. "auto" takes it where a tenth to nine tenths of
        the targets are exactly 0 and none is negative. "source" keeps the pretrained head, for a
        property of the source's card in its unit; of several properties the one whose predictions
        are nearest to the training `y`.
    criterion : {"absolute_error", "squared_error"}, default="absolute_error"
        What is made small: absolute errors, by predicting medians, or squared errors, by
        predicting means. The latter is what R2, and so `score`, asks for; of targets with a heavy
        tail the two differ. The network learns medians in both cases, and held-out rows tell how
        means follow from them; with fewer than 20 of these it learns means. "squared_error" goes
        with a linear head and without bounds.
    n_members : int, default=1
        Networks, each with other rows held out, whose outputs are averaged: the error is some
        percent lower. From a source of formulas they are trained at once, each by updates of low
        rank, and eight take about three times as long as one; their losses are one history.
        Others take as many times the time, and so does `predict`.
    trees : bool, default=True
        A guard against negative transfer, for one target and a source of formulas: trees on
        physical attributes of the composition (and on columns beside it) are fitted to the same
        rows, in a small part of the time. Where held-out rows show that it helps, predictions are
        a weighted mean of both; else the network predicts alone. See ``transfer_report_``.
    max_epochs : "auto" or int, default="auto"
        Epochs over the training rows, in which the learning rate rises and falls to zero; "auto"
        is 12 with a source and 40 without, or as many as make 200 steps, if that is more.
    learning_rate : "auto" or float, default="auto"
        Highest learning rate; "auto" is 6e-4 with a source of formulas, 2e-3 with one of crystals
        (three times that for the head), without a source 1e-3, and 3e-3 on crystals; of several
        members that are trained at once five times that.
    policy : Policy or None, default=None
        All other settings of training: batch size, weight decay, the share of held-out rows and
        more. None is ``Policy()``.
    unseen_elements : {"error", "warn"}, default="error"
        What to do about an element that the source never saw in pretraining.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to train and predict.
    random_state : int, RandomState or None, default=None
        An int makes fits on the CPU repeat bit for bit.

    Attributes
    ----------
    source_ : SourceCard or None
        Card of the source, with its full id.
    source_sha256_ : str or None
        Hash of the source's file; None without a source or for one that is in no file.
    networks_ : list of Network, length n_members
        The trained networks.
    history_ : list of skorch History, length n_members
        Losses and rates of each epoch.
    domain_ : Domain
        The training rows as points, by which `applicability` judges.
    target_ : object
        Centre, scale and rule by which outputs become predictions.
    uncertainty_ : Uncertainty or None
        What the errors on the held-out rows teach; None where there are no such rows. Its
        ``mae`` is the mean absolute error on them, of members taken alone.
    transfer_report_ : str
        In words: whether the source helped, by the held-out rows, and what was done about it.
    trees_ : Trees or None
        Trees that take part in predictions, with their ``share``.
    head_property_ : str or None
        Property whose head was kept with ``head="source"``.
    training_sha256_ : str
        Hash of the training rows, whatever their order.
    examples_ : list
        Three training rows, on which a saved model is checked when it is loaded.
    material_ : str or None
        Name of the column of the materials, where others stand beside it.
    conditions_ : ConditionColumns or None
        What the training rows say of these others: ranges, categories.
    n_features_in_ : int
        Columns of X: 1 for formulas and structures alone.
    feature_names_in_ : ndarray of str
        Names of the columns, where X was a frame.
    n_iter_ : int
        Epochs trained.

    Raises
    ------
    FormulaError, StructureError, UnseenElementError, InputError
        X or y cannot be used; the message names the row and the value.
    SourceNotFoundError, SourceIntegrityError
        The source is unknown or damaged.

    See Also
    --------
    TransferClassifier : The same for classes.
    DeepFeatureTransformer : Feature extraction instead of fine-tuning.

    Notes
    -----
    Polymorphs and repeated measurements share a formula: split by composition when you
    cross-validate (``GroupKFold``), or their targets leak. Rows that agree in composition and
    target are one row with their weights added, so sample weights equal repeats, and the order of
    rows does not matter.

    References
    ----------
    Gupta et al., Nat. Commun. 12, 6595 (2021), doi:10.1038/s41467-021-26921-5.
    Devi et al., npj Comput. Mater. 10, 300 (2024), doi:10.1038/s41524-024-01486-1.

    Examples
    --------
    >>> from sktl import TransferRegressor
    >>> formulas, gaps = ["NaCl", "GaAs", "TiO2", "Cu"], [8.5, 1.4, 3.2, 0.0]
    >>> model = TransferRegressor(max_epochs=2, random_state=0).fit(formulas, gaps)
    >>> model.predict(["ZnO", "Si"]).shape
    (2,)
    """

    head_property_: str | None
    trees_: Trees | None = None

    def __init__(
        self,
        source: PathLike | Source | None = "mpt",
        *,
        material: str = "auto",
        network: str = "auto",
        network_arguments: dict[str, Any] | None = None,
        freeze_depth: int = 0,
        head: Literal["auto", "linear", "zero-inflated", "source"] = "auto",
        criterion: Criterion = ABSOLUTE,
        n_members: int = 1,
        trees: bool = True,
        max_epochs: int | Literal["auto"] = "auto",
        learning_rate: float | Literal["auto"] = "auto",
        policy: Policy | None = None,
        unseen_elements: UnseenElements = "error",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.source = source
        self.material = material
        self.network = network
        self.network_arguments = network_arguments
        self.freeze_depth = freeze_depth
        self.head = head
        self.criterion = criterion
        self.n_members = n_members
        self.trees = trees
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.policy = policy
        self.unseen_elements = unseen_elements
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        X: MaterialsLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        bounds: ArrayLike | None = None,
    ) -> Self:
        """Fine-tune on measured values.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            Strings, pymatgen Composition, pymatgen Structure or ASE Atoms in a list, tuple, array,
            or series or one-column frame of pandas, polars or pyarrow; or elemental fractions (n,
            103 or 118), or in columns named by elements; or any numeric columns if `source` is
            None. A source that reads crystals needs structures; of structures, other sources read
            the composition. A frame may hold further columns beside the material: numbers, and
            categories (texts or booleans), with missing cells. They change what the network makes
            of the material. Columns in which all rows are alike change nothing.
        y : array-like (n,) or (n, k)
            Targets, in any unit and of any scale.
        sample_weight : array-like (n,), optional
            Weight of each row.
        bounds : array-like of int (n,), optional
            What each target is: 0 the value; -1 a limit that the value is below, as <0.1; 1 one
            that it is above. A limit counts in training only where it is not kept, and has no part
            in the uncertainty.

        Returns
        -------
        self
        """
        materials = read_materials(self, X, fitting=True)
        targets = check_numbers(materials, y, estimator=type(self).__name__)
        sides = None if bounds is None else check_bounds(targets, bounds, self.head)
        return self._fit(materials, targets, sample_weight, sides)

    @one_thread()
    def _fit(
        self,
        materials: Materials,
        y: FloatArray,
        sample_weight: ArrayLike | None = None,
        sides: IntArray | None = None,
        *,
        with_domain: bool = True,
    ) -> Self:
        """Fit to checked input; `with_domain` remembers the rows for `applicability`."""
        self.single_output_ = y.ndim == 1
        self._check_head()
        targets = y.reshape(len(y), -1) if sides is None else np.column_stack([y, sides])
        members = self._train(materials, targets, sample_weight, self.n_members)
        self.trees_, self.transfer_report_ = None, self._why_alone(members)
        self.uncertainty_ = self._judge(members, materials) if members.judged else None
        self.domain_ = learn_domain(self, materials, y) if with_domain else None
        return self

    @one_thread()
    def _fit_apart(
        self,
        materials: Materials,
        y: FloatArray,
        sample_weight: ArrayLike | None,
        parts: Sequence[IntArray],
        seeds: Sequence[int],
    ) -> list[Self]:
        """Return copies of one network each, fitted at once, each to some of the rows."""
        self.single_output_ = y.ndim == 1
        self._check_head()
        models = self._train_apart(materials, y.reshape(len(y), -1), sample_weight, parts, seeds)
        for model in models:
            model.uncertainty_ = model.domain_ = None
            model.transfer_report_ = "The network is one of a stack."
        return models

    def _why_alone(self, members: Members) -> str:
        """Return why there are no trees beside the networks, "" where trees are fitted."""
        if self.source is None:
            return "Nothing was transferred: the network started from random weights."
        crystals = self.input_.architecture.reads == "structures"
        why = "trees would not tell crystals apart" if crystals else ""
        if not members.judged:
            why = "too few rows to hold some out, by which to compare it with trees"
        if members.rows.y.shape[1] > 1 or self.head == "source":
            why = "several targets, limits and the head of a source go without trees"
        if not self.trees:
            why = "trees=False"
        return f"The network predicts alone: {why}." if why else ""

    def _predict_rows(
        self, materials: Materials, with_features: bool
    ) -> tuple[FloatArray, Features]:
        trees, (said, features) = self.trees_, super()._predict_rows(materials, with_features)
        return said if trees is None else trees.mix(said, materials, self._lowest()), features

    def _shaped(self, values: FloatArray) -> FloatArray:
        return values[:, 0] if self.single_output_ else values

    def _lowest(self) -> float:
        return self.target_.lowest

    def _judge(self, members: Members, materials: Materials) -> Uncertainty | None:
        """Choose the share of trees by the held-out rows, and return what their errors teach."""
        features, outputs, weights = judge_members(members, self.target_)
        kept = [self.target_.exact(rows.y) for rows in members.held_out]
        if not all(map(np.any, kept)):
            return None
        n_outputs = 1 if self.single_output_ else members.held_out[0].y.shape[1]
        y = [rows.y[:, :n_outputs] for rows in members.held_out]
        said = [self.target_.decode(part[None]) for part in outputs]
        if not self.transfer_report_:
            self.trees_, said, self.transfer_report_ = add_trees(
                materials, self.conditions_, members, said, self.criterion == SQUARED
            )
        errors = [
            np.abs(part - target)[exact] for part, target, exact in zip(said, y, kept, strict=True)
        ]
        features = [part[exact] for part, exact in zip(features, kept, strict=True)]
        return Uncertainty(features, errors, weights[np.concatenate(kept)])

    def _check_head(self) -> None:
        check_criterion(self.criterion)
        if self.head not in HEADS:
            raise InputError(f"Got head={self.head!r}, expected one of {HEADS}.")
        if self.head == "source" and (self.source is None or not self.single_output_):
            raise InputError(
                "Got head='source', expected another: only a source has a head to keep, for one "
                "output."
            )
        if self.head == "source" and self.conditions_ is not None:
            raise InputError(
                "Got head='source', expected another: the head of a source reads no columns beside "
                f"the material, and X has {list(self.conditions_.columns)}."
            )

    def _choose_target(
        self, rows: TrainingRows, parts: Sequence[Part], source: Source | None
    ) -> NumberTarget:
        """Return how targets enter training, which the head follows."""
        self.head_property_ = None
        y, weights = rows.y, rows.weights
        bounded = self.single_output_ and y.shape[1] == 2  # a number and its side
        if self.criterion == SQUARED:
            check_means(self.head, bounded)
            held_out = [len(part.held_out) for part in parts]
            return MeanTarget(y, weights, sum(held_out) if all(held_out) else 0)
        if bounded:
            return BoundedTarget(y, weights)
        if self.head == "source" and source is not None:
            target, self.head_property_ = source_target(rows, source)
            return target
        if self.head == "zero-inflated" and (y.shape[1] != 1 or (y < 0).any()):
            raise InputError(
                "Got head='zero-inflated', expected one target column without negative values."
            )
        if self.head == "zero-inflated" or (
            self.head == "auto" and ZeroInflatedTarget.fits(y, weights)
        ):
            return ZeroInflatedTarget(y, weights)
        return NumberTarget(y, weights)

    def _new_network(self, source: Source | None, seed: int, encoded: Rows) -> Network:
        """Return the network that a member starts from, for its encoded training rows."""
        if source is None or self.head_property_ is None:
            return super()._new_network(source, seed, encoded)
        network = source.new_network()
        network.keep_outputs([source.card.property_names.index(self.head_property_)])
        return network

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
