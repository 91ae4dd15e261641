"""Loading a fitted estimator from a file."""

from __future__ import annotations

from typing import TypeAlias, cast

from sktl._types import PathLike
from sktl.estimators._classifier import TransferClassifier
from sktl.estimators._files import read_model
from sktl.estimators._regressor import TransferRegressor
from sktl.estimators.stack import TransferStackClassifier, TransferStackRegressor

SavedModel: TypeAlias = (
    TransferRegressor | TransferClassifier | TransferStackRegressor | TransferStackClassifier
)


def load_model(path: PathLike, sha256: str | None = None) -> SavedModel:
    """Return the fitted estimator of a file that its method ``save`` wrote.

    Nothing in the file is executed: it is read by safetensors, JSON and skops, and makes objects of
    sktl, scikit-learn and numpy only. Its hash is compared before, its predictions afterwards.

    Parameters
    ----------
    path : path-like
        The file.
    sha256 : str, optional
        Hash of the whole file from elsewhere, compared before anything is parsed.

    Returns
    -------
    TransferRegressor, TransferClassifier, TransferStackRegressor or TransferStackClassifier
        Fitted; predictions are those of the estimator that was saved, to a millionth. Its
        ``file_`` is a dict with the target, unit, versions and date that the file states.

    Raises
    ------
    ModelIntegrityError
        The file is damaged, is no model, is of a newer version of sktl, or predicts something else
        than it did when it was saved.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sktl import TransferRegressor, load_model
    >>> model = TransferRegressor(max_epochs=1, random_state=0)
    >>> model = model.fit(["NaCl", "Si", "GaAs"], [8.5, 1.1, 1.4])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "gap.sktl"
    ...     model.save(path, target="band gap", unit="eV")
    ...     again = load_model(path)
    >>> bool((again.predict(["ZnO"]) == model.predict(["ZnO"])).all()), again.file_["target"]
    (True, {'name': 'band gap', 'unit': 'eV'})
    """
    return cast(SavedModel, read_model(path, sha256))
