"""Known wrong versions of the library, each caught by the test named for it.

A row changes one place of one module. In a process of its own, that module stands in
for the right one, and the test, which passes on the right one, must find it wrong.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: What is wrong, the module, the right text, the wrong text, the test that finds it.
WRONG = [
    (
        "01 the bias is left out",
        "functional",
        "    scores += bias.astype(work, copy=False)\n",
        "",
        "test_functional_affine.py::test_scores_are_exact_sums_up_to_rounding",
    ),
    (
        "01 complex inputs are conjugated",
        "functional",
        "inputs.astype(work, copy=False) @",
        "inputs.conj().astype(work, copy=False) @",
        "test_functional_affine.py::test_complex_numbers_are_not_conjugated",
    ),
    (
        "02 fan-out for fan-in",
        "initializers",
        "fan_in = size[0] if",
        "fan_in = size[-1] if",
        "test_initializers.py::test_he_normal_follows_the_fan_in",
    ),
    (
        "02 the variance for the standard deviation",
        "initializers",
        "std=math.sqrt(2 / fan_in)",
        "std=2 / fan_in",
        "test_initializers.py::test_he_normal_follows_the_fan_in",
    ),
    (
        "02 a layer shares the array of its initialiser",
        "layers",
        'name: np.array(array, order="C")',
        'name: np.asarray(array, order="C")',
        "test_layers.py::test_layers_do_not_share_the_array_of_an_initialiser",
    ),
    (
        "03 the step is 1 at 0",
        "functional",
        "np.greater(array.real, 0)",
        "np.greater_equal(array.real, 0)",
        "test_bends.py::test_values_are_those_of_plain_python",
    ),
    (
        "03 a leak below 0",
        "functional",
        "np.asarray(np.maximum(array, 0))",
        "np.asarray(np.maximum(array, 0.01 * array))",
        "test_bends.py::test_values_are_those_of_plain_python",
    ),
    (
        "04 the largest score of the batch is subtracted",
        "functional",
        "        p = scores - top\n",
        "        p = scores - top.max()\n",
        "test_functional.py::test_softmax_is_as_right_as_the_rounded_difference_of_scores_allows",
    ),
    (
        "04 normalised over the batch",
        "functional",
        "p /= p.sum(axis=-1, keepdims=True)",
        "p /= p.sum(axis=0, keepdims=True)",
        "test_functional.py::test_softmax_is_as_right_as_the_rounded_difference_of_scores_allows",
    ),
    (
        "04 the shift is not taken back",
        "functional",
        "= top + _log1p(rest)",
        "= _log1p(rest)",
        "test_functional.py::test_invariants",
    ),
    (
        "04 ln of the sum, which loses what is small beside 1",
        "functional",
        "return np.asarray(np.log1p(s))",
        "return np.asarray(np.log(1 + s))",
        "test_functional.py::test_a_sure_answer_is_not_rounded_to_certainty",
    ),
    (
        "05 a sum for the mean",
        "losses",
        "/ terms.size).sum()",
        ").sum()",
        "test_losses.py::test_softmax_cross_entropy_is_the_mean",
    ),
    (
        "05 clipped probabilities",
        "losses",
        "return _class_mean(np.log(p), y)",
        "return _class_mean(np.log(np.clip(p, 1e-7, 1)), y)",
        "test_losses.py::test_a_tiny_probability_keeps_its_digits",
    ),
    (
        "05 yes and no exchanged",
        "losses",
        "np.where(z >= 0, 1 - y, y)",
        "np.where(z >= 0, y, 1 - y)",
        "test_losses.py::test_sigmoid_cross_entropy_element_by_element",
    ),
    (
        "05 the sign of the exponent of the sigmoid",
        "functional",
        "np.where(negative, e, 1) / (1 + e)",
        "np.where(negative, 1, e) / (1 + e)",
        "test_functional.py::test_symmetries_of_sigmoid_and_softplus",
    ),
]


@pytest.mark.parametrize(
    ("module", "right", "wrong", "test"),
    [row[1:] for row in WRONG],
    ids=[row[0] for row in WRONG],
)
def test_it_is_caught(tmp_path, module, right, wrong, test):
    package = tmp_path / "nnlib"
    shutil.copytree(ROOT / "nnlib", package, ignore=shutil.ignore_patterns("__pyc*"))
    path = package / f"{module}.py"
    source = path.read_text(encoding="utf-8")
    assert source.count(right) == 1, f"{right!r} stands once in {module}.py"
    path.write_text(source.replace(right, wrong), encoding="utf-8")
    run = subprocess.run(
        f"{sys.executable} -P -m pytest tests/{test} -q -x -p no:cacheprovider "
        "-p no:nbval -o addopts= --import-mode=importlib".split(),
        cwd=ROOT,
        env=os.environ
        | {
            "PYTHONPATH": str(tmp_path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "hypothesis"),
        },
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert re.search(r"AssertionError|^E +assert ", run.stdout, re.M), run.stdout


def test_there_are_enough_and_each_chapter_has_one():
    assert len(WRONG) >= 20
    chapters = {what[:2] for what, *_ in WRONG}
    assert chapters == {f"{chapter:02}" for chapter in range(1, 10)}
