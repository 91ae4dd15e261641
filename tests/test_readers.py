"""Structures from files, ASE Atoms and dicts."""

import copy
import re

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Lattice, Structure
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sktl import StructureReader
from sktl.exceptions import InputError, StructureError

SALT = Structure(Lattice.cubic(4.12), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
CIF = """\
data_CsCl
_cell_length_a 4.12
_cell_length_b 4.12
_cell_length_c 4.12
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
 _symmetry_equiv_pos_as_xyz
 'x, y, z'
loop_
 _atom_site_label
 _atom_site_type_symbol
 _atom_site_fract_x
 _atom_site_fract_y
 _atom_site_fract_z
 Cs1 Cs 0 0 0
 Cl1 Cl 0.5 0.5 0.5
"""
POSCAR = "salt\n1.0\n4.12 0 0\n0 4.12 0\n0 0 4.12\nCs Cl\n1 1\nDirect\n0 0 0\n.5 .5 .5\n"


class Atoms:
    """What is read of ASE Atoms, under the same names."""

    def __init__(self, pbc=(True, True, True), thickness=4.12):
        self.pbc = np.array(pbc)
        self.thickness = thickness

    def __len__(self):
        return 2

    def get_cell(self):
        return np.diag([4.12, 4.12, self.thickness])

    def get_atomic_numbers(self):
        return np.array([55, 17])

    def get_positions(self):
        return SALT.cart_coords


@pytest.fixture
def files(tmp_path):
    """Paths of one crystal in files of different names."""
    contents = {"a.cif": CIF, "B.CIF": CIF, "POSCAR": POSCAR, "CONTCAR.1": POSCAR, "x.vasp": POSCAR}
    for name, content in contents.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    return [tmp_path / name for name in contents]


def assert_salt(found, n):
    assert isinstance(found, np.ndarray) and found.dtype == object and found.shape == (n,)
    for each in found:
        assert list(each.atomic_numbers) == [55, 17]
        np.testing.assert_allclose(each.lattice.matrix, SALT.lattice.matrix, atol=1e-9)
        np.testing.assert_allclose(each.frac_coords, SALT.frac_coords, atol=1e-9)


def test_files(files):
    assert_salt(StructureReader().fit_transform(files), 5)
    assert_salt(StructureReader().transform([str(path) for path in files]), 5)


def test_rows_of_every_kind(files):
    rows = [files[0], Atoms(), SALT.as_dict(), SALT, str(files[2])]
    assert_salt(StructureReader().fit_transform(rows), 5)
    assert StructureReader().transform([SALT, SALT])[1] is SALT


@pytest.mark.parametrize(
    "contain",
    [tuple, pd.Series, lambda rows: pd.DataFrame({"path": rows}), np.array],
    ids=["tuple", "Series", "DataFrame", "array"],
)
def test_containers(files, contain):
    assert_salt(StructureReader().fit_transform(contain([str(path) for path in files])), 5)


def test_dict_is_not_changed():
    content = SALT.copy(site_properties={"magmom": [1.0, 2.0]}).as_dict()
    before = copy.deepcopy(content)
    assert_salt(StructureReader().transform([content]), 1)
    assert content == before


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("missing.cif", r"'missing\.cif': there is no such file"),
        ("table.csv", r"'table\.csv': expected \*\.cif"),
        ({"lattice": {}}, "dict: it has no sites"),
        ({"lattice": {}, "sites": []}, "dict: KeyError"),
        (3.5, "Got 3.5 of type float"),
        (None, "Got None of type NoneType"),
        (Atoms(pbc=(False, False, False)), "Atoms: it is not periodic"),
        (Atoms(pbc=(True, True, False), thickness=0), "Atoms: its cell .* has no volume"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_rows_that_cannot_be_read(row, message):
    with pytest.raises(StructureError, match=f"Got 1 of 2 rows .*\n  row 1: {message}") as caught:
        StructureReader().transform([SALT, row])
    assert caught.value.rows == [1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("POSCAR", POSCAR.replace("Cs Cl\n", ""), "Elements in POSCAR cannot be determined"),
        ("POSCAR", "", "Empty POSCAR"),
        ("POSCAR", "one line", "it has one line, expected a comment, a scale"),
        ("a.cif", "", "Invalid CIF file"),
    ],
)
def test_bad_files_are_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(StructureError, match=f"row 0: {re.escape(repr(str(path)))}: .*{message}"):
        StructureReader().transform([path])


def test_all_bad_rows_are_listed():
    with pytest.raises(StructureError, match=r"(?s)Got 7 of 8.*\n  and rows 6, 7$") as caught:
        StructureReader().transform([SALT, *range(7)])
    assert caught.value.rows == list(range(1, 8))


@pytest.mark.parametrize("X", ["a.cif", SALT, Atoms(), SALT.as_dict(), None, 3, [], np.eye(2)])
def test_no_sequence_of_rows(X):
    for method in (StructureReader().fit, StructureReader().transform):
        with pytest.raises(InputError, match="Got X of type .*expected"):
            method(X)


def test_in_a_pipeline(files):
    count = FunctionTransformer(lambda X: np.array([[len(each)] for each in X]))
    pipeline = clone(make_pipeline(StructureReader(), count)).fit(files)
    assert pipeline.transform(files).tolist() == [[2]] * 5
