"""Training: the policy of what trains how fast, targets, the loop, pretraining."""

from sktl.training._labels import PropertyTable
from sktl.training._loop import LabelledRows, Policy, train
from sktl.training._losses import MaskedL1
from sktl.training._pretrain import digest_list_hash, pretrain

__all__ = [
    "LabelledRows",
    "MaskedL1",
    "Policy",
    "PropertyTable",
    "digest_list_hash",
    "pretrain",
    "train",
]
