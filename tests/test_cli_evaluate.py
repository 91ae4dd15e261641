"""``sktl evaluate``, from a spreadsheet to a page that a browser shows."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from click.testing import CliRunner

from sktl.cli import main

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
WIDTH = 1366
# Loads the page in a frame as wide as a laptop's screen and says what came of it.
PROBE = """<!DOCTYPE html><html><body><pre id="found"></pre>
<iframe src="report.html" style="width:{width}px;height:768px;border:0"></iframe>
<script>
window.onload = () => {{
  const frame = document.querySelector("iframe").contentWindow;
  const page = frame.document.documentElement;
  const images = Array.from(frame.document.images);
  const wide = Array.from(frame.document.querySelectorAll("main *")).filter(
    (each) => each.getBoundingClientRect().right > {width} + 1).map((each) => each.tagName);
  document.getElementById("found").textContent = JSON.stringify({{
    scrolled: page.scrollWidth, shown: page.clientWidth, height: page.scrollHeight, wide: wide,
    images: images.map((each) => [each.complete, each.naturalWidth, each.naturalHeight]),
    fetched: frame.performance.getEntriesByType("resource").map((each) => each.name.slice(0, 9)),
    elements: frame.document.querySelectorAll(".element").length,
  }});
}};
</script></body></html>
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_source, toy_rows):
    """A folder with a source and a table."""
    folder = tmp_path_factory.mktemp("evaluate")
    tiny_source.save(folder / "toy.safetensors")
    formulas, energies, _ = toy_rows(110, seed=4)
    rows = [
        f"{f};{energy:.4f}".replace(".", ",") for f, energy in zip(formulas, energies, strict=True)
    ]
    (folder / "data.csv").write_text("composition;Energy (eV/atom)\n" + "\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def run(place, few_steps):
    """Function that runs the command in that folder, with networks that take few steps."""

    def runner(*arguments):
        with pytest.MonkeyPatch.context() as patch, few_steps():
            patch.chdir(place)
            return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])

    return runner


QUICK = "--source toy.safetensors --models transfer --folds 2 --repeats 1 --jobs 1".split()
GIVEN = ("data.csv", "--target", "energy", *QUICK, "-o", "report.html")


@pytest.fixture(scope="module")
def done(run):
    done = run(*GIVEN, "--models", "forest,transfer", "--json")
    assert done.exit_code == 0, done.output
    return done


def test_the_findings_are_printed_for_scripts_and_nothing_else(done, place):
    found = json.loads(done.stdout)
    assert "\r" not in done.output  # no bar where there is no terminal
    assert (found["rows"], found["target"], found["unit"]) == (110, "Energy", "eV/atom")
    assert [row["model"] for row in found["models"]] == [
        "transfer",
        "random forest",
        "training median",
    ]
    assert found["source"]["id"] == "toy.all@1" and found["verdict"] == "not compared"
    assert {row["share"] for row in found["learning_curve"]} == {0.5, 1.0}
    assert found["coverage"] and all(0 <= row["observed"] <= 1 for row in found["coverage"])
    text = (place / "report.html").read_text(encoding="utf-8")
    assert found["headline"] in text and f"{found['models'][0]['mae']:#.3g}" in text
    lines = (place / "data.csv").read_text().splitlines()
    for row in found["worst"]:
        assert lines[int(row["row"]) - 1].startswith(row["formula"] + ";")


def test_the_summary_is_printed_for_people(run, place):
    done = run(*GIVEN[:-1], "again.html")
    assert done.exit_code == 0, done.output
    first, second, *_, last = done.stdout.splitlines()
    assert first.startswith(("Not compared with", "Not shown to be better"))
    assert second.startswith("The network fine-tuned from toy")
    assert "Note: 110 rows are few" in done.stdout and last == "Wrote again.html"
    assert first in (place / "again.html").read_text(encoding="utf-8")


