"""The only boundary where user input comes in: X, y, sample weights, the device.

X is formulas (any container of strings or pymatgen Composition), crystals (any container of
pymatgen Structure) or numeric columns. Nothing but `as_objects` makes an object array: numpy gives
a list of Composition or Structure a shape that depends on its content.
"""

import math
import numbers

import numpy as np

from sktl.exceptions import InputError, StructureError


def as_objects(items):
    """Return a one-dimensional object array of the items, whatever they are."""
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array


def as_formulas(X):
    """Return X as a list of formulas, or None where X holds numeric columns.

    Parameters
    ----------
    X : list, tuple, Series, array or one-column DataFrame, length n
        Of str, Composition or Structure, what a user gives.

    Returns
    -------
    list of length n, or None
        Strings and Composition objects as they are, not yet parsed; of structures the Composition.

    Raises
    ------
    InputError
        X is a single formula, is empty, or is neither formulas nor numbers.
    """
    if isinstance(X, str | bytes) or _is_composition(X):
        raise InputError(f"Got X={X!r}, expected a sequence of formulas: [{X!r}].")
    structures = as_structures(X)
    if structures is not None:
        return [structure.composition for structure in structures]
    if not _is_sequence(X):
        raise InputError(
            f"Got X of type {type(X).__name__}, expected a sequence of formulas or a table of "
            "numbers."
        )
    items = _one_column(X)
    if items is not None and not items:
        raise InputError(f"Got X of type {type(X).__name__} with 0 rows, expected at least one.")
    if items is None or any(_is_formula(item) for item in items):
        return items
    _check_rows(items)
    return None


def as_structures(X):
    """Return X as a list of crystal structures, or None where X holds something else.

    Parameters
    ----------
    X : list, tuple, Series, object array or one-column DataFrame of Structure, length n
        What a user gives.

    Returns
    -------
    list of Structure, length n, or None
        The objects as they are; not yet checked.

    Raises
    ------
    InputError
        X is a single structure, holds something else beside structures, or holds the sites into
        which numpy takes structures apart.
    """
    if is_structure(X):
        raise InputError(f"Got X={X.formula!r}, a structure, expected a sequence of them: [X].")
    if not _is_sequence(X):
        return None
    if isinstance(X, np.ndarray) and X.size and _is_site(X.flat[0]):
        raise InputError(
            f"Got an array of shape {X.shape} with sites of structures, into which numpy takes "
            "structures apart, expected the list of structures itself."
        )
    items = _one_column(X)
    if not items or not any(is_structure(item) for item in items):
        return None
    for row, item in enumerate(items):
        if not is_structure(item):
            raise InputError(f"Got {item!r} in row {row} of X, expected a Structure as elsewhere.")
    return items


def check_formulas(X):
    """Return X as a list of formulas; numeric or empty X is an error.

    Parameters
    ----------
    X : list, tuple, Series, array or one-column DataFrame of str or Composition, length n
        What a user gives.

    Returns
    -------
    list of length n

    Raises
    ------
    InputError
        X holds no formulas.
    """
    formulas = as_formulas(X)
    if formulas is None:
        shape = getattr(X, "shape", None) or (len(X),)
        raise InputError(
            f"Got X of type {type(X).__name__} and shape {tuple(shape)}, expected formulas: a "
            "list, Series, one-column DataFrame or array of strings or pymatgen Composition."
        )
    return formulas


def check_materials(X, reads):
    """Return X as a list of what a representation reads.

    Parameters
    ----------
    X : list, tuple, Series, array or one-column DataFrame, length n
        Of str, Composition or Structure, what a user gives.
    reads : {"formulas", "structures"}
        What is wanted. A structure has a composition; a formula has no structure.

    Returns
    -------
    list of length n

    Raises
    ------
    InputError, StructureError
        X holds neither of them, or formulas where structures are wanted.
    """
    if reads == "formulas":
        return check_formulas(X)
    structures = as_structures(X)
    if structures is None:
        formulas = check_formulas(X)
        raise StructureError(
            f"Got the formula {str(formulas[0])!r} in row 0 of X, expected structures, which this "
            "source or network reads; StructureReader makes them from files and ASE Atoms.",
            rows=list(range(len(formulas))),
        )
    return structures


