"""Published results: the files, the experiments on made data, and how they are kept."""

import dataclasses
import doctest
import importlib
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from bookpage.results import compare
from published import __main__ as command
from published import fashion, keras_mlp, linear, mnist, nielsen, record, spiral
from published.row import optimizer
from published.rows import ROWS

from nnlib.activations import Sigmoid
from nnlib.datasets import Images
from nnlib.functional import one_hot, sigmoid
from nnlib.gradcheck import check_gradients
from nnlib.layers import Dense, Dropout
from nnlib.losses import MeanSquaredError
from nnlib.models import Sequential

ROOT = Path(__file__).parents[1]
WRITTEN = sorted(ROOT.glob("book/published/results/*.json"))


@pytest.fixture(scope="module")
def made():
    """Return images that nobody has drawn, each class with a bright row of its own."""
    rng = np.random.default_rng(0)
    parts = []
    for count in (80, 40):
        y = np.arange(count) % 10
        x = rng.integers(0, 30, (count, 28, 28)).astype(np.uint8)
        x[np.arange(count), 10 + y, 5:20] = 200
        parts += [x, y]
    return Images(*parts)


def small(row):
    """Return a row's settings with little to do."""
    settings = {**row.settings}
    for name, value in (("training_images", 60), ("held_out", 20), ("early", 1)):
        if name in settings:
            settings[name] = value
    if "epochs" in settings:
        settings["epochs"] = 2
    return settings


@pytest.mark.parametrize("name", ROWS)
def test_each_experiment_runs_on_made_data(name, made):
    row = ROWS[name]
    data = None if name.startswith("spiral") else made
    settings = small(row)
    runs = [row.run(seed, data, **settings) for seed in row.seeds[:2]]
    once = row.once(data, **settings) if row.once else {}
    result = record.gather(row, runs, once)
    if row.published:
        place = result["results"] if row.seeds else result["once"]
        scores = np.atleast_1d(place[row.published.key])
        assert ((scores >= 0) & (scores <= 1)).all()
    if row.run:
        again = row.run(row.seeds[0], data, **settings)
        for key, scores in result["results"].items():
            assert scores[0] == again[key]
    assert json.loads(record.text_of(result)) == json.loads(json.dumps(result))


def test_there_is_a_file_for_each_row_and_no_other():
    assert [path.stem for path in WRITTEN] == sorted(ROWS)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_a_result_file_is_whole_and_of_the_row_as_it_is_now(path):
    text = path.read_text("utf-8")
    result, row = json.loads(text), ROWS[path.stem]
    assert text == record.text_of(result)
    assert len(text) < 16_000
    assert result["command"] == f"make published ROW={row.name}"
    assert re.fullmatch("[0-9a-f]{40}", result["commit"])
    assert isinstance(result["clean"], bool)
    assert set(result["versions"]) == {"numpy", "python"}
    bare = dataclasses.replace(row, summarise=None)
    now = json.loads(record.text_of(record.gather(bare, [], {})))
    for key in set(now) - {"results", "once"}:
        assert result[key] == now[key], f"{key} has changed: make published again"
    assert len(result["seeds"]) in (0, 5, 20)
    assert len(set(result["seeds"])) == len(result["seeds"])
    assert bool(result["seeds"]) == bool(row.run)
    for scores in result["results"].values():
        assert len(scores) == len(result["seeds"])
    if row.published:
        assert result["published"]["key"] in (result["results"] or result["once"])


def test_what_the_book_promises():
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in WRITTEN}
    assert found["darkness"]["once"]["right"] == 2225
    assert found["darkness"]["once"]["most_frequent_share"] == 0.1135
    assert len(found["mnist"]["seeds"]) >= 5
    assert min(found["mnist"]["results"]["early_accuracy"]) > 0.965
    assert found["mnist"]["settings"]["early"] == 3
    for name, result in found.items():
        if name.startswith("spiral"):
            assert len(result["seeds"]) == 20
            assert result["once"]["replay_start"] == 0.36  # as the book prints


