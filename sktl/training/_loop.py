"""The training loop, by skorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, TypeAlias, cast

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.helper import predefined_split
from skorch.history import History
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from sktl._types import AnyArray, ArrayLike, IntArray
from sktl.exceptions import InputError
from sktl.networks import Network
from sktl.representations import Rows
from sktl.training._losses import MaskedSquares
from sktl.training._policy import Policy
from sktl.training._progress import epoch_counters

DIVERGED = 10.0
"""Times the largest target, of one spread or more, that no mean loss of a training reaches."""

LARGEST_ENTROPY = 10.0
"""The same of classes: the cross-entropy of a network that is sure of the wrong class."""


def train(
    network: Network,
    data: LabelledRows,
    criterion: nn.Module,
    policy: Policy,
    *,
    seed: int,
    valid: LabelledRows | None = None,
    device: str = "cpu",
    callbacks: Sequence[Callback] = (),
    clip: Callback | None = None,
    resume: Callable[[NeuralNet], object] | None = None,
) -> History:
    """Train a network in place and leave it with the averaged weights of the end.

    Parameters
    ----------
    network : Network
        Trained in place; ends on the CPU in evaluation mode.
    data, valid : LabelledRows
        Training rows, and rows whose loss is recorded after each epoch.
    criterion : Module
        Loss of ``(outputs, (z, weights))``.
    policy : Policy
        How to train; without "auto", see `Policy.resolve`.
    seed : int
        Source of all randomness; torch's global state is as before afterwards.
    device : str
        Where to train.
    callbacks : sequence of skorch callbacks
        Called after the loop's own.
    clip : skorch callback, optional
        Limits the gradients; all together have at most the norm 1 if not given.
    resume : callable, optional
        Puts the state of an interrupted run into the initialised net.

    Returns
    -------
    skorch History
    """
    network.freeze(policy.freeze_depth)
    n_epochs, batch_size = cast(int, policy.max_epochs), cast(int, policy.batch_size)
    rate, factor = cast(float, policy.learning_rate), cast(float, policy.head_rate_factor)
    counters = epoch_counters(n_epochs)
    n_steps = n_epochs * math.ceil(len(data) / batch_size)
    net = _AveragedNet(
        network.to(device),
        criterion=criterion,
        optimizer=torch.optim.AdamW,
        lr=rate,
        optimizer__param_groups=[("head.*", {"lr": rate * factor})],
        optimizer__weight_decay=policy.weight_decay,
        optimizer__fused=True,
        max_epochs=n_epochs,
        batch_size=batch_size,
        train_split=predefined_split(valid) if valid is not None else None,
        callbacks=_callbacks(policy, seed, n_steps, clip, (*callbacks, *counters)),
        device=device,
        verbose=0,
    )
    with torch.random.fork_rng(devices=_forked(device)):
        net.initialize()
        if resume is not None:
            resume(net)
        net.partial_fit(data, epochs=n_epochs - len(net.history))
    if net.interrupted_:
        raise KeyboardInterrupt
    _check_converged(net, data, rate)
    network.load_state_dict(net.average_)
    network.rest_dropout(False)
    network.to("cpu").eval()
    return net.history


def _check_converged(net: _AveragedNet, data: LabelledRows, rate: float) -> None:
    """Raise if the last loss, or that of the averaged weights, is far above what it can be.

    Outputs of zero have at most a loss of the largest target.
    """
    targets = data.z[~data.z.isnan()].abs()
    largest = float(targets.max()) if data.z.is_floating_point() else LARGEST_ENTROPY
    if isinstance(net.criterion_, MaskedSquares):
        largest = max(1.0, largest) ** 2
    first = next(iter(net.get_batches(data)))
    after = float(net.validation_step(data.__getitems__(first))["loss"])
    losses = net.history[-1, "train_loss"], after
    if not all(loss < DIVERGED * max(1.0, largest) for loss in losses):
        raise InputError(
            f"The training diverged: got learning_rate={rate!r}, expected a smaller one."
        )


def _callbacks(
    policy: Policy, seed: int, n_steps: int, clip: Callback | None, further: Sequence[Callback]
) -> list[tuple[str, Callback]]:
    """Return the loop's own callbacks and further ones, by name and in order."""
    return [
        ("seed", _EpochSeed(seed)),
        ("dropout", _RestDropout(policy.dropout_until)),
        ("clip", clip or _Clip(1.0)),
        ("rate", _WarmupCosine(n_steps, policy.warmup)),
        ("average", _Average(policy.average * n_steps)),
        *((type(each).__name__, each) for each in further),
    ]


