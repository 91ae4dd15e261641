"""Training policy (what trains at what rate), targets, training loop, pretraining."""

from sktl.training._at_once import MemberRows, train_at_once
from sktl.training._history import history_from_rows, history_rows
from sktl.training._labels import PropertyTable
from sktl.training._loop import LabelledRows, train
from sktl.training._losses import MaskedL1
from sktl.training._mean_target import MeanTarget
from sktl.training._policy import Policy
from sktl.training._pretrain import pretrain
from sktl.training._problem import digest_list_hash, digest_share
from sktl.training._progress import count_fit, expect_fits, show_progress
from sktl.training._rows import merge_rows, split_rows
from sktl.training._target import (
    BoundedTarget,
    ClassTarget,
    NumberTarget,
    SourceTarget,
    ZeroInflatedTarget,
)
from sktl.training._threads import one_thread

__all__ = [
    "BoundedTarget",
    "ClassTarget",
    "LabelledRows",
    "MaskedL1",
    "MeanTarget",
    "MemberRows",
    "NumberTarget",
    "Policy",
    "PropertyTable",
    "SourceTarget",
    "ZeroInflatedTarget",
    "count_fit",
    "digest_list_hash",
    "digest_share",
    "expect_fits",
    "history_from_rows",
    "history_rows",
    "merge_rows",
    "one_thread",
    "pretrain",
    "show_progress",
    "split_rows",
    "train",
    "train_at_once",
]
