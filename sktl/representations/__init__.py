"""From formulas, compositions, attributes, numeric columns and crystals to numbers."""

from sktl.representations._base import (
    FormulaRepresentation,
    Representation,
    Rows,
    StructureRepresentation,
)
from sktl.representations._compositions import Compositions
from sktl.representations._condition_columns import ConditionColumns
from sktl.representations._conditioned import (
    AttributedRows,
    ConditionedRows,
    RowsBeside,
    encode_beside,
)
from sktl.representations._conditions import Conditions
from sktl.representations._crystal_rows import CrystalGraph, CrystalRows
from sktl.representations._crystals import Crystals
from sktl.representations._encodings import (
    MAX_ATOMIC_NUMBER,
    ElementFractions,
    ElementTokens,
    NumericColumns,
)
from sktl.representations._faults import Fault
from sktl.representations._formula import SYMBOLS, judge_formula, parse_formula, parse_formulas
from sktl.representations._formula_alloys import from_weight_percent, unsaid_fault
from sktl.representations._magpie import attribute_columns, magpie_attributes
from sktl.representations._material_column import FORMULA_NAMES
from sktl.representations._materials import Materials, check_structures, label_pairs, label_rows
from sktl.representations._matminer import MatminerTransformer
from sktl.representations._merged import MergedGraph, MergedRows
from sktl.representations._nequix_graphs import NequixGraphs
from sktl.representations._orbits import OrbitGraph, OrbitRows
from sktl.representations._phonons import PHONONS, phonon_summary
from sktl.representations._readers import StructureReader, list_crystals
from sktl.representations._response import RESPONSES, harmonic_response
from sktl.representations._rows import ColumnRows, TokenRows
from sktl.representations._structure import ChgnetGraphs, CrystalGraphs
from sktl.representations._structure_files import CRYSTAL_FILES
from sktl.representations._symmetry import (
    cell_symmetry,
    complete_by_symmetry,
    independent_distortions,
    standard_supercell,
)

__all__ = [
    "CRYSTAL_FILES",
    "FORMULA_NAMES",
    "MAX_ATOMIC_NUMBER",
    "PHONONS",
    "RESPONSES",
    "SYMBOLS",
    "ChgnetGraphs",
    "ColumnRows",
    "Compositions",
    "ConditionColumns",
    "AttributedRows",
    "ConditionedRows",
    "RowsBeside",
    "Conditions",
    "CrystalGraph",
    "CrystalGraphs",
    "CrystalRows",
    "Crystals",
    "ElementFractions",
    "ElementTokens",
    "Fault",
    "FormulaRepresentation",
    "Materials",
    "MatminerTransformer",
    "MergedGraph",
    "MergedRows",
    "NequixGraphs",
    "NumericColumns",
    "OrbitGraph",
    "OrbitRows",
    "Representation",
    "Rows",
    "StructureRepresentation",
    "StructureReader",
    "TokenRows",
    "cell_symmetry",
    "check_structures",
    "complete_by_symmetry",
    "attribute_columns",
    "encode_beside",
    "label_pairs",
    "label_rows",
    "harmonic_response",
    "from_weight_percent",
    "list_crystals",
    "independent_distortions",
    "judge_formula",
    "magpie_attributes",
    "parse_formula",
    "parse_formulas",
    "phonon_summary",
    "standard_supercell",
    "unsaid_fault",
]
