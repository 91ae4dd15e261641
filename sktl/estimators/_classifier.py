"""TransferClassifier: fine-tune a pretrained network on classes."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from sktl._checks import check_labels
from sktl._state import stored
from sktl.estimators._base import TransferEstimator
from sktl.estimators._input import read_input
from sktl.exceptions import InputError
from sktl.training import ClassTarget


@stored("transfer-classifier/1")
class TransferClassifier(ClassifierMixin, TransferEstimator):
    """Predict classes of materials by fine-tuning a network pretrained on a large database.

    The body of the source, all or its deeper groups, and a new head with an output for each class
    are trained by cross-entropy; the first `freeze_depth` depth groups stay as they were
    pretrained. Several members with different validation rows are trained and their probabilities
    averaged.

    Parameters
    ----------
    source : str, path-like, Source or None, default="mpt"
        Where the weights come from; see `TransferRegressor`.
    network : {"auto", "composition", "elemnet", "alignn"}, default="auto"
        The network when `source` is None; see `TransferRegressor`.
    network_arguments : dict or None, default=None
        Further arguments of that network; see `TransferRegressor`.
    freeze_depth : int, default=0
        Depth groups, counted from the input, that are not trained.
    n_members : int, default=1
        Networks, each with other rows held back, whose probabilities are averaged; see
        `TransferRegressor`.
    max_epochs : "auto" or int, default="auto"
        Passes over the training rows, in which the learning rate rises and falls to zero; "auto"
        is 12 with a source and 40 without, or as many as make 200 steps, if that is more.
    learning_rate : "auto" or float, default="auto"
        Highest learning rate; "auto" is 6e-4 with a source of formulas, 2e-3 with one of crystals
        (three times that for the head), 1e-3 without.
    validation_fraction : float, default=0.1
        Share of the rows that each member holds back, whose losses are in `history_`.
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
    networks_ : list of Network, length n_members
        The trained networks.
    history_ : list of skorch History, length n_members
        Losses and rates of each epoch.
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
        source="mpt",
        *,
        network="auto",
        network_arguments=None,
        freeze_depth=0,
        n_members=1,
        max_epochs="auto",
        learning_rate="auto",
        validation_fraction=0.1,
        unseen_elements="error",
        device="auto",
        random_state=None,
    ):
        self.source = source
        self.network = network
        self.network_arguments = network_arguments
        self.freeze_depth = freeze_depth
        self.n_members = n_members
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.unseen_elements = unseen_elements
        self.device = device
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
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
        data = read_input(self, X, fitting=True)
        y = check_labels(data, y, estimator=type(self).__name__)
        check_classification_targets(y)
        self.classes_, place = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                f"Got one class, {self.classes_.tolist()[0]!r}, expected at least two classes in y."
            )
        return self._fit(data, place.reshape(-1, 1), sample_weight, self._make_target)

    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `fit`.

        Returns
        -------
        ndarray (n, c), float64
            Columns in the order of `classes_`; rows sum to 1.
        """
        data = read_input(self, X, fitting=False)
        return self.target_.decode(self._outputs(self._encode(data)))

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `fit`.

        Returns
        -------
        ndarray (n,)
            Labels from `classes_`.
        """
        chances = self.predict_proba(X)
        return self.classes_[chances.argmax(axis=1)]

    def _screen(self, data, coverage):
        features, outputs = self._features_and_outputs(self._encode(data))
        chances = self.target_.decode(outputs)
        columns = {"prediction": self.classes_[chances.argmax(axis=1)]}
        named = zip(self.classes_, chances.T, strict=True)
        return columns | {f"probability_{name}": part for name, part in named}, features

    def _labels(self, y):
        return self.classes_[y[:, 0]]

    def _make_target(self, encoded, y, weights, source):
        return ClassTarget(len(self.classes_))
