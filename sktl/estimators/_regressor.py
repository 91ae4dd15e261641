"""TransferRegressor: fine-tune a pretrained network on measured values."""

import warnings

import numpy as np
from sklearn.base import RegressorMixin

from sktl._checks import check_numbers
from sktl._state import stored
from sktl.estimators._base import TransferEstimator
from sktl.estimators._input import read_input
from sktl.estimators._uncertainty import UncertainPredictions, Uncertainty
from sktl.exceptions import InputError, TransferWarning
from sktl.sources import run_rows
from sktl.training import NumberTarget, SourceTarget, ZeroInflatedTarget


@stored("transfer-regressor/1")
class TransferRegressor(UncertainPredictions, RegressorMixin, TransferEstimator):
    """Predict a property of materials by fine-tuning a network pretrained on a large database.

    The body of the source, all or its deeper groups, and a new head are trained on the rows given
    to `fit`; the first `freeze_depth` depth groups stay as they were pretrained. Several members
    with different validation rows are trained and averaged.

    Parameters
    ----------
    source : str, path-like, Source or None, default="mpt"
        Where the weights come from: the name of a source (see `list_sources`), a source file, a
        loaded source, or None for the same network from random weights, trained from scratch.
    network : {"auto", "composition", "elemnet", "alignn"}, default="auto"
        The network when `source` is None. "auto" takes CompositionNet for formulas, ALIGNN for
        structures and a residual network for numeric columns, which are then features of any
        meaning; "composition" reads numeric X as elemental fractions, and the compositions of
        structures; "elemnet" is ElemNet.
    network_arguments : dict or None, default=None
        Further arguments of the network when `source` is None, such as ``{"hidden": 128}``; see
        `sktl.networks`. What is not given is the network's default, but ALIGNN has 2 blocks of
        each kind and width 64: 800 small crystals then take minutes, and not hours, on one core.
    freeze_depth : int, default=0
        Depth groups, counted from the input, that are not trained: 0 trains all, the number of
        groups less one trains only the head.
    reset_head : bool, default=True
        True starts from a new head. False keeps the source's head, for a property of its card in
        its unit; of several properties the one whose predictions are nearest to the training `y`.
    n_members : int, default=1
        Networks, each with other rows held back, whose outputs are averaged. Two or three lower
        the error by some percent and cost as many times the time, in `fit` and `predict`.
    max_epochs : "auto" or int, default="auto"
        Passes over the training rows, in which the learning rate rises and falls to zero; "auto"
        is 12 with a source and 40 without, or as many as make 200 steps, if that is more.
    learning_rate : "auto" or float, default="auto"
        Highest learning rate; "auto" is 6e-4 with a source of formulas, 2e-3 with one of crystals
        (three times that for the head), without a source 1e-3, and 3e-3 on crystals.
    validation_fraction : float, default=0.1
        Share of the rows that each member holds back. Their errors say how uncertain predictions
        are, and their losses are in `history_`; training does not depend on them. Rows of one
        composition stay together. Under five such rows nothing is held back. 0 trains on all
        rows, and gives no uncertainty.
    zero_inflated : {"auto"} or bool, default="auto"
        Model P(y > 0) and the value where y > 0 besides the value itself; validation rows choose
        which of them predict. "auto" does so where a tenth to nine tenths of the targets are
        exactly 0 and none is negative.
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
    target_ : object
        Centre, scale and rule by which outputs become predictions.
    uncertainty_ : Uncertainty or None
        What the errors on the validation rows teach; None where there are no such rows. Its
        ``mae`` is the mean absolute error on them, of members taken alone.
    head_property_ : str or None
        Property whose head was kept with ``reset_head=False``.
    training_sha256_ : str
        Hash of the training rows, whatever their order.
    examples_ : list
        Three training rows, by which a model that was saved is checked when it is loaded.
    n_features_in_ : int
        1 for formulas and structures, else the number of numeric columns.
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

    def __init__(
        self,
        source="mpt",
        *,
        network="auto",
        network_arguments=None,
        freeze_depth=0,
        reset_head=True,
        n_members=1,
        max_epochs="auto",
        learning_rate="auto",
        validation_fraction=0.1,
        zero_inflated="auto",
        unseen_elements="error",
        device="auto",
        random_state=None,
    ):
        self.source = source
        self.network = network
        self.network_arguments = network_arguments
        self.freeze_depth = freeze_depth
        self.reset_head = reset_head
        self.n_members = n_members
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.zero_inflated = zero_inflated
        self.unseen_elements = unseen_elements
        self.device = device
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Fine-tune on measured values.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            Strings, pymatgen Composition or pymatgen Structure in a list, tuple, Series,
            one-column DataFrame or array; or elemental fractions (n, 103 or 118); or any numeric
            columns if `source` is None. A source that reads crystals needs structures; of
            structures, other sources read the composition.
        y : array-like (n,) or (n, k)
            Targets, in any unit and of any scale.
        sample_weight : array-like (n,), optional
            Weight of each row.

        Returns
        -------
        self
        """
        data = read_input(self, X, fitting=True)
        y = check_numbers(data, y, estimator=type(self).__name__)
        self.single_output_ = y.ndim == 1
        self.uncertainty_ = None
        return self._fit(data, y.reshape(len(y), -1), sample_weight, self._make_target)

    def _predict_rows(self, data, with_features):
        rows = self._encode(data)
        if not with_features:
            return self.target_.decode(self._outputs(rows)), None
        features, outputs = self._features_and_outputs(rows)
        return self.target_.decode(outputs), features

    def _labels(self, y):
        return self._shaped(y)

    def _shaped(self, values):
        return values[:, 0] if self.single_output_ else values

    def _lowest(self):
        return self.target_.lowest

    def _calibrate(self, features, outputs, targets, weights):
        predictions = [self.target_.decode(part[None]) for part in outputs]
        errors = [np.abs(p - y) for p, y in zip(predictions, targets, strict=True)]
        self.uncertainty_ = Uncertainty(features, errors, weights)

    def _check_parameters(self):
        super()._check_parameters()
        if self.zero_inflated not in ("auto", True, False):
            raise InputError(
                f"Got zero_inflated={self.zero_inflated!r}, expected 'auto', True or False."
            )
        if not self.reset_head and (self.source is None or not self.single_output_):
            raise InputError(
                "Got reset_head=False, expected True: only a source has a head to keep, for one "
                "output."
            )

    def _make_target(self, encoded, y, weights, source):
        self.head_property_ = None
        if not self.reset_head:
            return self._source_target(encoded, y, weights, source)
        if self.zero_inflated is True and (y.shape[1] != 1 or (y < 0).any()):
            raise InputError(
                "Got zero_inflated=True, expected one target column without negative values."
            )
        if self.zero_inflated is True or (
            self.zero_inflated == "auto" and ZeroInflatedTarget.fits(y, weights)
        ):
            return ZeroInflatedTarget(y, weights)
        return NumberTarget(y, weights)

    def _source_target(self, encoded, y, weights, source):
        """Choose the head of the source that is nearest to y, and take over its scale."""
        found = source.card.to_units(run_rows(source.network, encoded))
        errors = np.average(np.abs(found - y), axis=0, weights=weights)
        best = int(np.argmin(errors))
        card = source.card.properties[best]
        self.head_property_ = card.name
        spread = np.average(np.abs(y - np.median(y))[:, 0], weights=weights)
        if errors[best] > spread:
            warnings.warn(
                f"The head of {card.name} ({card.unit}) is kept, but its mean absolute error on "
                f"the training rows, {errors[best]:.3g}, is above that of their median, "
                f"{spread:.3g}: another property or unit?",
                TransferWarning,
                stacklevel=5,
            )
        target = SourceTarget(card)
        with np.errstate(invalid="ignore", divide="ignore"):
            outside = y[~np.isfinite(target.encode(y))]
        if len(outside):
            raise InputError(
                f"Got y={outside[0]} with reset_head=False, expected values that the head of "
                f"{card.name} ({card.unit}, on a {card.transform} scale) can give."
            )
        return target

    def _new_network(self, source, seed, encoded):
        if self.reset_head:
            return super()._new_network(source, seed, encoded)
        network = source.new_network()
        network.keep_outputs([source.card.property_names.index(self.head_property_)])
        return network

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
