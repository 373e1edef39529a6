"""Learning curves: of one training as it goes on, and of several in one picture."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from pages.ui import charts, theme
from pages.ui.charts import Drawn
from pages.ui.words import duration
from recengine.answers import Learning, Run
from recengine.metrics import parse

LOSS = ""  # what is drawn in place of a metric
EPOCHS, SECONDS = "Epochs", "Seconds"
ALONG = (EPOCHS, SECONDS)
_HEIGHT, _TALL = 210, 360  # pixels
_FEW = 12  # epochs up to which each has its marker, and for which there is room from the first
# Apart from one another, on a light ground as on a dark one: by colour, dash and symbol.
_COLOURS = (theme.FAMILY["neural"], theme.INK, theme.BASE, theme.shade(theme.FAMILY["neural"], -0.3))
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star", "hexagon")


def halves(told: Learning, model: str, *, live: bool = False) -> tuple[Drawn, ...]:
    """The loss and, where there is one, the validation: two pictures, since they are two quantities."""
    loss = _half(told.loss, "Loss in training", "lower is better", None, told, model, live=live)
    if not told.metric:
        return (loss,)
    metric = parse(told.metric)
    better = "higher is better" if told.higher_is_better else "lower is better"
    return loss, _half(told.validation, f"Validation, {metric.label}", better, told.best, told, model, live=live)


def _half(
    values: Sequence[float | None], title: str, better: str, best: int | None, told: Learning, model: str, *, live: bool
) -> Drawn:
    n, mark = len(values), theme.mark(model)
    figure = go.Figure(
        go.Scatter(
            x=list(range(1, n + 1)), y=list(values), mode="lines+markers" if n <= _FEW else "lines",
            line={"color": mark.colour, "width": 3}, marker={"size": 7, "color": mark.colour},
            hovertemplate="epoch %{x}: %{customdata}<extra></extra>",
            customdata=[number(values, epoch) for epoch in range(1, n + 1)],
        )
    )  # fmt: skip
    if best is not None:
        figure.add_scatter(
            x=[best], y=[values[best - 1]], mode="markers", hoverinfo="skip",
            marker={"symbol": "circle-open", "size": 15, "color": theme.INK, "line": {"width": 2}},
        )  # fmt: skip
    last = max(n, min(told.most, _FEW) if live else 2)
    theme.quiet(figure, _HEIGHT).update_layout(margin_t=34)
    figure.add_annotation(
        text=f"<b>{title}</b>, {better}", x=0, y=1, xref="paper", yref="paper", xanchor="left", yanchor="bottom",
        yshift=8, showarrow=False,
    )  # fmt: skip
    figure.update_xaxes(range=[0.5, last + 0.5], title_text="epoch →", zeroline=False, **_ticks(last))
    figure.update_yaxes(nticks=5, zeroline=False, range=_range(values))
    return Drawn(figure, _says(values, best, live=live))


def _range(values: Sequence[float | None]) -> list[float] | None:
    """Room around the values, also around a single one."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    low, high = min(known), max(known)
    room = 0.12 * (high - low) or 0.1 * abs(high) or 0.1
    return [low - room, high + room]


def _ticks(last: int) -> dict[str, int]:
    """Whole numbers only."""
    return {"dtick": 1} if last <= _FEW else {"nticks": 7}


def _says(values: Sequence[float | None], best: int | None, *, live: bool) -> str:
    n = len(values)
    now = f"{number(values, n)} after epoch {n}"
    if best is None or best == n:
        return f"{now}{', the best so far (ring)' if best and live else ', the best (ring)' if best else ''}."
    return f"{number(values, best)} after epoch {best}, the best{' so far' if live else ''} (ring); {now}."


def number(values: Sequence[float | None], epoch: int) -> str:
    """The value after an epoch, from 1.

    >>> [number([0.25, 1289.0915, None], epoch) for epoch in (1, 2, 3)]
    ['0.2500', '1289.1', 'not measured']
    """
    value = values[epoch - 1]
    if value is None:
        return "not measured"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:#.5g}"


def values_of(run: Run, metric: str) -> Sequence[float | None]:
    """The values that are drawn."""
    return run.learning.loss if metric == LOSS else run.learning.validation