def test_what_the_pages_say_in_words_is_what_the_files_say():
    """Where a sentence counts or compares, and no role can stand for it."""
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in WRITTEN}
    page = (ROOT / "book/published.md").read_text("utf-8")

    (table,) = re.findall(r"```{result-table}\n(.*?)```", page, re.S)
    names = [line.partition(":")[0] for line in table.splitlines()]
    inside = {name for name in names if compare(found[name], name)[-1]}
    assert "seven of twelve figures lie inside" in page
    assert (len(inside), len(names)) == (7, 12)
    scores = {
        name: found[name]["results"].get(found[name]["published"]["key"])
        for name in names
    }
    above = {
        name
        for name in set(names) - inside
        if found[name]["published"]["value"] > max(scores[name])
    }
    assert "Two lie above" in page
    assert above - {"linear-linear"} == {"nielsen", "fashion-mlp"}
    layers = {"linear-linear", "linear-sigmoid", "linear-softmax"}
    assert set(names) - inside == {"nielsen", "fashion-mlp"} | layers

    assert "its first run lies below all of ours, its last among them" in page
    ours = scores["fashion-mlp"]
    assert 0.8781 < min(ours) <= 0.8793 <= max(ours) < 0.8833

    assert "lies above the first two and below the others" in page
    linear_way = [*scores["linear-linear"], found["linear-linear"]["once"]["direct"]]
    others = scores["linear-sigmoid"] + scores["linear-softmax"]
    assert max(linear_way) < 0.88 < min(others)

    assert "13 to 32 points apart" in page
    spirals = [name for name in names if name.startswith("spiral")]
    spans = [round(100 * (max(scores[n]) - min(scores[n]))) for n in spirals]
    assert (min(spans), max(spans)) == (13, 32)
    assert "all but one lie within half a point" in page
    away = [
        abs(score - found[name]["published"]["value"])
        for name in ("nielsen", "keras-mlp", "fashion-mlp")
        for score in scores[name]
    ]
    assert sum(distance > 0.005 for distance in away) == 1

    words = "With momentum and with Adam, 10,000 steps make one right answer of that, "
    assert f"{words}of 300; with RMSProp 3, with AdaGrad 13, with plain SGD 19" in page
    apart = {"momentum": 1, "adam": 1, "rmsprop": 3, "adagrad": 13, "sgd": 19}
    for name, answers in apart.items():
        once = found[f"spiral-{name}"]["once"]
        between = abs(once["replay_float32"] - once["replay_float64"])
        assert round(300 * between) == answers

    first = found["nielsen"]["results"]["first"]
    worst = found["nielsen"]["results"]["worst_digit"]
    assert worst.index(min(worst)) == first.index(min(first)) == 3
    assert sorted(first)[1] == first[2]

    summary = found["mnist"]["summary"]
    assert len(summary["most_frequent_mistakes"]) == 2  # the caption names two
    assert "(3e−08 is 0.00000003.)" in (ROOT / "book/mnist.md").read_text("utf-8")
    assert f"{summary['worst'][0]['given_truth']:.0e}" == "3e-08"
    rightly = -math.log(0.99)
    weighs = [-math.log(entry["given_truth"]) / rightly for entry in summary["worst"]]
    assert min(weighs) > 1000


def test_nielsens_step_is_his():
    """Our loss and rate move the parameters as his update_mini_batch does."""
    rng = np.random.default_rng(0)
    x, y = rng.random((10, 6)), one_hot(rng.integers(0, 10, 10), 10)
    model = Sequential([Dense(6, 10, rng=1), Sigmoid()])
    before = {k: a.copy() for k, a in model.layers[0].params.items()}
    config = nielsen.SETTINGS["optimizer"]
    model.fit(
        x, y, loss=MeanSquaredError(), optimizer=optimizer(config), batch_size=10, rng=0
    )
    out = sigmoid(x @ before["W"] + before["b"])
    delta = (out - y) * out * (1 - out)
    moved = model.layers[0].params
    np.testing.assert_allclose(moved["W"], before["W"] - 3 / 10 * x.T @ delta)
    np.testing.assert_allclose(moved["b"], before["b"] - 3 / 10 * delta.sum(axis=0))