def _one_column(X):
    """Return the items of a one-dimensional or one-column container, else None."""
    if hasattr(X, "columns") and hasattr(X, "iloc"):
        if X.shape[1] == 1:
            return X.iloc[:, 0].tolist()
        for i, name in enumerate(X.columns):
            if kind := _kind_of_column(X.iloc[:, i]):
                _refuse_table(X, f"{kind}: X[[{name!r}]]")
        return None
    if hasattr(X, "tolist") and hasattr(X, "ndim"):
        if X.ndim == 2 and X.shape[1] == 1:
            X = X[:, 0]
        if X.ndim == 2 and getattr(X, "dtype", None) is not None and X.dtype.kind in "OUT":
            for i in range(X.shape[1]):
                if kind := _kind_of_column(X[:, i]):
                    _refuse_table(X, f"{kind}: X[:, {i}]")
        return X.tolist() if X.ndim == 1 and getattr(X, "dtype", None) is not None else None
    if not isinstance(X, list | tuple):
        return None
    if X and all(isinstance(row, list | tuple) and len(row) == 1 for row in X):
        return [row[0] for row in X]
    return list(X)


def _check_rows(items):
    """Raise for a row that is neither a formula nor numbers; numpy's own messages name no row."""
    for row, item in enumerate(items):
        if item is None or isinstance(item, bytes | dict):
            raise InputError(
                f"Got {item!r} in row {row} of X, expected a formula (str or Composition) or "
                "numbers."
            )
    if isinstance(items[0], list | tuple) and any(_is_formula(part) for part in items[0]):
        raise InputError(
            f"Got {items[0]!r} in row 0 of X, expected one formula a row. Other columns can stand "
            "beside it in a ColumnTransformer."
        )


def _kind_of_column(column):
    """Return "formulas" for text other than numbers and Composition, "structures", or None."""
    if not (column.dtype == object or str(column.dtype).lower().startswith(("<u", "str"))):
        return None
    if any(_is_formula(item) and not _is_number(item) for item in column):
        return "formulas"
    return "structures" if any(is_structure(item) for item in column) else None


def _refuse_table(X, column):
    raise InputError(
        f"Got X of type {type(X).__name__} with {X.shape[1]} columns, expected one column of "
        f"{column}. Other columns can stand beside it in a ColumnTransformer."
    )


def _is_sequence(X):
    if hasattr(X, "shape") or hasattr(X, "__array__"):  # a kind of sparse matrix is a dict
        return True
    return hasattr(X, "__len__") and not isinstance(X, dict | set | frozenset)


def _is_composition(item):
    return hasattr(item, "get_el_amt_dict")


def is_structure(item):
    """Tell whether an item is a pymatgen Structure, without importing pymatgen."""
    return hasattr(item, "lattice") and hasattr(item, "sites")


def _is_site(item):
    return hasattr(item, "lattice") and hasattr(item, "species") and not is_structure(item)


def _is_formula(item):
    return isinstance(item, str) or _is_composition(item)


def name_row(X, row):
    """Return "row 3 ('NaCl')" for messages; X is a list of materials or a numeric array."""
    if not isinstance(X, list):
        return f"row {row}"
    item = X[row].formula if is_structure(X[row]) else str(X[row])
    return f"row {row} ({item!r})"


