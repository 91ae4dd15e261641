"""Checkpoints of a long training run: one file, replaced whole after every epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skorch.callbacks import Callback
from torch import Tensor

from sktl._json import read_json
from sktl._types import PathLike
from sktl.exceptions import SourceIntegrityError
from sktl.sources import read_tensors, write_tensors
from sktl.training._history import fill_history, history_rows

if TYPE_CHECKING:
    from skorch import NeuralNet


class Checkpoint(Callback):
    """Write weights, their average, the optimizer and the history after every epoch.

    Parameters
    ----------
    path : path-like
        The file; written beside itself and renamed, so that a kill at any moment leaves a whole
        one.
    fingerprint : str
        What the run is; a checkpoint of another run is refused.
    """

    def __init__(self, path: PathLike, fingerprint: str) -> None:
        self.path = path
        self.fingerprint = fingerprint

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        tensors = {f"module/{name}": tensor for name, tensor in net.module_.state_dict().items()}
        tensors |= {f"average/{name}": tensor for name, tensor in net.average_.items()}
        for name, parameter in net.module_.named_parameters():
            for key, tensor in net.optimizer_.state[parameter].items():
                tensors[f"optimizer/{key}/{name}"] = tensor
        rows = history_rows(net.history)
        text = json.dumps({"fingerprint": self.fingerprint, "history": rows})
        write_tensors(self.path, tensors, text)

    def resume(self, net: NeuralNet) -> None:
        """Put the state of the file, if there is one, into an initialised net.

        Raises
        ------
        SourceIntegrityError
            The file is damaged, is no checkpoint, or is that of another run; `net` is as before.
        """
        path = Path(self.path)
        if not path.exists():
            return
        tensors, text = read_tensors(path)
        try:
            state = read_json(text)
        except ValueError as error:
            raise SourceIntegrityError(f"{path.name} is damaged: {error}.") from error
        if state.get("fingerprint") != self.fingerprint:
            raise SourceIntegrityError(
                f"{path.name} is not a checkpoint of this run but of other data or settings: "
                "remove it to start anew, or name another file."
            )
        parts: dict[str, dict[str, Tensor]] = {"module": {}, "average": {}, "optimizer": {}}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition("/")
            parts[kind][rest] = tensor.to(net.device)
        net.module_.load_state_dict(parts["module"])
        net.average_ = parts["average"]
        for name, parameter in net.module_.named_parameters():
            for key in ("step", "exp_avg", "exp_avg_sq"):
                net.optimizer_.state[parameter][key] = parts["optimizer"][f"{key}/{name}"]
        fill_history(net.history, state["history"])
