"""Tables in parts: together they are the table, whatever its cells hold."""

import numpy as np
import pandas as pd
import pytest

from sktl.exceptions import TableError
from sktl.tables import find_files, read_header, read_part, read_table, split_table

TEXTS = {
    "plain": "formula,note\nNaCl,a\nSi,b\nFe2O3,c\nZnO,d\nGaAs,e\n",
    "several lines in a cell": 'formula;note\nNaCl;"a\nb"\nSi;"c;""d"""\n\nZnO;"e\r\nf"\nGaAs;g\n',
    "mark, other line ends and other letters": "\ufeff\n formula ,note\r\nNaCl,Å\r\nSi,α\r\nZnO,",
    "columns without a name and of one name": ",a,a,,\n0,NaCl,x,,\n1,Si,y\n2,ZnO,z,,,\n",
    "blank rows": "formula,note\n\n\nNaCl,a\n\n\n\nSi,b\nZnO\nGaAs,c,\nAlN,x,y\n\n , \n\n",
}


def in_parts(path, rows):
    """Return header, cells and lines of a file, read part by part, and the rows of each part."""
    header = read_header(path).header
    parts = list(split_table(path, rows))
    tables = [read_part(path, part, header) for part in parts]
    cells = [row for table in tables for row in table.cells]
    lines = [line for table in tables for line in table.lines]
    return (header, cells, lines), [part.rows for part in parts]


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
@pytest.mark.parametrize("name", TEXTS)
def test_text_is_split_where_records_end(tmp_path, name, rows):
    path = tmp_path / "t.csv"
    path.write_text(TEXTS[name], encoding="utf-8", newline="")
    whole = read_table(path)
    found, sizes = in_parts(path, rows)
    assert found == (whole.header, whole.cells, whole.lines)
    if name == "plain":
        assert sizes == [rows] * (5 // rows) + ([5 % rows] if 5 % rows else [])


@pytest.mark.parametrize("rows", [1, 3, 4, 7, 100])
def test_parquet_is_split_across_row_groups(tmp_path, rows):
    path = tmp_path / "t.parquet"
    counts = pd.array([*range(16), None, 17], dtype="Int64")
    frame = pd.DataFrame({"formula": [f"SiO{i + 1}" for i in range(18)], "count": counts})
    frame.assign(gap=np.linspace(0, 1, 18), day=pd.Timestamp("2020-01-01")).to_parquet(
        path, row_group_size=5, index=False
    )
    whole = read_table(path)
    assert whole.column("count")[15:] == ["15", "", "17"]
    found, sizes = in_parts(path, rows)
    assert found == (whole.header, whole.cells, whole.lines)
    assert sum(sizes) == 18 and set(sizes[:-1]) <= {rows}


def test_files_of_a_folder_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("part.10.csv", "part.9.csv", "_log.csv", ".hidden.csv"):
        (tmp_path / name).write_text("formula\nSi\n")
    assert [path.name for path in find_files(tmp_path)] == ["part.9.csv", "part.10.csv"]
    (tmp_path / "more.parquet").write_bytes(b"")
    with pytest.raises(TableError, match="of one format"):
        find_files(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty"),
        (b'formula\nSi\n"Zn\n', "line 3"),
        (b"formula\nSi\n\xc5\n", r"line 3: got the byte b'\\xc5'"),
    ],
)
def test_a_broken_file_is_the_error_that_it_is_as_a_whole(tmp_path, text, message):
    path = tmp_path / "t.csv"
    path.write_bytes(text)
    for read in (read_table, lambda path: in_parts(path, 2)):
        with pytest.raises(TableError, match=message):
            read(path)


def test_a_file_that_was_changed_since_is_an_error(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(TEXTS["plain"])
    *_, last = split_table(path, 3)
    path.write_text(TEXTS["plain"].replace("NaCl", "NaCl\nSi\nSi"))
    with pytest.raises(TableError, match="has been changed"):
        read_part(path, last, ("formula", "note"))
