"""Figures whose colours follow the page, and interactive figures that need no kernel.

Everything here draws; nothing here computes. See appendix A1 of the book.
"""

# Written by book/tools/export.py: edit the chapter, then run `make export`.

import hashlib
import io
import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import matplotlib
from matplotlib.figure import Figure as MatplotlibFigure

__all__ = [
    "PALETTE",
    "Explorer",
    "Figure",
    "colour",
    "plot_history",
    "subplots",
    "to_svg",
]

#: Role of a colour, and its value on a light and on a dark page.
#: Derived in appendix A1, "How are the figures drawn?".
PALETTE: dict[str, tuple[str, str]] = {
    "ink": ("#1f2328", "#e6e8eb"),
    "muted": ("#5c6570", "#a3abb5"),
    "grid": ("#d9dde2", "#3a4048"),
    "input": ("#23428a", "#5a8ff8"),
    "weight": ("#946a0c", "#e4ab34"),
    "output": ("#9a2fd0", "#d9a3fa"),
    "gradient": ("#1a8450", "#62e8a8"),
    "loss": ("#8c1414", "#ec625f"),
}

# Matplotlib's releases type what rc_context takes differently.
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.edgecolor": PALETTE["muted"][0],
    "axes.labelcolor": PALETTE["ink"][0],
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "grid.color": PALETTE["grid"][0],
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "patch.linewidth": 0.8,
    "hatch.linewidth": 0.8,
    "text.color": PALETTE["ink"][0],
    "xtick.color": PALETTE["muted"][0],
    "ytick.color": PALETTE["muted"][0],
    "xtick.labelcolor": PALETTE["ink"][0],
    "ytick.labelcolor": PALETTE["ink"][0],
    "svg.fonttype": "none",
    "svg.hashsalt": "nnlib",
}


def colour(role: str) -> str:
    """Return a role's light value, for which a finished figure takes the page's own.

    Derived in appendix A1, "How are the figures drawn?".

    Parameters
    ----------
    role : str
        A key of `PALETTE`.

    Returns
    -------
    str
        A colour such as ``"#23428a"``.

    Raises
    ------
    ValueError
        If no such role exists.

    Examples
    --------
    >>> colour("ink")
    '#1f2328'
    """
    if role not in PALETTE:
        raise ValueError(f"role must be one of {', '.join(PALETTE)}, got {role!r}")
    return PALETTE[role][0]


def subplots(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = 5.2,
    height: float = 3.0,
    **options: Any,
) -> tuple[MatplotlibFigure, Any]:
    """Make a Matplotlib figure in the book's style, without pyplot's global state.

    Derived in appendix A1, "How are the figures drawn?".

    Parameters
    ----------
    rows, columns : int
        The grid of axes.
    width, height : float
        Size in inches; a width of 5.2 fits the text column and, smaller, a phone.
    **options
        Passed on to ``matplotlib.figure.Figure.subplots``.

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : matplotlib.axes.Axes or ndarray of Axes

    Examples
    --------
    >>> figure, axes = subplots(height=2.0)
    >>> _ = axes.plot([0, 1], [0, 1], color=colour("input"))
    """
    with matplotlib.rc_context(_STYLE):
        figure = MatplotlibFigure(figsize=(width, height))
        return figure, figure.subplots(rows, columns, **options)


def to_svg(figure: MatplotlibFigure, alt: str) -> str:
    """Draw a figure as an SVG element that takes colours and font from the page.

    Derived in appendix A1, "How are the figures drawn?".

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What `subplots` returned, drawn upon.
    alt : str
        What a reader who cannot see the figure is told. Must say something.

    Returns
    -------
    str
        One ``<svg>`` element; the same figure gives the same text.

    Raises
    ------
    ValueError
        If `alt` is shorter than 20 characters.

    Examples
    --------
    >>> figure, axes = subplots()
    >>> to_svg(figure, "An empty pair of axes, nothing drawn.")[:22]
    '<svg class="nn-figure"'
    """
    return _element(*_draw(figure), alt)


def _draw(figure: MatplotlibFigure) -> tuple[float, float, str]:
    """Return width and height in points and what stands between the SVG's tags."""
    buffer = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = re.sub(
        r"<metadata>.*?</metadata>|<!--.*?-->", "", buffer.getvalue(), flags=re.DOTALL
    )
    head, body = svg[svg.index("<svg") :].split(">", 1)
    _, _, width, height = map(float, head.split('viewBox="')[1].split('"')[0].split())

    # Inside tags only, since text keeps its digits. A tenth of a point cannot be seen.
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(
        r"<[^>]*>", lambda tag: re.sub(r"-?\d+\.\d{2,}", _tenth, tag[0]), body
    )
    body = re.sub(r"\s*\n\s*", " ", re.sub(r">\s+<", "><", body)).strip()
    body = re.sub(
        r"font(-family)?: ?([^;\"]*?)'DejaVu Sans'[^;\"]*",
        r"font\1: \2var(--nn-font, sans-serif)",
        body,
    )
    # What nobody coloured is black: ink, like text, which inherits it from the root.
    body = body.replace("#000000", PALETTE["ink"][0])
    for role, (light, _) in PALETTE.items():
        body = body.replace(light, f"var(--nn-{role}, {light})")

    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    prefix = "f" + hashlib.sha256(body.encode()).hexdigest()[:8]
    body = re.sub(
        r' id="([^"]*)"',
        lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "",
        body,
    )
    return width, height, re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}", body)