def test_the_direct_solution_has_the_least_squared_error(made):
    """Its answers are those of NumPy's least squares on the images themselves."""
    settings = small(ROWS["linear-linear"])
    x, x_test = (
        np.column_stack([images, np.ones(len(images))])
        for images in linear.pixels(made, settings, "float64")
    )
    y = one_hot(made.y_train[:60], 10)
    answers = (x_test @ np.linalg.lstsq(x, y)[0]).argmax(axis=1)
    found = linear.direct(made, **settings)
    assert found == {"direct": (answers == made.y_test).mean(), "equations": 785}


def test_the_books_noise_is_rounded_to_32_bits():
    """The book's package rounds what it draws before it is multiplied."""
    x, _ = spiral.book_points(np.random.RandomState(0), 100, 3, 0.2)
    drawn = np.random.RandomState(0).randn(100).astype(np.float32)
    turn = 2.5 * (np.linspace(0, 4, 100) + drawn * 0.2)
    first = np.linspace(0, 1, 100) * np.sin(turn)
    np.testing.assert_array_equal(x[:100, 0], first.astype(np.float32))


def test_mistakes_that_are_as_frequent_are_all_named():
    p = np.eye(3)[[0, 1, 2, 2, 0, 1]]
    y = np.array([0, 1, 2, 1, 1, 0])
    one = {"_p": p, "_y": y, "_weights": np.ones((784, 8)), "_moved": np.ones((784, 8))}
    named = mnist.summarise([{**one, "_seen": np.ones(784, bool)}])
    pairs = [(m["truth"], m["answer"]) for m in named["most_frequent_mistakes"]]
    assert pairs == [(0, 1), (1, 0), (1, 2)]
    assert {m["times"] for m in named["most_frequent_mistakes"]} == {1}


KINDS = {"Sigmoid", "ReLU", "Tanh"}
FLAT = {"linear-linear", "linear-softmax"}


@pytest.mark.parametrize("name", [name for name in ROWS if ROWS[name].run])
def test_the_settings_in_the_file_are_those_of_the_run(name, made, monkeypatch):
    """What is written down as a setting is what the first fit is given."""
    seen = {}
    fit = Sequential.fit

    def watch(model, x, y, **rest):
        if not seen:
            start = [
                {k: a.copy() for k, a in layer.params.items()} for layer in model.layers
            ]
            seen.update(rest, model=model, x=x.copy(), start=start)
        return fit(model, x, y, **rest)

    monkeypatch.setattr(Sequential, "fit", watch)
    row, settings = ROWS[name], small(ROWS[name])
    on_images = not name.startswith("spiral")
    row.run(0, made if on_images else None, **settings)
    model, x = seen["model"], seen["x"]
    assert model.dtype == settings["dtype"]
    batch = settings["batch"]
    assert seen["batch_size"] == (len(x) if batch == "all" else batch)
    assert type(seen["loss"]).__name__ == settings.get("loss", "SoftmaxCrossEntropy")
    config = settings["optimizer"]
    kind = config if isinstance(config, str) else config["class"]
    assert type(seen["optimizer"]).__name__ == kind
    drawn = [params for params in seen["start"] if params]
    widths = [drawn[0]["W"].shape[0], *(params["W"].shape[1] for params in drawn)]
    middle, classes = settings.get("hidden"), settings.get("classes")
    assert widths == settings.get("layers", [2, middle, classes])
    default = {"linear-sigmoid": "Sigmoid"}.get(name, "ReLU")
    bends = {type(layer).__name__ for layer in model.layers} & KINDS
    wanted = {settings.get("activation", default), settings.get("last_activation")}
    assert bends == (set() if name in FLAT else wanted - {None})
    dropped = {layer.p for layer in model.layers if isinstance(layer, Dropout)}
    assert dropped == ({settings["dropout"]} if "dropout" in settings else set())
    if on_images:
        assert x.max() == pytest.approx(200 / settings["pixels_divided_by"])
    for params in drawn:
        inputs, outputs = params["W"].shape
        std = (
            {
                "zeros": 0.0,
                "He normal": (2 / inputs) ** 0.5,
                "Glorot uniform": (2 / (inputs + outputs)) ** 0.5,
            }[settings["weights"]]
            if "weights" in settings
            else settings["weight_std"]
        )
        assert params["W"].std() == pytest.approx(std, rel=0.15)
        if "bias" in settings:
            assert (params["b"] == settings["bias"]).all()
        else:
            assert 0.3 < params["b"].std() / settings["bias_std"] < 2


