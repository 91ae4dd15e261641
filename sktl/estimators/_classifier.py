"""TransferClassifier: fine-tune a pretrained network on classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np

from sktl._checks import check_labels
from sktl._state import stored
from sktl._types import AnyArray, ArrayLike, MaterialsLike, PathLike
from sktl.estimators._input import UnseenElements, read_materials
from sktl.estimators._materials_classifier import MaterialsClassifier
from sktl.estimators._members import (
    Members,
    Part,
    TrainingRows,
    judge_members,
    learn_domain,
)
from sktl.estimators._transfer_model import TransferModel
from sktl.estimators._upgrades import upgrade_classifier
from sktl.exceptions import InputError
from sktl.representations import Materials
from sktl.sources import Source
from sktl.training import ClassTarget, Policy, one_thread

AUTO = "auto"
MEMBERS, MEMBERS_ON_CRYSTALS = 8, 2


@stored("transfer-classifier/2", upgrades=[upgrade_classifier])
class TransferClassifier(TransferModel, MaterialsClassifier):
    """Predict classes of materials by fine-tuning a network pretrained on a large database.

    The body of the source, all or its deeper groups, and a new head with an output for each class
    are trained by cross-entropy; the first `freeze_depth` depth groups stay as they were
    pretrained. The head reads the embedding and physical attributes of the composition, and starts
    from logistic regression on both. Several members with different validation rows are trained,
    their probabilities are calibrated on these rows, and averaged.

    Parameters
    ----------
    source : str, path-like, Source or None, default="mpt"
        Where the weights come from; see `TransferRegressor`.
    material : str, default="auto"
        Name of the column of formulas or structures, where X is a frame with further columns:
        temperature, processing, level of theory and the like. "auto" takes the only column that
        can be it.
    network : "auto" or str, default="auto"
        The network when `source` is None: any registered architecture, also one made known by
        `sktl.register_architecture`; see `TransferRegressor`.
    network_arguments : dict or None, default=None
        Further arguments of that network; see `TransferRegressor`.
    physical_attributes : bool, default=True
        Let the head read physical attributes of the composition (Magpie,
        doi:10.1038/npjcompumats.2016.28) beside the embedding. Of numeric columns there are none.
    freeze_depth : int, default=0
        Depth groups, counted from the input, that are not trained.
    n_members : "auto" or int, default="auto"
        Networks, each with other rows held out, whose probabilities are averaged; "auto" is 8, and
        2 on crystals.
    max_epochs : "auto" or int, default="auto"
        Epochs over the training rows, in which the learning rate rises and falls to zero; "auto"
        is a third of those of `TransferRegressor`, or as many as make 40 steps, if that is more: a
        network soon knows classes by heart.
    learning_rate : "auto" or float, default="auto"
        Highest learning rate; "auto" is twice that of `TransferRegressor`, with larger batches. Of
        a pretrained network the head, which starts from a linear model, learns at .3 of it.
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
    classes_ : ndarray (c,)
        The class labels, sorted.
    source_ : SourceCard or None
        Card of the source, with its full id.
    source_sha256_ : str or None
        Hash of the source's file; None without a source or for one that is in no file.
    validation_log_loss_ : float or None
        Mean cross-entropy of single networks on the rows that they held out; None without any.
    networks_ : list of Network, length n_members
        The trained networks.
    history_ : list of skorch History, length n_members
        Losses and rates of each epoch.
    domain_ : Domain
        The training rows as points, by which `applicability` judges.
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

    See Also
    --------
    TransferRegressor : The same for numeric targets, with notes on leakage and cost.

    References
    ----------
    Gupta et al., Nat. Commun. 12, 6595 (2021), doi:10.1038/s41467-021-26921-5.

    Examples
    --------
    >>> from sktl import TransferClassifier
    >>> formulas, kinds = ["NaCl", "GaAs", "TiO2", "Cu"], ["ionic", "covalent", "ionic", "metal"]
    >>> model = TransferClassifier(max_epochs=2, random_state=0).fit(formulas, kinds)
    >>> model.predict_proba(["ZnO", "Si"]).shape
    (2, 3)
    """

    def __init__(
        self,
        source: PathLike | Source | None = "mpt",
        *,
        material: str = "auto",
        network: str = "auto",
        network_arguments: dict[str, Any] | None = None,
        physical_attributes: bool = True,
        freeze_depth: int = 0,
        n_members: int | Literal["auto"] = "auto",
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
        self.physical_attributes = physical_attributes
        self.freeze_depth = freeze_depth
        self.n_members = n_members
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.policy = policy
        self.unseen_elements = unseen_elements
        self.device = device
        self.random_state = random_state

    def fit(self, X: MaterialsLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fine-tune on class labels.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            See `TransferRegressor.fit`.
        y : array-like (n,)
            Class labels: numbers, strings or booleans; two or more classes.
        sample_weight : array-like (n,), optional
            Weight of each row.

        Returns
        -------
        self
        """
        materials = read_materials(self, X, fitting=True)
        labels = check_labels(materials, y, estimator=type(self).__name__)
        return self._fit(materials, labels, sample_weight)

    @one_thread()
    def _fit(
        self,
        materials: Materials,
        labels: AnyArray,
        sample_weight: ArrayLike | None = None,
        *,
        with_domain: bool = True,
    ) -> Self:
        """Fit to checked input; `with_domain` remembers the rows for `applicability`."""
        place = self._learn_classes(labels)
        members = self._train(
            materials,
            place.reshape(-1, 1),
            sample_weight,
            self._count_members(materials),
            attributed=self.physical_attributes,
        )
        self.validation_log_loss_ = None
        if members.judged:
            self.validation_log_loss_ = self._judge(members)
        self.domain_ = learn_domain(self, materials, labels) if with_domain else None
        return self

    def _judge(self, members: Members) -> float:
        """Calibrate on the held-out rows, and return their cross-entropy."""
        _, outputs, weights = judge_members(members, self.target_)
        chances = self.target_.decode(np.concatenate(outputs)[None])
        place = np.concatenate([rows.y[:, 0] for rows in members.held_out])
        told = np.maximum(chances[np.arange(len(place)), place], np.finfo(float).tiny)
        return float(-np.average(np.log(told), weights=weights))

    def _choose_target(
        self, rows: TrainingRows, parts: Sequence[Part], source: Source | None
    ) -> ClassTarget:
        return ClassTarget(len(self.classes_))

    def _count_members(self, materials: Materials) -> int:
        if isinstance(self.n_members, str):
            if self.n_members != AUTO:
                raise InputError(
                    f"Got n_members={self.n_members!r}, expected 'auto' or an integer of 1 or more."
                )
            return MEMBERS_ON_CRYSTALS if materials.kind == "structures" else MEMBERS
        return self.n_members
