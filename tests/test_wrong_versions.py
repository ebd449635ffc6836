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
        "np.maximum(array, y, out=y)",
        "np.maximum(array, 0.01 * array, out=y)",
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
        "p /= _sums(p)",
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
        "04 of two scores the smaller is not kept",
        "functional",
        "others[k] = np.minimum(top, score)",
        "others[k] = score",
        "test_functional.py::test_a_row_among_many_is_what_it_is_alone",
    ),
    (
        "04 inf - inf counts as a score",
        "functional",
        "    rest[np.isnan(rest)] = 0  # beside an infinite or missing m nothing else counts\n",
        "",
        "test_functional.py::test_infinite_scores_pass_through_logsumexp",
    ),
    (
        "05 a sum for the mean",
        "losses",
        "terms.astype(np.float64, copy=False) / terms.size",
        "terms.astype(np.float64, copy=False)",
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
        "                start += array.size\n            for name, array in list(layer.buffers",
        "                start += array.shape[0]\n            for name, array in list(layer.buffers",
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
    (
        "10 the last piece of a vector is left out",
        "optimizers",
        "for at in range(0, size, block):",
        "for at in range(0, size - block, block):",
        "test_optimizers.py::test_no_piece_is_longer_than_a_block_and_none_is_left_out",
    ),
    (
        "10 steps are counted from 1 for the schedule",
        "optimizers",
        "rate = self.rate_at(self.t)\n",
        "rate = self.rate_at(self.t + 1)\n",
        "test_optimizers.py::test_schedules_are_asked_for_the_step_counted_from_0",
    ),
    (
        "10 the rule is told the step counted from 0",
        "optimizers",
        "            self.update(*arrays, rate=rate, t=self.t)\n",
        "            self.update(*arrays, rate=rate, t=self.t - 1)\n",
        "test_optimizers.py::test_a_step_is_the_rule_entry_by_entry",
    ),
    (
        "10 a state shares the optimiser's arrays",
        "optimizers",
        "{n: a.copy() for n, a in",
        "{n: a for n, a in",
        "test_optimizers.py::test_a_state_is_a_copy",
    ),
    (
        "10 the epoch's loss is a mean of batch means",
        "models",
        "self._sums[0] += loss * len(rows)",
        "self._sums[0] += loss * len(self._x) / self._batches",
        "test_training.py::test_the_epoch_loss_is_a_mean_over_samples_not_over_batches",
    ),
    (
        "10 one order of samples for all epochs",
        "models",
        "self._order = self._rng.permutation(len(self._x))",
        "self._order = np.random.default_rng(0).permutation(len(self._x))",
        "test_training.py::test_every_epoch_has_an_order_of_its_own",
    ),
    (
        "11 the first velocity is damped",
        "optimizers",
        "            if t == 1:\n                velocity[...] = grad\n            else:\n                velocity *= self.momentum\n                if",
        "            if True:\n                velocity *= self.momentum\n                if",
        "test_optimizers_11.py::test_the_first_velocity_is_the_first_gradient_undamped",
    ),
    (
        "11 an average in place of a sum",
        "optimizers",
        "                else:\n                    velocity += grad\n",
        "                else:\n                    velocity += (1 - self.momentum) * grad\n",
        "test_optimizers_11.py::test_the_steady_step_is_the_rate_over_one_minus_momentum",
    ),
    (
        "11 dampening is what enters",
        "optimizers",
        "np.multiply(grad, 1 - self.dampening, out=work)",
        "np.multiply(grad, self.dampening, out=work)",
        "test_optimizers_11.py::test_steps_are_the_definitions",
    ),
    (
        "11 the look-ahead is forgotten",
        "optimizers",
        "grad = np.add(work, grad, out=work)",
        "grad = velocity",
        "test_optimizers_11.py::test_the_papers_rule_at_a_constant_rate_gives_the_same_path",
    ),
    (
        "11 Nesterov with the whole velocity",
        "optimizers",
        "                np.multiply(velocity, self.momentum, out=work)\n",
        "                np.multiply(velocity, 1.0, out=work)\n",
        "test_optimizers_11.py::test_a_single_gradient_moves_by_the_window_in_all",
    ),
    (
        "11 the velocity holds the rate, as in the papers",
        "optimizers",
        "                else:\n                    velocity += grad\n            if self.nesterov:",
        '                else:\n                    velocity += np.multiply(grad, rate / self.learning_rate, out=work)\n                velocity *= self.__dict__.get("_last", rate) / rate\n            self._last = rate\n            if self.nesterov:',
        "test_optimizers_11.py::test_a_new_rate_multiplies_the_whole_velocity_at_once",
    ),
    (
        "13 the average gradient is not corrected",
        "optimizers",
        "first = (1 - self.beta1**t) / (1 - self.beta1)",
        "first = 1 / (1 - self.beta1)",
        "test_optimizers_13.py::test_the_first_step_is_corrected",
    ),
    (
        "13 the squares are not corrected",
        "optimizers",
        "math.sqrt((1 - self.beta2**t) / (1 - self.beta2))",
        "math.sqrt(1 / (1 - self.beta2))",
        "test_optimizers_13.py::test_a_constant_gradient_moves_by_its_share_of_the_rate_from_the_first_step",
    ),
    (
        "13 the memory of the squares is that of the gradients",
        "optimizers",
        "squares *= self.beta2",
        "squares *= self.beta1",
        "test_optimizers_13.py::test_steps_are_the_papers",
    ),
    (
        "13 the gradient itself is changed by L2",
        "optimizers",
        "    pull += grad\n    return pull\n",
        "    grad += pull\n    return grad\n",
        "test_optimizers_13.py::test_l2_is_the_gradient_of_a_penalty",
    ),
    (
        "13 weight decay without the learning rate",
        "optimizers",
        "np.multiply(theta, rate * self.weight_decay, out=part)",
        "np.multiply(theta, self.weight_decay, out=part)",
        "test_optimizers_13.py::test_l2_enters_the_averages_and_decay_does_not",
    ),
    (
        "14 inverse time without the 1",
        "schedules",
        "        slower = 1 + self.decay * t\n",
        "        slower = 1 + self.decay * (t + 1)\n",
        "test_schedules.py::test_inverse_time_is_exact_in_fractions",
    ),
    (
        "14 the power is left out",
        "schedules",
        "slower**-self.power",
        "slower**-1.0",
        "test_schedules.py::test_inverse_time_has_the_power_that_is_asked_for",
    ),
    (
        "14 the exponential begins a step late",
        "schedules",
        "self.gamma**t)",
        "self.gamma ** max(t - 1, 0))",
        "test_schedules.py::test_exponential_falls_by_one_factor",
    ),
    (
        "14 a stair falls one step early",
        "schedules",
        "self.gamma ** (t // self.every)",
        "self.gamma ** ((t + 1) // self.every)",
        "test_schedules.py::test_step_falls_at_the_first_step_of_each_stair",
    ),
    (
        "14 the cosine rises again",
        "schedules",
        "        if t >= self.steps:\n            return self.minimum\n",
        "",
        "test_schedules.py::test_cosine_is_half_a_wave_and_then_stays",
    ),
    (
        "14 the schedule goes on during the rise",
        "schedules",
        "self._then(t - self.steps)",
        "self._then(t)",
        "test_schedules.py::test_warm_up_rises_and_hands_over",
    ),
    (
        "15 the 2 of the square's slope is forgotten",
        "losses",
        "np.asarray(d * (2 / d.size), self._dtype)",
        "np.asarray(d * (1 / d.size), self._dtype)",
        "test_regression.py::test_gradients_are_slopes",
    ),
    (
        "15 the difference has the wrong sign",
        "losses",
        "np.subtract(pred, true, dtype=work)",
        "np.subtract(true, pred, dtype=work)",
        "test_regression.py::test_values_and_gradients_with_fifty_digits",
    ),
    (
        "15 a mean over samples",
        "losses",
        "(d / d.size * d).sum()",
        "(d / len(d) * d).sum()",
        "test_regression.py::test_the_mean_is_over_elements_not_samples",
    ),
    (
        "15 Huber's straight part is not joined",
        "losses",
        "near / near.size * (size - near / 2)",
        "near / near.size * np.where(size > near, size, size / 2)",
        "test_regression.py::test_huber_is_joined_without_jump_and_corner",
    ),
    (
        "15 the size has a slope where there is no error",
        "losses",
        "np.sign(d) / d.size",
        "np.where(d >= 0, 1, -1) / d.size",
        "test_regression.py::test_sizes_at_the_edge_of_floats",
    ),
    (
        "15 the columns of R² in one heap",
        "metrics",
        "t = true.reshape(len(true), -1).astype(np.float64)",
        "t = true.reshape(-1, 1).astype(np.float64)",
        "test_regression.py::test_r2_is_that_of_scikit_learn",
    ),
    (
        "12 AdaGrad divides by the sum itself",
        "optimizers",
        "        squares += np.multiply(grad, grad, out=work)\n        _root(squares, self.epsilon, out=work)\n",
        "        squares += np.multiply(grad, grad, out=work)\n        np.add(squares, self.epsilon, out=work)\n",
        "test_optimizers_12.py::test_adagrads_steps_fall_with_the_root_of_their_number",
    ),
    (
        "12 AdaGrad's rate decays from the first step on",
        "optimizers",
        "self.learning_rate_decay * (t - 1)",
        "self.learning_rate_decay * t",
        "test_optimizers_12.py::test_adagrads_planned_decay_divides_its_steps",
    ),
    (
        "12 AdaGrad's sums start at 0 whatever is said",
        "optimizers",
        "np.full(theta.shape, self.initial_accumulator, theta.dtype)",
        "np.zeros(theta.shape, theta.dtype)",
        "test_optimizers_12.py::test_adagrads_sums_start_where_they_are_told",
    ),
    (
        "12 RMSProp's average is a sum",
        "optimizers",
        "            np.multiply(grad, grad, out=work)\n            work *= new\n",
        "            np.multiply(grad, grad, out=work)\n",
        "test_optimizers_12.py::test_rmsprops_steps_fall_from_the_uncorrected_first_to_the_rate",
    ),
    (
        "12 the centred variance is not forgotten",
        "optimizers",
        "            squares += work  # old variance + (1 - rho) gap²\n            squares *= self.rho\n",
        "            squares *= self.rho\n            squares += work  # old variance + (1 - rho) gap²\n",
        "test_optimizers_12.py::test_steps_are_those_of_the_whole_history_in_fifty_digits",
    ),
    (
        "12 momentum sums rates as Keras does",
        "optimizers",
        "            velocity *= self.momentum\n            velocity += work\n            np.multiply(velocity, rate, out=work)\n",
        "            velocity *= self.momentum\n            velocity += rate * work\n            work[...] = velocity\n",
        "test_optimizers_12.py::test_a_new_rate_applies_to_the_whole_velocity",
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
    assert chapters == {f"{chapter:02}" for chapter in range(1, 16)}
