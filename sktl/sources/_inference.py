"""Run a network over many rows: bounded memory, like sizes together, order restored."""

import numpy as np
import torch


def run_rows(function, rows, *, device="cpu", batch_size=1024):
    """Apply a function of a network's arguments to all rows.

    Parameters
    ----------
    function : callable
        Takes the arguments of a network's forward; returns a tensor (b, d).
    rows : TokenRows or ColumnRows
        Encoded input, n rows.
    device : str
        Where the network is.
    batch_size : int
        Rows at a time.

    Returns
    -------
    ndarray (n, d), of the network's precision
    """
    order = np.argsort(rows.sizes, kind="stable")
    result = None
    with torch.inference_mode():
        for start in range(0, len(rows), batch_size):
            chosen = order[start : start + batch_size]
            batch = {
                name: torch.as_tensor(part, device=device) for name, part in rows[chosen].items()
            }
            output = function(**batch).cpu().numpy()
            if result is None:
                result = np.empty((len(rows), output.shape[1]), dtype=output.dtype)
            result[chosen] = output
    return result