def _tenth(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")


def _element(width: float, height: float, body: str, alt: str) -> str:
    """Put the tags around a drawing."""
    if len(alt.strip()) < 20:
        raise ValueError(
            f"alt must describe the figure in 20 characters or more, got {alt!r}"
        )
    return (
        f'<svg class="nn-figure" role="img" aria-label="{escape(alt)}" '
        f'width="{width * 100 / 72:.0f}" height="{height * 100 / 72:.0f}" '
        f'viewBox="0 0 {width:g} {height:g}" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'style="background:var(--nn-paper, #fff);stroke-linejoin:round;'
        f'fill:var(--nn-ink, {colour("ink")})">{body}'
    )


class Figure:
    """A finished figure, shown where it is the value of a cell.

    Derived in appendix A1, "How are the figures drawn?".

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What `subplots` returned, drawn upon.
    alt : str
        What a reader who cannot see the figure is told.

    Raises
    ------
    ValueError
        If `alt` is shorter than 20 characters.

    Examples
    --------
    >>> figure, axes = subplots()
    >>> Figure(figure, alt="An empty pair of axes, nothing drawn.")
    Figure: An empty pair of axes, nothing drawn.
    """

    def __init__(self, figure: MatplotlibFigure, *, alt: str) -> None:
        self.alt = alt
        self.svg = to_svg(figure, alt)

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": repr(self)}


class Explorer:
    """An interactive figure: one drawing for every combination of its sliders' values.

    Derived in appendix A1, "How are the figures drawn?".

    Parameters
    ----------
    draw : callable
        ``draw(**values)`` returns a Matplotlib figure made with `subplots`.
    controls : mapping of str to sequence
        The controls, in order: a keyword of `draw` and the values that it takes.
        Numbers make a slider, strings a choice.
    alt : callable
        ``alt(**values)`` says what the frame at these values shows.
    start : mapping, optional
        The value at which each slider stands first; the middle one by default.
    labels : mapping, optional
        What a slider is called on the page; its keyword by default.

    Raises
    ------
    ValueError
        If a slider has fewer than two values, a start is not one of them, or two frames
        are equal.

    Examples
    --------
    >>> def draw(slope):
    ...     figure, axes = subplots(height=2.0)
    ...     axes.axline((0, 0), slope=slope, color=colour("input"))
    ...     return figure
    >>> Explorer(draw, {"slope": [-1, 0, 1]}, alt="A line with slope {slope}.".format)
    Explorer: slope from -1 to 1, 3 frames
    """

    def __init__(
        self,
        draw: Callable[..., MatplotlibFigure],
        controls: Mapping[str, Sequence[Any]],
        *,
        alt: Callable[..., str],
        start: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self.controls = {name: list(values) for name, values in controls.items()}
        self.labels = {name: (labels or {}).get(name, name) for name in controls}
        for name in {**(start or {}), **(labels or {})}:
            if name not in self.controls:
                raise ValueError(f"start and labels must name sliders, got {name!r}")
        at = []
        for name, choices in self.controls.items():
            if len(choices) < 2:
                raise ValueError(
                    f"slider {name} must have two values or more, got {choices}"
                )
            first = (start or {}).get(name, choices[len(choices) // 2])
            if first not in choices:
                raise ValueError(
                    f"start of {name} must be one of {choices}, got {first!r}"
                )
            at.append(choices.index(first))
        self.start = tuple(at)
        self.frames: dict[tuple[int, ...], str] = {}
        drawn: dict[tuple[float, float, str], dict[str, Any]] = {}
        for place in itertools.product(*map(range, map(len, self.controls.values()))):
            values = {
                name: choices[i]
                for (name, choices), i in zip(self.controls.items(), place, strict=True)
            }
            picture = _draw(draw(**values))
            if picture in drawn:
                raise ValueError(
                    f"the frames at {drawn[picture]} and {values} are equal: "
                    "the slider shows nothing"
                )
            drawn[picture] = values
            self.frames[place] = _element(*picture, alt(**values))

    def __repr__(self) -> str:
        ranges = ", ".join(
            f"{self.labels[k]} from {v[0]} to {v[-1]}" for k, v in self.controls.items()
        )
        return f"Explorer: {ranges}, {len(self.frames)} frames"

    def _html(self) -> str:
        """Return the page's version: every frame, all but the start hidden."""
        # Radio buttons of one name belong together: no other figure may have this one.
        suffix = hashlib.sha256(self.frames[self.start].encode()).hexdigest()[:8]
        controls = "".join(
            _control(
                self.labels[name],
                f"{name}-{suffix}",
                [_shown(value) for value in values],
                at,
                words=_are_words(values),
            )
            for (name, values), at in zip(
                self.controls.items(), self.start, strict=True
            )
        )
        frames = "\n".join(
            f'<div class="nn-frame" data-at="{",".join(map(str, at))}"'
            f"{'' if at == self.start else ' hidden'}>{svg}</div>"
            for at, svg in self.frames.items()
        )
        start = ",".join(map(str, self.start))
        return (
            f'<div class="nn-explorer" data-start="{start}">\n'
            f'<div class="nn-controls" hidden>{controls}</div>\n{frames}\n</div>'
        )

    def _widget(self) -> Any:
        """Return the notebook's version, live while a kernel runs."""
        import ipywidgets

        controls = [
            (
                ipywidgets.ToggleButtons
                if _are_words(values)
                else ipywidgets.SelectionSlider
            )(
                options=[(_shown(value), i) for i, value in enumerate(values)],
                value=at,
                description=self.labels[name],
            )
            for (name, values), at in zip(
                self.controls.items(), self.start, strict=True
            )
        ]
        picture = ipywidgets.HTML(self.frames[self.start])

        def show(_: Any) -> None:
            picture.value = self.frames[tuple(control.value for control in controls)]

        for control in controls:
            control.observe(show, "value")
        return ipywidgets.VBox([*controls, picture])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = "application/vnd.jupyter.widget-view+json"
        return {
            view: self._widget()._repr_mimebundle_()[view],
            "text/html": self._html(),
            "image/svg+xml": self.frames[self.start],
            "text/plain": repr(self),
        }


def _are_words(values: Sequence[Any]) -> bool:
    """Return whether a control is a choice among words rather than a slider."""
    return all(isinstance(value, str) for value in values)


def _shown(value: Any) -> str:
    """Return a value as a reader is shown it, with a minus sign that is one."""
    return (
        value if isinstance(value, str) else str(value).replace("-", "\N{MINUS SIGN}")
    )


def _control(label: str, name: str, values: list[str], at: int, *, words: bool) -> str:
    """Return a choice among words, or a slider over numbers, as HTML."""
    if words:
        choices = "".join(
            f'<label><input type="radio" name="{escape(name)}" value="{i}"'
            f"{' checked' if i == at else ''}>{escape(value)}</label>"
            for i, value in enumerate(values)
        )
        return f"<fieldset><legend>{escape(label)}</legend>{choices}</fieldset>"
    listed = escape(json.dumps(values, ensure_ascii=False))
    return (
        f"<label><span>{escape(label)}</span>"
        f'<input type="range" min="0" max="{len(values) - 1}" value="{at}" '
        f'data-values="{listed}"><output>{escape(values[at])}</output></label>'
    )


def plot_history(history: Any, *, alt: str | None = None) -> Figure:
    """Draw what a training run has noted: the loss, and below it the metrics.

    Derived in chapter 10, "How big a step? full, stochastic, mini-batch".

    Parameters
    ----------
    history : nnlib.models.History
        Of one epoch or more. Lines of training data are whole, those of validation data
        dashed.
    alt : str, optional
        What a reader who cannot see the figure is told; by default the first and the
        last losses.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If no epoch is noted.

    Examples
    --------
    >>> from nnlib.models import History
    >>> history = History([2.3, 1.1], [0.0, 0.0], [0.1, 0.1], {"val_loss": [2.4, 1.6]})
    >>> plot_history(history)
    Figure: Loss over 2 epochs, from 2.3 to 1.1; validation from 2.4 to 1.6.
    """
    if not history.epochs:
        raise ValueError("history must hold at least one epoch, got none")
    names = [n for n in history.metrics if not n.startswith("val_")]
    rows = 1 + len(names)
    figure, axes = subplots(rows, squeeze=False, height=1.6 + 1.3 * rows, sharex=True)
    epochs = range(1, history.epochs + 1)
    lines = {"loss": history.loss, **{name: history.metrics[name] for name in names}}
    for panel, (name, values) in zip(axes[:, 0], lines.items(), strict=True):
        drawn = [(values, "-", "training")]
        if f"val_{name}" in history.metrics:
            drawn.append((history.metrics[f"val_{name}"], "--", "validation"))
        marker = "o" if history.epochs == 1 else ""
        for numbers, style, label in drawn:
            panel.plot(
                epochs,
                numbers,
                style,
                marker=marker,
                color=colour("loss" if name == "loss" else "output"),
                label=label,
            )
        panel.set_ylabel(name)
        if len(drawn) > 1:
            panel.legend(frameon=False)
    axes[-1, 0].set_xlabel("epoch")
    axes[-1, 0].xaxis.get_major_locator().set_params(integer=True)
    if alt is None:
        count = "1 epoch" if history.epochs == 1 else f"{history.epochs} epochs"
        alt = f"Loss over {count}, from {history.loss[0]:.3g} to {history.loss[-1]:.3g}"
        if "val_loss" in history.metrics:
            values = history.metrics["val_loss"]
            alt += f"; validation from {values[0]:.3g} to {values[-1]:.3g}"
        alt += "."
    return Figure(figure, alt=alt)
