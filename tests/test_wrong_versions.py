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
    (
        "06 divided by half the distance",
        "gradcheck",
        "        width = float(up) - float(down)\n",
        "        width = (float(up) - float(down)) / 2\n",
        "test_gradcheck.py::test_central_differences_are_exact_for_squares_whatever_the_step",
    ),
    (
        "06 the square root of epsilon for its cube root",
        "gradcheck",
        "    return np.asarray(np.cbrt(float(np.finfo(array.dtype).eps)) * size)\n",
        "    return np.asarray(np.sqrt(float(np.finfo(array.dtype).eps)) * size)\n",
        "test_gradcheck.py::test_the_step_grows_with_an_entry",
    ),
    (
        "06 multiplied by the step",
        "gradcheck",
        "        gradient[at] = number.item().imag / h\n",
        "        gradient[at] = number.item().imag * h\n",
        "test_gradcheck.py::test_the_complex_step_of_a_large_step_has_the_error_of_the_equation",
    ),
    (
        "06 the adjoint test forgets the sign",
        "gradcheck",
        "        assert abs(there - here) <= rtol * size, (",
        "        assert abs(abs(there) - abs(here)) <= rtol * size, (",
        "test_gradcheck.py::test_what_is_no_adjoint_is_refused_with_the_reason",
    ),
    (
        "06 G is all ones",
        "gradcheck",
        "    g = generator.standard_normal(y.shape).astype(y.dtype)\n",
        "    g = np.ones_like(y)\n",
        "test_gradcheck.py::test_the_guilty_are_named_with_what_their_errors_look_like",
    ),
    (
        "06 the penalty is left out",
        "gradcheck",
        "        return np.append(weighted.ravel(), float(penalty()))\n",
        "        return np.append(weighted.ravel(), 0.0)\n",
        "test_gradcheck.py::test_a_penalty_belongs_to_the_gradient",
    ),
    (
        "06 generators are not put back",
        "gradcheck",
        "    def forward() -> npt.NDArray[Any]:\n        restore()\n",
        "    def forward() -> npt.NDArray[Any]:\n",
        "test_gradcheck.py::test_layers_that_draw_or_count_are_put_back_before_each_pass",
    ),
    (
        "07 the mean of the rows for their sum",
        "layers",
        'np.add.reduce(gradient, axis=0, out=self.grads["b"])',
        'np.mean(gradient, axis=0, out=self.grads["b"])',
        "test_backward.py::test_dense_gradients_are_exact_differences",
    ),
    (
        "07 the weights not transposed",
        "layers",
        "gradient @ weights.T.astype(gradient.dtype, copy=False)",
        "gradient @ (weights if weights.shape[0] == weights.shape[1] else weights.T)",
        "test_backward.py::test_dense_gradients_are_exact_differences",
    ),
    (
        "07 the penalty's gradient subtracted",
        "layers",
        "self.grads[name][...] += penalty",
        "self.grads[name][...] -= penalty",
        "test_backward.py::test_the_penalty_is_added_to_the_gradients",
    ),
    (
        "07 the mask of what arrives",
        "activations",
        "return _where(on, gradient)",
        "return _where(gradient > 0, gradient)",
        "test_backward.py::test_relu_passes_where_it_was_on",
    ),
    (
        "07 a power that overflows",
        "activations",
        "e = np.exp(np.where(values.real < 0, values, -values))",
        "e = np.exp(-values)",
        "test_backward.py::test_slopes_are_even",
    ),
    (
        "07 the factor 4 of the tanh's slope forgotten",
        "activations",
        "slope = 4 * (e / (1 + e * e)) ** 2 if tanh else e / (1 + e) ** 2",
        "slope = (e / (1 + e * e)) ** 2 if tanh else e / (1 + e) ** 2",
        "test_backward.py::test_the_complex_step_through_forward_gives_backward",
    ),
    (
        "07 from the first layer to the last",
        "models",
        "for number, layer in reversed(list(enumerate(self.layers))):",
        "for number, layer in list(enumerate(self.layers)):",
        "test_models.py::test_without_an_order_the_way_back_goes_wrong",
    ),
    (
        "07 arrays of a model overlap",
        "models",
        "start += array.size",
        "start += array.shape[0]",
        "test_models.py::test_theta_and_grad_are_the_layers_arrays",
    ),
    (
        "09 a second use overwrites the first",
        "autograd",
        "total = arrived[parent] + part if parent in arrived else part\n",
        "total = part\n",
        "test_autograd.py::test_gradients_are_those_of_central_differences[diamond]",
    ),
    (
        "09 a second call overwrites",
        "autograd",
        "            tensor.grad = g.copy() if old is None else np.asarray(old + g)\n",
        "            tensor.grad = g.copy()\n",
        "test_autograd.py::test_every_call_adds_the_same_to_the_leaves_and_nothing_more[2]",
    ),
    (
        "09 float64 sneaks into float32",
        "autograd",
        "                part = part.astype(parent.dtype, copy=False)\n",
        "",
        "test_autograd.py::test_mixed_precisions_give_each_tensor_its_own",
    ),
    (
        "09 the slope of a quotient in its divisor",
        "autograd",
        "(b, lambda g: -g * q / y))",
        "(b, lambda g: -g * q))",
        "test_autograd.py::test_gradients_are_those_of_central_differences[divide]",
    ),
    (
        "09 copies averaged, not summed",
        "autograd",
        "np.asarray(g.sum(axis=(*range(new), *stretched)))",
        "np.asarray(g.mean(axis=(*range(new), *stretched)))",
        "test_autograd.py::test_gradients_are_those_of_central_differences",
    ),
    (
        "09 an entry taken twice gets one gradient",
        "autograd",
        "                np.add.at(whole, at, g)  # an element taken twice gets both\n",
        "                whole[at] = g\n",
        "test_autograd.py::test_gradients_are_those_of_central_differences[repeated]",
    ),
    (
        "09 a saturated slope from its value",
        "autograd",
        "            return np.asarray(g * (4 * e / (1 + e) ** 2))\n",
        "            return np.asarray(g * (1 - np.tanh(x) ** 2))\n",
        "test_autograd.py::test_slopes_at_saturated_inputs[tanh-float64]",
    ),
    (
        "09 a ReLU passes at 0",
        "autograd",
        "(self, lambda g: np.where(x > 0, g, 0)))",
        "(self, lambda g: np.where(x >= 0, g, 0)))",
        "test_autograd.py::test_ties_share_and_kinks_are_flat",
    ),
    (
        "08 1/N forgotten",
        "losses",
        "            p /= n\n            return p\n",
        "            return p\n",
        "test_losses_backward.py::test_a_mean_over_samples_and_over_elements",
    ),
    (
        "08 p - 1, which loses the digits of a sure answer",
        "losses",
        "            p.put(at, np.expm1(log_p.take(at)))",
        "            p.put(at, p.take(at) - 1)",
        "test_losses_backward.py::test_a_sure_answer_keeps_its_digits",
    ),
    (
        "08 shares whose sum is not 1",
        "losses",
        "sure = total * np.expm1(log_p) + (total - y)",
        "sure = np.expm1(log_p) + (1 - y)",
        "test_losses_backward.py::test_shares_also_where_their_sum_is_not_quite_one",
    ),
    (
        "08 yes and no exchanged on the way back",
        "losses",
        "denied = np.where(says_yes, 1 - y, y)",
        "denied = np.where(says_yes, y, 1 - y)",
        "test_losses_backward.py::test_sigmoid_cross_entropy_entry_by_entry",
    ),
    (
        "08 the mean over samples for that over elements",
        "losses",
        "((1 + e) * z.size)",
        "((1 + e) * len(z))",
        "test_losses_backward.py::test_sigmoid_cross_entropy_entry_by_entry",
    ),
    (
        "08 the variance p (1 - p) forgotten",
        "losses",
        "between = (p - y) / (p * (1 - p) * n)",
        "between = (p - y) / (p * n)",
        "test_losses_backward.py::test_from_probabilities_entry_by_entry",
    ),
    (
        "08 the diagonal of the Jacobian alone",
        "activations",
        "dx = p * (kept - (p * kept).sum(axis=-1, keepdims=True))",
        "dx = p * (1 - p) * kept",
        "test_losses_backward.py::test_softmax_backward_is_the_jacobian_of_the_row",
    ),
    (
        "08 summed over the batch",
        "activations",
        "dx = p * (kept - (p * kept).sum(axis=-1, keepdims=True))",
        "dx = p * (kept - (p * kept).sum(axis=0, keepdims=True))",
        "test_losses_backward.py::test_softmax_backward_is_the_jacobian_of_the_row",
    ),
]


OPTIONS = "-q -x -p no:cacheprovider -p no:nbval -o addopts= --import-mode=importlib"


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
        [sys.executable, "-P", "-m", "pytest", f"tests/{test}", *OPTIONS.split()],
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
