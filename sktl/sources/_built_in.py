"""The architectures of sktl itself: records like any other."""

from sktl.networks import ALIGNN, CHGNet, ColumnNet, CompositionNet, ElemNet, Nequix
from sktl.representations import (
    ChgnetGraphs,
    CrystalGraphs,
    ElementFractions,
    ElementTokens,
    NequixGraphs,
    NumericColumns,
)
from sktl.sources._architectures import Architecture
from sktl.sources._chgnet import CHGNET, CHGNET_R2SCAN
from sktl.sources._nequix import NEQUIX_MP, NEQUIX_OMAT

BUILT_IN = (
    Architecture(
        "composition",
        CompositionNet,
        ElementTokens,
        "CompositionNet",
        references=(
            ("attention over elements, Roost", "10.1038/s41467-020-19964-7"),
            ("attention over elements, CrabNet", "10.1038/s41524-021-00545-1"),
        ),
    ),
    Architecture(
        "elemnet",
        ElemNet,
        ElementFractions,
        "ElemNet",
        references=(("ElemNet", "10.1038/s41598-018-35934-y"),),
        takes_columns=True,
    ),
    Architecture(
        "alignn",
        ALIGNN,
        CrystalGraphs,
        "ALIGNN",
        references=(("ALIGNN", "10.1038/s41524-021-00650-1"),),
        scratch_arguments={"hidden": 64, "n_alignn": 2, "n_gcn": 2},
    ),
    Architecture(
        "chgnet",
        CHGNet,
        ChgnetGraphs,
        "CHGNet",
        references=(("CHGNet", "10.1038/s42256-023-00716-3"),),
        from_scratch=False,
        sources=(CHGNET, CHGNET_R2SCAN),
    ),
    Architecture(
        "nequix",
        Nequix,
        NequixGraphs,
        "Nequix",
        references=(
            ("Nequix", "10.48550/arXiv.2508.16067"),
            ("NequIP", "10.1038/s41467-022-29939-5"),
        ),
        from_scratch=False,
        sources=(NEQUIX_OMAT, NEQUIX_MP),
        slow_response=True,
    ),
    Architecture("columns", ColumnNet, NumericColumns, "ColumnNet"),
)
