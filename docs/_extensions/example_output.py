"""Sphinx extension: each example of the gallery printed what is expected, and no warning.

A second build runs only what changed; what the other examples printed is still on their pages.
"""

import re
from pathlib import Path
from textwrap import dedent

from sphinx.util.logging import getLogger

EXPECTED = {
    "classify": r"P\(gap\) = [01]\.\d\d\narea under the ROC curve: 0\.[5-9]\d",
    "conditions": r"Al0.3.+ 0 K, 0.+ less.+\n\[\(\), \('T \(K\)',\)\]\n(\w+: LDA .+ eV\n){3}",
    "crystals": r"(Cd\w+: \d\.\d eV, measured \d\.\d eV\n){3}",
    "custom_source": r"fine-tuned: mean absolute error \d\.\d\d eV on 200 test rows",
    "grid_search": r"(\d groups frozen: mean absolute error \d\.\d\d eV\n){3}",
    "hyperopt_sklearn": r"(.+: mean absolute error \d\.\d\d eV on 20 test rows\n){3}TransferReg",
    "pipeline": r"\[.+\] \[.+\] eV",
    "quickstart": r"(\w+: \d\.\d\d eV, nine times in ten from \d\.\d\d to \d\.\d\d eV\n){4}",
    "service": r"ok\nband gap \[\d\.\d, \d\.\d\]\n422 .+Fe2O3.+\n422\n",
    "splits": r"(split by .+: .+ \d\.\d+ eV\n){3}(compounds with.+ hold \d+ % of \d+ gaps\n){2}",
    "tutorial": r"(line \d+, .+: .+\n){3}497 of 500 rows are used; Gap is in eV\n(?s:.+)parity.pdf",
}
PRINTED = re.compile(r"^ \.\. code-block:: none\n((?:\n|    .*\n)+)", re.MULTILINE)


def printed(page):
    """Return what the code on a page of the gallery, as sphinx-gallery wrote it, printed."""
    return "".join(dedent(block).strip("\n") + "\n" for block in PRINTED.findall(page))


def problem(name, output):
    """Say what is wrong with the output of an example; empty if nothing is."""
    if re.search(r"\w*Warning: .*", output):
        return f"The example {name} warned:\n{output}"
    if not re.search(EXPECTED[name], output):
        return f"The example {name} printed\n{output}expected {EXPECTED[name]}"
    return ""


def check_gallery(app):
    """Warn of each example that ran and did not print what is expected."""
    gallery = app.config.sphinx_gallery_conf
    for path in sorted(Path(app.srcdir, "examples").glob("*.py")):
        if not (gallery["plot_gallery"] and re.search(gallery["filename_pattern"], str(path))):
            continue
        page = Path(app.srcdir, "gallery", f"{path.stem}.rst").read_text(encoding="utf-8")
        if said := problem(path.stem, printed(page)):
            getLogger(__name__).warning(said)


def setup(app):
    """Check when the gallery is there."""
    app.connect("builder-inited", check_gallery, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
