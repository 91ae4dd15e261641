"""Write the catalogs of the public files that `sktl.datasets` fetches.

    python benchmarks/data/catalog.py MIRROR

MIRROR is a folder that holds the publishers' files as they lay them out. The catalogs
(``sktl/datasets/data/*.json``) keep, for every file, its address at a pinned commit, its SHA-256
and its number of rows, beside units, DOIs and licences. What is known about the data stands in
``_catalog_facts.py`` beside this script; what can be read from the files is read here.
"""

import argparse
import hashlib
import json
from pathlib import Path

import pandas as pd
from _catalog_facts import CROSS_PROPERTY, PRETRAINING, REPAIRS

DATA = Path(__file__).parents[2] / "sktl" / "datasets" / "data"


def file_entry(mirror, name):
    """Describe one file: its path, hash, and number of rows; return its table too."""
    digest = hashlib.sha256((mirror / name).read_bytes()).hexdigest()
    table = pd.read_csv(mirror / name, keep_default_na=False)
    return {"path": name, "sha256": digest, "rows": len(table)}, table


def pretraining_catalog(mirror):
    """Describe the pretraining tables."""
    folder = PRETRAINING["folder"]
    tables = {}
    for name, (where, facts) in PRETRAINING["tables"].items():
        names = [f"{where}/{part}.csv" for part in ("train", "val", "test")]
        if where.endswith(".csv"):
            names = [where]
        files = [
            file_entry(mirror / folder, each)[0]
            for each in names
            if (mirror / folder / each).is_file()
        ]
        tables[name] = facts | {"rows": sum(each["rows"] for each in files), "files": files}
    return {key: PRETRAINING[key] for key in PRETRAINING if key != "tables"} | {"tables": tables}


def cross_property_catalog(mirror):
    """Describe the sets of Gupta et al., and where a spreadsheet has spoilt a formula."""
    folder = CROSS_PROPERTY["folder"]
    sets = {}
    for name, facts in CROSS_PROPERTY["sets"].items():
        entry = dict(facts)
        for subset, ending in (("train", "training_set"), ("test", "test_set")):
            (path,) = sorted((mirror / folder / "data" / name).glob(f"*_{ending}.csv"))
            where = path.relative_to(mirror / folder).as_posix()
            entry[subset], table = file_entry(mirror / folder, where)
            index, formula, entry["column"] = table.columns
            assert (index, formula) == ("Unnamed: 0", "pretty_comp"), where
            spoilt = table[table[formula].isin(REPAIRS)]
            entry[subset]["spoilt"] = {
                str(row[index]): row[formula] for _, row in spoilt.iterrows()
            }
        sets[name] = entry
    shared = {key: CROSS_PROPERTY[key] for key in CROSS_PROPERTY if key != "sets"}
    return shared | {"repairs": REPAIRS, "sets": sets}


def main():
    """Write both catalogs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mirror", type=Path, help="folder with the publishers' files")
    mirror = parser.parse_args().mirror
    catalogs = {
        "pretraining.json": pretraining_catalog(mirror),
        "cross_property.json": cross_property_catalog(mirror),
    }
    for name, catalog in catalogs.items():
        text = json.dumps(catalog, indent=1, ensure_ascii=False) + "\n"
        (DATA / name).write_text(text, encoding="utf-8")
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
