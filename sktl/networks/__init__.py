"""Networks with named depth groups, from numbers to an embedding and from there to outputs."""

from sktl.networks._alignn import ALIGNN
from sktl.networks._around import NetworkAround
from sktl.networks._attributed import AttributedNetwork
from sktl.networks._base import Network
from sktl.networks._check import check_network
from sktl.networks._chgnet import CHGNet
from sktl.networks._columns import ColumnNet
from sktl.networks._composition import CompositionNet
from sktl.networks._conditioned import ConditionedNetwork
from sktl.networks._curvature import energy_curvature
from sktl.networks._elemnet import ElemNet
from sktl.networks._members import JoinedMembers, MembersLoss
from sktl.networks._nequix import Nequix

__all__ = [
    "ALIGNN",
    "CHGNet",
    "ColumnNet",
    "CompositionNet",
    "AttributedNetwork",
    "ConditionedNetwork",
    "ElemNet",
    "JoinedMembers",
    "MembersLoss",
    "Nequix",
    "Network",
    "NetworkAround",
    "check_network",
    "energy_curvature",
]