def kept(run: Run, metric: str) -> float | None:
    """The value of the epoch whose weights were kept."""
    return values_of(run, metric)[(run.learning.best or len(run.learning.loss)) - 1]


def name(run: Run) -> str:
    """A training among others: what differs from the defaults, and its seed."""
    return f"{run.task.label}, seed {run.task.seed}"


def ranked(runs: Sequence[Run], metric: str) -> list[Run]:
    """Those that were measured so, the furthest first."""
    able = [run for run in runs if metric in (LOSS, run.learning.metric) and kept(run, metric) is not None]
    highest_first = metric != LOSS and any(run.learning.higher_is_better for run in able)
    return sorted(able, key=lambda run: kept(run, metric) or 0.0, reverse=highest_first)


def overlay(numbered: Sequence[tuple[int, Run]], metric: str, along: str, *, narrow: bool) -> Drawn:
    """Several curves, each with its number, and a mark where its weights were kept."""
    figure = go.Figure()
    for place, (rank, run) in enumerate(numbered):
        told, (colour, dash, symbol) = run.learning, _look(place)
        x = list(told.seconds) if along == SECONDS else list(range(1, len(told.loss) + 1))
        y, best = list(values_of(run, metric)), (told.best or len(x)) - 1
        called = f"{run.task.title}, seed {run.task.seed}" if narrow else name(run)
        title = charts.in_lines(f"{rank} · {called}", 38 if narrow else 110, 3)
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"color": colour, "width": 3, "dash": dash}, name=title,
            legendgroup=str(rank), hovertemplate=f"{title}<br>%{{x:.4g}}: %{{customdata}}<extra></extra>",
            customdata=[number(y, epoch) for epoch in range(1, len(y) + 1)],
        )  # fmt: skip
        figure.add_scatter(
            x=[x[best]], y=[y[best]], mode="markers+text", text=[f"<b>{rank}</b>"], textposition="top center",
            textfont={"color": theme.INK, "size": 14}, legendgroup=str(rank), showlegend=False, hoverinfo="skip",
            marker={"color": colour, "symbol": symbol, "size": 12, "line": {"color": theme.INK, "width": 1}},
            cliponaxis=False,
        )  # fmt: skip
    theme.quiet(figure, _TALL + 22 * len(numbered))
    figure.update_layout(
        showlegend=True,
        legend={"x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom", "font": {"size": 13, "color": theme.INK}},
    )
    last = max(len(run.learning.loss) for _, run in numbered)
    if along == EPOCHS:
        figure.update_xaxes(title_text="epoch →", range=[0.5, last + 0.5], zeroline=False, **_ticks(last))
    else:
        figure.update_xaxes(title_text="seconds of training →", rangemode="tozero", zeroline=False, nticks=7)
    figure.update_yaxes(title_text="" if narrow else _axis(metric), zeroline=False, nticks=6)
    told = "; ".join(
        f"{rank} {name(run)} {_worth(run, metric)} after epoch {run.learning.best}" for rank, run in numbered
    )
    return Drawn(figure, f"Where each was best and kept: {told}.")


def _look(place: int) -> tuple[str, str, str]:
    """Colour, dash and symbol of the curve at a place, from 0."""
    return tuple(kinds[place % len(kinds)] for kinds in (_COLOURS, _DASHES, _SYMBOLS))


def _axis(metric: str) -> str:
    return "loss · ← lower is better" if metric == LOSS else f"validation, {parse(metric).label}"


def _worth(run: Run, metric: str) -> str:
    return number([kept(run, metric)], 1)


def table(numbered: Sequence[tuple[int, Run]], metric: str) -> list[dict[str, str]]:
    """A row a training, the furthest first."""
    label = "Loss" if metric == LOSS else parse(metric).label
    return [
        {
            "Place": str(rank),
            "Training": run.task.label,
            "Seed": str(run.task.seed),
            label: _worth(run, metric),
            "Best epoch": f"{run.learning.best} of {len(run.learning.loss)}",
            "Took": duration(run.seconds),
        }
        for rank, run in numbered
    ]
