"""Figures say what they show, take the page's colours, and repeat to the byte."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from nnlib.plots import PALETTE, Explorer, Figure, colour, subplots, to_svg

ALT = "A line that rises from the lower left to the upper right."


def line(slope=1.0, label="0.25 of it"):
    figure, axes = subplots(height=2.0)
    axes.plot([0, 1], [0, slope], "o-", color=colour("input"))
    axes.text(0.1, 0.9, label, color=colour("loss"))
    axes.set(ylim=(-4, 4))
    return figure


def test_the_same_figure_gives_the_same_bytes():
    assert to_svg(line(), ALT) == to_svg(line(), ALT)


def test_svg_is_well_formed_described_and_themed():
    svg = to_svg(line(), 'A line, "quoted" & <marked>.')
    root = ET.fromstring(svg)
    assert root.attrib["aria-label"] == 'A line, "quoted" & <marked>.'
    assert root.attrib["role"] == "img"
    assert f"var(--nn-input, {PALETTE['input'][0]})" in svg
    assert f"var(--nn-loss, {PALETTE['loss'][0]})" in svg
    assert "DejaVu" not in svg
    assert "<style" not in svg, "a style sheet inside would apply to the whole page"


def test_text_stays_text_with_all_its_digits():
    assert ">0.25 of it<" in to_svg(line(), ALT)


def test_identifiers_differ_between_figures_and_are_all_used():
    first, second = to_svg(line(1.0), ALT), to_svg(line(2.0), ALT)
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for found, svg in zip(ids, (first, second), strict=True):
        assert found == set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))


def test_a_figure_offers_svg_and_a_line_of_text():
    figure = Figure(line(), alt=ALT)
    assert set(figure._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    assert repr(figure) == f"Figure: {ALT}"


@pytest.mark.parametrize("alt", ["", "   ", "figure.svg"])
def test_a_figure_without_a_description_is_refused(alt):
    with pytest.raises(
        ValueError, match="alt must describe the figure in 20 characters"
    ):
        Figure(line(), alt=alt)


def test_an_unknown_role_is_refused():
    with pytest.raises(
        ValueError, match=r"role must be one of ink, muted, .*, got 'pink'"
    ):
        colour("pink")


def test_every_role_has_its_own_light_value():
    light = [both[0] for both in PALETTE.values()]
    assert len(set(light)) == len(light), (
        "a light value is how a finished figure tells roles apart"
    )


def explorer(**changes):
    options = {
        "draw": lambda slope, side: line(slope * side),
        "controls": {"slope": [1, 2, 3], "side": [-1, 1]},
        "alt": lambda slope, side: (
            f"A line of slope {slope * side} through the origin."
        ),
        "start": {"slope": 1},
        "labels": {"side": "which side"},
    }
    return Explorer(**{**options, **changes})


def test_explorer_draws_every_combination_and_shows_the_start():
    html = explorer()._repr_mimebundle_()["text/html"]
    frames = re.findall(r'<div class="nn-frame" data-at="(\d,\d)"( hidden)?>', html)
    assert [at for at, _ in frames] == ["0,0", "0,1", "1,0", "1,1", "2,0", "2,1"]
    assert [at for at, hidden in frames if not hidden] == ["0,1"]
    assert len(set(re.findall(r"<svg.*?</svg>", html))) == 6
    assert "<span>which side</span>" in html
    assert 'data-values="[&quot;1&quot;, &quot;2&quot;, &quot;3&quot;]"' in html


def test_words_make_a_choice_and_numbers_a_slider():
    html = explorer(
        draw=lambda slope, style: line(slope, style),
        controls={"slope": [-1, 1], "style": ["plain", "bold"]},
        alt=lambda slope, style: f"A {style} line of slope {slope}.",
        start={"slope": 1},
        labels={},
    )._html()
    assert 'data-values="[&quot;−1&quot;, &quot;1&quot;]"' in html
    legend, *buttons = re.findall(
        r"<legend>(.*?)</legend>|<label>(<input.*?)</label>", html
    )
    assert legend[0] == "style"
    assert [text.partition(">")[2] for _, text in buttons] == ["plain", "bold"]
    assert [" checked" in text for _, text in buttons] == [False, True]
    assert len({re.search('name="(.*?)"', text)[1] for _, text in buttons}) == 1


def test_two_explorers_do_not_share_buttons():
    def with_style(label):
        return explorer(
            draw=lambda style: line(1, style + label),
            controls={"style": ["plain", "bold"]},
            alt="A line whose label is {style}.".format,
            start={},
            labels={},
        )._html()

    names = [set(re.findall('name="(.*?)"', with_style(x))) for x in ("a", "b")]
    assert not names[0] & names[1]


def test_explorer_is_live_in_a_notebook():
    shown = explorer()
    box = shown._widget()
    *sliders, picture = box.children
    assert picture.value == shown.frames[0, 1]
    sliders[0].value = 2
    sliders[1].value = 0
    assert picture.value == shown.frames[2, 0]


def test_explorer_offers_what_each_viewer_can_show():
    bundle = explorer()._repr_mimebundle_()
    assert set(bundle) == {
        "application/vnd.jupyter.widget-view+json",
        "text/html",
        "image/svg+xml",
        "text/plain",
    }
    assert bundle["image/svg+xml"] == explorer().frames[0, 1]
    assert (
        bundle["text/plain"]
        == "Explorer: slope from 1 to 3, which side from -1 to 1, 6 frames"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"draw": lambda slope, side: line(slope)}, "frames at .* are equal"),
        (
            {"controls": {"slope": [1], "side": [-1, 1]}},
            "slider slope must have two values",
        ),
        ({"start": {"slope": 7}}, r"start of slope must be one of \[1, 2, 3\], got 7"),
        ({"start": {"speed": 1}}, "must name sliders, got 'speed'"),
        ({"labels": {"speed": "x"}}, "must name sliders, got 'speed'"),
        ({"alt": lambda slope, side: "short"}, "alt must describe the figure"),
    ],
)
def test_explorer_refuses_a_broken_promise(changes, message):
    with pytest.raises(ValueError, match=message):
        explorer(**changes)


def test_style_does_not_leak():
    import matplotlib

    before = dict(matplotlib.rcParams)
    to_svg(line(), ALT)
    assert dict(matplotlib.rcParams) == before


def test_subplots_gives_a_grid():
    _, axes = subplots(2, 3)
    assert np.shape(axes) == (2, 3)