Batch: TypeAlias = "tuple[_Inputs, tuple[Tensor, Tensor]]"


class LabelledRows(Dataset[Batch]):
    """Encoded rows with targets and weights, taken batch by batch.

    Parameters
    ----------
    rows : TokenRows, ColumnRows or CrystalRows
        Encoded input, n rows.
    z : array (n, p)
        Targets as the loss wants them.
    weights : float array (n,), optional
        Row weights; 1 if not given.
    indices : int array (m,), optional
        The rows that take part; all if not given.
    """

    def __init__(
        self,
        rows: Rows,
        z: AnyArray | Tensor,
        weights: AnyArray | Tensor | None = None,
        indices: ArrayLike | None = None,
    ) -> None:
        self.rows = rows
        self.z = torch.as_tensor(z)
        weights = np.ones(len(rows)) if weights is None else weights
        self.weights = torch.as_tensor(weights).float()
        self.indices = np.arange(len(rows)) if indices is None else np.asarray(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitems__(self, positions: IntArray) -> Batch:
        """Return the network's arguments and the target of a whole batch."""
        return self._batch(self.indices[positions])

    def _batch(self, chosen: IntArray) -> Batch:
        inputs = {name: _single(torch.as_tensor(part)) for name, part in self.rows[chosen].items()}
        return _Inputs(inputs, len(chosen)), (self.z[chosen], self.weights[chosen])


class _Inputs:
    """The network's arguments for some rows, whose number is its length: skorch asks for that.

    The tensors themselves may be longer or shorter, such as those of the bonds of crystals.
    """

    def __init__(self, tensors: dict[str, Tensor], n_rows: int) -> None:
        self.tensors = tensors
        self.n_rows = n_rows

    def __len__(self) -> int:
        return self.n_rows

    def to(self, device: str) -> dict[str, Tensor]:
        """Return the arguments on a device."""
        return {name: part.to(device) for name, part in self.tensors.items()}


class _SizedBatches:
    """Batches of shuffled rows, grouped by size within pools so that little is padded.

    Of sizes (m, n), those of the rows of m members, a batch is of positions (m, b): each member's.
    """

    def __init__(self, sizes: IntArray, batch_size: int, shuffle: bool) -> None:
        self.sizes, self.batch_size, self.shuffle = sizes, batch_size, shuffle

    def __len__(self) -> int:
        return math.ceil(self.sizes.shape[-1] / self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        orders = [self._order(sizes) for sizes in np.atleast_2d(self.sizes)]
        order = np.stack(orders) if self.sizes.ndim > 1 else orders[0]
        visit = torch.randperm(len(self)).tolist() if self.shuffle else range(len(self))
        starts = [i * self.batch_size for i in visit]
        return (order[..., start : start + self.batch_size] for start in starts)

    def _order(self, sizes: IntArray) -> IntArray:
        """Return the positions (n,) of one pass over the rows."""
        n = len(sizes)
        order = torch.randperm(n).numpy() if self.shuffle else np.arange(n)
        pool = self.batch_size * int(np.clip(len(self) // 4, 1, 16))
        parts = [order[start : start + pool] for start in range(0, n, pool)]
        return np.concatenate([part[np.argsort(sizes[part], kind="stable")] for part in parts])


class _AveragedNet(NeuralNet):
    """A skorch net that validates with the running average of its weights."""

    def initialize_module(self) -> Self:
        super().initialize_module()
        state = self.module_.state_dict()
        self.average_ = {name: tensor.clone() for name, tensor in state.items()}
        return self

    interrupted_ = False

    def fit_loop(self, *args: Any, **kwargs: Any) -> Self:
        try:
            return super().fit_loop(*args, **kwargs)
        except KeyboardInterrupt:
            self.interrupted_ = True
            raise

    def get_iterator(self, dataset: LabelledRows, training: bool = False) -> DataLoader[Batch]:
        batches = self.get_batches(dataset, training)
        return DataLoader(dataset, batch_sampler=batches, collate_fn=_whole_batch)

    def get_batches(self, dataset: LabelledRows, shuffle: bool = False) -> _SizedBatches:
        sizes = dataset.rows.sizes[dataset.indices]
        return _SizedBatches(sizes, self.batch_size, shuffle)

    def infer(self, x: _Inputs, **fit_params: Any) -> Tensor:
        inputs = x.to(self.device)
        if self.module_.training:
            return self.module_(**inputs)
        return functional_call(self.module_, self.average_, kwargs=inputs)

    def _set_training(self, training: bool = True) -> None:
        if self.module_.training != training:  # asked for at each step, of all modules
            super()._set_training(training)


class _EpochSeed(Callback):
    """Seed every epoch by its number, so that a resumed run equals an unbroken one."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        seed = (self.seed * 100_003 + len(net.history)) % 2**63
        if torch.device(net.device).type == "cpu":
            torch.default_generator.manual_seed(seed)  # and not those of devices: that is slow
        else:
            torch.manual_seed(seed)


class _RestDropout(Callback):
    """Switch dropout off in the last epochs."""

    def __init__(self, share: float) -> None:
        self.share = share

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        if len(net.history) > self.share * net.max_epochs:
            net.module_.rest_dropout()
            net.module_.eval()  # so that the next step sets the mode anew


class _Clip(Callback):
    """Limit the norm of all gradients together."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.trained_ = [each for each in net.module_.parameters() if each.requires_grad]

    def on_grad_computed(self, net: NeuralNet, **kwargs: Any) -> None:
        nn.utils.clip_grad_norm_(self.trained_, self.limit)


class _WarmupCosine(Callback):
    """Let the learning rates rise linearly and fall along a cosine, step by step."""

    def __init__(self, n_steps: int, warmup: float) -> None:
        self.n_steps = n_steps
        self.warmup = warmup

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.peaks_ = [group["lr"] for group in net.optimizer_.param_groups]
        epochs_done = len(net.history)
        self.step_ = round(self.n_steps * epochs_done / net.max_epochs)

    def on_batch_begin(
        self, net: NeuralNet, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        if not training:
            return
        progress = self.step_ / self.n_steps
        if progress < self.warmup:
            factor = (progress + 1 / self.n_steps) / (self.warmup + 1 / self.n_steps)
        else:
            factor = 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))
        for group, peak in zip(net.optimizer_.param_groups, self.peaks_, strict=True):
            group["lr"] = peak * factor
        self.step_ += 1


class _Average(Callback):
    """Keep an exponential average of the weights over about `horizon` steps."""

    def __init__(self, horizon: float) -> None:
        self.horizon = horizon

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.update_ = get_ema_multi_avg_fn(max(0.0, 1 - 1 / max(self.horizon, 1.0)))
        state = net.module_.state_dict()
        self.pairs_ = list(net.average_.values()), [state[name] for name in net.average_]

    def on_batch_end(self, net: NeuralNet, training: bool = False, **kwargs: Any) -> None:
        if training:
            self.update_(*self.pairs_, 1)


def _forked(device: str) -> list[int]:
    """Return the CUDA devices whose random state is to be restored after training."""
    return [torch.cuda.current_device()] if torch.device(device).type == "cuda" else []


def _single(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _whole_batch(batch: Any) -> Any:
    return batch