def check_numbers(X, y, *, estimator):
    """Return numeric targets as a float64 array (n,) or (n, k).

    Parameters
    ----------
    X : list of formulas, or array (n, d)
        Names the rows in messages.
    y : array-like (n,) or (n, k)
        Targets; text that is no number, NaN and infinity are errors.
    estimator : str
        Name for messages.

    Raises
    ------
    InputError
        y is missing, of another length, or holds a value that is no finite number.
    """
    y = _target_array(X, y, estimator)
    if y.dtype.kind not in "fiub":
        for row, value in enumerate(y.tolist()):
            if not all(_is_number(part) for part in np.ravel(value)):
                raise InputError(f"Got y={value!r} in {name_row(X, row)}, expected a number.")
    if y.dtype.kind in "mM":
        raise InputError(f"Got y of type {y.dtype}, expected numbers.")
    if np.iscomplexobj(y):
        raise InputError("Complex data not supported: got complex y, expected real numbers.")
    y = y.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(y.reshape(len(y), -1)).all(axis=1))
    if len(bad):
        raise InputError(
            f"Input y contains NaN or infinity: got y={y[bad[0]]} in {name_row(X, bad[0])}, "
            f"expected a finite number ({len(bad)} such rows)."
        )
    return y


def check_labels(X, y, *, estimator):
    """Return class labels as an array (n,); see `check_numbers` for the errors."""
    y = _target_array(X, y, estimator)
    if y.ndim == 2:
        from sklearn.utils.validation import column_or_1d

        y = column_or_1d(y, warn=True)
    for row, value in enumerate(y.tolist()):
        if _is_missing(value):
            raise InputError(
                f"Input y contains NaN or infinity: got y={value!r} in {name_row(X, row)}, "
                "expected a label."
            )
    try:
        np.unique(y)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in y})
        raise InputError(f"Got labels of types {kinds} in y, expected one type.") from error
    return y


def _target_array(X, y, estimator):
    if y is None:
        raise InputError(
            f"This {estimator} estimator requires y to be passed, but the target y is None."
        )
    try:
        y = np.asarray(y)
    except ValueError as error:
        raise InputError(f"Got y that is no array: {error}.") from error
    if y.ndim not in (1, 2) or (y.ndim == 2 and y.shape[1] == 0):
        raise InputError(f"y should be a 1d array or (n, k): got an array of shape {y.shape}.")
    if len(y) != len(X):
        raise InputError(
            f"Got {len(X)} rows in X and {len(y)} in y: inconsistent numbers of samples."
        )
    return y


def _is_number(value):
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return isinstance(value, numbers.Number)


def _is_missing(label):
    if isinstance(label, float):
        return not math.isfinite(label)
    return label is None or type(label).__name__ == "NAType"  # pandas.NA, without importing pandas


def check_weights(X, weights):
    """Return sample weights of the n rows of X as float64 (n,); None gives ones.

    Raises
    ------
    InputError
        A weight is negative or not finite, all are zero, or there are not n of them.
    """
    n = len(X)
    if weights is None:
        return np.ones(n)
    try:
        weights = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"Got sample_weight that are not numbers: {error}.") from error
    if weights.ndim == 0:
        weights = np.full(n, weights)
    if weights.shape != (n,):
        raise InputError(
            f"Sample weights must be 1D array or scalar: got shape {weights.shape}, expected "
            f"({n},)."
        )
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise InputError(
            f"Got sample_weight={weights[bad[0]]} in {name_row(X, bad[0])}, expected a finite "
            "number >= 0."
        )
    if not weights.any():
        raise InputError("Got only zeros in sample_weight, expected at least one positive weight.")
    return weights


def resolve_device(device):
    """Return "cpu" or a CUDA device for the parameter `device`; "auto" prefers CUDA."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except (RuntimeError, TypeError) as error:
        raise InputError(f"Got device={device!r}, expected 'auto', 'cpu' or 'cuda'.") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError(f"Got device={device!r}, but this machine has no CUDA device.")
    return device


def check_feature_names(estimator, input_features):
    """Compare the argument of ``get_feature_names_out`` with the input seen in fit.

    Raises
    ------
    InputError
        Names of another number, or other names, than in fit.
    """
    if input_features is None:
        return
    if len(input_features) != estimator.n_features_in_:
        raise InputError(
            "input_features should have length equal to number of features "
            f"({estimator.n_features_in_}), got {len(input_features)}"
        )
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and list(names) != list(input_features):
        raise InputError("input_features is not equal to feature_names_in_")