def test_shares_is_a_layer():
    layer = fashion.Shares()
    x = np.random.default_rng(0).uniform(0.1, 1, (4, 3))
    np.testing.assert_allclose(layer.forward(x).sum(axis=1), 1)
    check_gradients(layer, x)


def test_glorot_weights_have_their_variance():
    drawn = keras_mlp.glorot_uniform(np.random.default_rng(0), (300, 500), np.float32)
    assert drawn.dtype == np.float32
    assert abs(drawn).max() <= (6 / 800) ** 0.5
    np.testing.assert_allclose(drawn.var(), 2 / 800, rtol=0.01)


def test_the_books_points_have_the_form_of_ours():
    x, y = spiral.book_points(np.random.RandomState(0), 5, 3, 0.0)
    ours, labels = spiral.make_spiral(5, classes=3, noise=0.0, rng=0)
    np.testing.assert_allclose(x, ours, atol=1e-7)
    np.testing.assert_array_equal(y, labels)


def test_the_code_on_the_page_is_what_runs(made, monkeypatch, capsys):
    page = (ROOT / "book/mnist.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.S)
    small_code = code.replace("5_000", "20").replace("rng, 3)", "rng, 1)")
    assert small_code.count("20)") == small_code.count("rng, 1)") == 1
    monkeypatch.setattr("nnlib.datasets.load_mnist", lambda: made)
    exec(small_code, dict(vars(mnist)))
    settings = small(ROWS["mnist"])
    assert f"{mnist.run(0, made, **settings)['early_accuracy']}" == (
        f"{round(float(capsys.readouterr().out), 4)}"
    )
    full = ROWS["mnist"].settings
    assert (full["held_out"], full["early"], full["learning_rate"]) == (5000, 3, 0.002)
    model = mnist.build(0)
    widths = [model.layers[0].in_features, *(d.out_features for d in model.layers[::2])]
    assert widths == full["layers"]
    assert model.dtype == full["dtype"]


def test_a_result_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    result = {"row": "one", "list": [1, 2], "nested": [[1, 2], [3]], "said": "a, [b"}
    path = record.write(result, tmp_path)
    text = path.read_text("utf-8")
    assert json.loads(text) == result
    assert '"list": [1, 2]' in text

    def fail(*_):
        raise OSError("no room")

    monkeypatch.setattr(record.os, "replace", fail)
    with pytest.raises(OSError, match="no room"):
        record.write({**result, "list": [3]}, tmp_path)
    assert [p.read_text("utf-8") for p in tmp_path.iterdir()] == [text]


def test_rows_are_written_one_after_the_other(tmp_path, monkeypatch):
    class Here:
        """A pool without processes."""

        def __init__(self, *_, **__):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def submit(self, function, *arguments):
            future = record.Future()
            future.set_result(function(*arguments))
            return future

    monkeypatch.setattr(record.os, "environ", dict(record.os.environ))
    monkeypatch.setattr(record, "ProcessPoolExecutor", Here)
    monkeypatch.setattr(record, "write", lambda result: tmp_path / result["row"])
    tiny = {
        name: dataclasses.replace(ROWS[name], settings=small(ROWS[name]))
        for name in ("spiral-sgd", "spiral-adam")
    }
    monkeypatch.setattr(record, "ROWS", tiny)
    assert [path.name for path in record.record(tiny.values())] == list(tiny)


def test_an_unknown_row_is_named(capsys):
    assert command.main(["nielson"]) == 2
    assert "No row nielson. There are: spiral-sgd" in capsys.readouterr().out


@pytest.mark.parametrize("module", ["row", "figures"])
def test_examples_in_docstrings_hold(module):
    failed, tried = doctest.testmod(importlib.import_module(f"published.{module}"))
    assert tried
    assert not failed
