"""nnlib.layers and nnlib.initializers beside PyTorch."""

import numpy as np
import pytest
import torch

from nnlib.initializers import he_normal, normal
from nnlib.layers import Dense


@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 2e-6), (np.float64, 1e-14)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_dense_is_linear_with_the_transposed_weight(dtype, limit, use_bias):
    rng = np.random.default_rng(0)
    for _ in range(30):
        n, d, k = rng.integers(0, 20), *rng.integers(1, 100, 2)
        ours = Dense(d, k, rng=rng, use_bias=use_bias, bias_init=normal)
        for name, array in ours.params.items():
            ours.params._bind(name, array.astype(dtype))
        theirs = torch.nn.Linear(d, k, bias=use_bias)
        with torch.no_grad():
            theirs.weight = torch.nn.Parameter(torch.from_numpy(ours.params["W"].T))
            if use_bias:
                theirs.bias = torch.nn.Parameter(torch.from_numpy(ours.params["b"]))
        x = rng.normal(size=(n, d)).astype(dtype)
        want = theirs(torch.from_numpy(x)).detach().numpy()
        got = ours.forward(x)
        assert got.dtype == want.dtype == dtype
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=limit * 4 * np.sqrt(d))


@pytest.mark.parametrize("shape", [(300, 200), (64, 16, 5, 5)])
def test_he_normal_spreads_as_kaiming_normal(shape):
    """PyTorch's dense weight is (out, in), ours (in, out); kernels are alike."""
    torch.manual_seed(0)
    theirs = torch.empty(shape[::-1] if len(shape) == 2 else shape)
    torch.nn.init.kaiming_normal_(theirs, nonlinearity="relu")
    ours = he_normal(0, shape)
    ratio = float(theirs.std()) / ours.std()
    assert abs(ratio - 1) < 5 / np.sqrt(ours.size)