def test_bad_rows_and_unknown_elements_stop_or_are_skipped(run, place):
    lines = (place / "data.csv").read_text()
    (place / "bad.csv").write_text(lines + "3-Feb;1,0\nUO2;1,0\nNaCl;n/a\n")
    arguments = ("bad.csv", "--target", "energy", *QUICK, "-o", "bad.html")
    found = run(*arguments)
    assert found.exit_code == 1 and not (place / "bad.html").exists()
    assert "bad.csv, line 112, composition: '3-Feb': it looks like a date" in found.output
    assert "bad.csv, line 113, composition: 'UO2': the source does not know U" in found.output
    assert "bad.csv, line 114, Energy (eV/atom): 'n/a': no value" in found.output
    assert "Traceback" not in found.output
    found = run(*arguments, "--on-error", "skip", "--group", "chemical-system")
    assert found.exit_code == 0, found.output
    assert "held-out chemical systems" in found.stdout
    assert (place / "bad.html.skipped.csv").is_file()


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (("--models", "forest"), 2, "expected transfer and any of scratch, forest, xgboost"),
        (("--models", "transfer,svm"), 2, "Got 'transfer,svm'"),
        (("--folds", "1"), 2, "--folds"),
        (("--repeats", "0"), 2, "--repeats"),
        (("--jobs", "0"), 2, "Got 0, expected a positive number, or -1"),
        (("--target", "gap"), 2, "--target"),
        (("--formula", "gap"), 2, "--formula"),
        (("--group", "element"), 2, "--group"),
        (("--source", "mpt-structure"), 2, "reads crystal structures, and the table has formulas"),
        (("--source", "no-such-source"), 1, "Got source='no-such-source'"),
        (("-o", "none/report.html"), 2, "expected a folder that is there"),
        (("--folds", "120"), 1, "expected at least 20 rows in 120 groups"),
    ],
)
def test_mistakes_have_an_exit_code_and_no_traceback(run, changes, code, message):
    found = run(*GIVEN, *changes)
    assert found.exit_code == code and message in found.output
    assert "Traceback" not in found.output


@pytest.mark.parametrize(("power", "words"), [("e300", "at most 1e+100"), ("e-310", "differ")])
def test_targets_whose_squares_have_no_number_are_refused(run, place, power, words):
    lines = [f"{name};{i + 1}{power}" for i, name in enumerate(["NaCl", "MgO", "GaAs"] * 9)]
    (place / "far.csv").write_text("\n".join(["composition;energy", *lines]))
    found = run("far.csv", "--target", "energy", *QUICK, "-o", "far.html", "--json")
    assert found.exit_code == 1 and words in found.output and "another unit" in found.output
    assert not (place / "far.html").exists()


def browse(folder, *arguments):
    """Run the browser without a window and return what it printed."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
    command += [f"--user-data-dir={folder / 'browser'}", "--allow-file-access-from-files"]
    found = subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium on the PATH")


@pytest.fixture
def shown(done, place, tmp_path):
    shutil.copy(place / "report.html", tmp_path)
    return tmp_path


@needs_browser
@pytest.mark.parametrize("width", [WIDTH, 420])
def test_a_browser_shows_all_images_and_nothing_sticks_out(shown, width, done):
    probe = shown / "probe.html"
    probe.write_text(PROBE.format(width=width))
    dom = browse(shown, "--dump-dom", "--virtual-time-budget=10000", probe.as_uri())
    found = json.loads(re.search('<pre id="found">(.*?)</pre>', dom, re.DOTALL)[1])
    assert found["scrolled"] <= found["shown"] == width
    assert found["height"] > 2000
    assert len(found["images"]) == 4
    for complete, *size in found["images"]:
        assert complete and min(size) > 100
    assert all(name.startswith("data:") for name in found["fetched"])
    assert found["elements"] == len(json.loads(done.stdout)["elements"])
    if width == WIDTH:
        assert found["wide"] == []


@needs_browser
def test_screenshot_and_print_are_not_blank(shown):
    from matplotlib.image import imread

    page = (shown / "report.html").as_uri()
    browse(shown, f"--window-size={WIDTH},768", "--screenshot=shot.png", page)
    pixels = imread(shown / "shot.png")[..., :3]
    assert pixels.shape[:2] == (768, WIDTH)
    dark = (pixels.mean(axis=2) < 0.4).any(axis=1)
    assert 0.1 < dark.mean() < 0.9  # lines of text, with space between them
    assert len(np.unique((pixels * 255).astype(int).reshape(-1, 3), axis=0)) > 50
    browse(shown, "--no-pdf-header-footer", "--print-to-pdf=page.pdf", page)
    pages = re.findall(rb"/Type\s*/Page\b", (shown / "page.pdf").read_bytes())
    assert 3 <= len(pages) <= 8
