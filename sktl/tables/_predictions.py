"""Predictions for the rows of a table: which columns are added, and which rows cannot be used."""

from sktl.exceptions import InputError, UnseenElementError
from sktl.representations import parse_formula
from sktl.tables._columns import BadCell, formula_problems, row_problems, usable_rows


def predict_table(model, table, formula, *, coverage=0.9, skip=False):
    """Return the rows that can be used, with predictions, and what is wrong with the others.

    Parameters
    ----------
    model : TransferRegressor, TransferClassifier or TransferStackRegressor
        Fitted on formulas.
    table : Table
        n rows.
    formula : str
        Name of the column of formulas.
    coverage : float or None, default=0.9
        Of the intervals, where the model can give them; None leaves them out.
    skip : bool, default=False
        Leave rows out that cannot be used. If False, nothing is predicted where there are such.

    Returns
    -------
    predicted : Table or None
        With columns added: see `prediction_columns`. None where nothing is predicted.
    problems : list of BadCell
        Why rows cannot be used, in the order of the rows.
    """
    problems = row_problems(table, formula_problems(table, formula))
    kept = usable_rows(table, problems)
    while kept and (skip or not problems):
        usable = table.take(kept)
        try:
            columns = prediction_columns(model, usable.column(formula), coverage)
        except UnseenElementError as error:
            if not error.rows:
                raise
            bad = [kept[row] for row in error.rows]
            problems = sorted(
                [*problems, *_unseen(table, formula, bad, error)], key=lambda problem: problem.row
            )
            kept = usable_rows(table, problems)
        else:
            return usable.with_columns(columns), problems
    return None, problems


def prediction_columns(model, formulas, coverage=0.9):
    """Return the columns that a model gives for formulas.

    Parameters
    ----------
    model : TransferRegressor, TransferClassifier or TransferStackRegressor
        Fitted on formulas.
    formulas : list of str, length n
        All of them good.
    coverage : float or None, default=0.9
        Of the intervals; None leaves them out.

    Returns
    -------
    dict of str to float array (n,) or list of str
        Of a classifier the label and the probability of each class; of a regressor the prediction
        and, where rows were held back in its fit, its standard deviation and an interval, of
        several outputs each with a number after its name.
    """
    if hasattr(model, "predict_proba"):
        chances = model.predict_proba(formulas)
        labels = list(map(str, model.classes_[chances.argmax(axis=1)]))
        named = {f"probability_{name}": chances[:, i] for i, name in enumerate(model.classes_)}
        return {"prediction": labels} | named
    if model.uncertainty_ is None:
        return _named("prediction", model.predict(formulas))
    values, deviations, *intervals = model.predict(formulas, return_std=True, coverage=coverage)
    columns = _named("prediction", values) | _named("standard_deviation", deviations)
    for ends in intervals:
        columns |= _named("interval_low", ends[..., 0]) | _named("interval_high", ends[..., 1])
    return columns


def possible_coverage(model, coverage):
    """Return a coverage and None, or None and the reason why the model has no such intervals."""
    examples = list(model.examples_)
    prediction_columns(model, examples, None)
    try:
        prediction_columns(model, examples, coverage)
    except InputError as error:
        return None, str(error)
    return coverage, None


def _named(name, values):
    """Return values (n,) by a name, or the columns of values (n, k) by the name and a number."""
    if values.ndim == 1:
        return {name: values}
    return {f"{name}_{i}": column for i, column in enumerate(values.T, start=1)}


def _unseen(table, formula, rows, error):
    """Return a `BadCell` for each row with an element that the model does not know."""
    cells, problems = table.column(formula), []
    for row in rows:
        unseen = sorted(set(error.elements).intersection(parse_formula(cells[row])))
        reason = f"the model's source never saw {', '.join(unseen)}"
        problems.append(BadCell(row, table.lines[row], formula, cells[row], reason))
    return problems
