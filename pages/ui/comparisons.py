"""The picture, the table and the fine print of models compared on ratings held back."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.ui import charts, frame, state, theme
from pages.ui.standings import LISTS, Choice, Standing, chance, in_words, number, with_interval
from pages.ui.words import plain
from recengine.describe import percent
from recengine.evaluate import Evaluation
from recengine.metrics import Metric, parse


def measure(choice: Choice) -> Evaluation:
    """The evaluation, with a bar while it is worked out; one that is known comes at once."""
    with frame.waiting() as progress:
        return state.evaluation(*choice, _progress=progress)


def chart(table: list[Standing], name: str) -> None:
    """A dot and its interval for each model, best on top; the baselines' values as lines behind them."""
    metric = parse(name)
    rows = "; ".join(f"{row.title} {number(row.value.value, metric)}" for row in table)
    st.plotly_chart(
        _figure(table, metric),
        theme="streamlit",
        width="stretch",
        config={"displayModeBar": False},
        alt=f"{metric.label} with 95 % intervals, best first: {rows}.",
    )


def results(table: list[Standing], name: str) -> None:
    """A row a model, or a card on a narrow screen: its value, its gain in words, what it took, what it guessed."""
    metric = parse(name)
    rows = [_row(row, metric) for row in table]
    if not frame.narrow():
        st.table(rows, border="horizontal", hide_index=True, alt=f"{metric.label} of each algorithm, best first")
        return
    for cells in rows:
        title, value, *others = cells.items()
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"{title[1]} · {metric.label} {value[1]}")
            st.markdown("  \n".join(f"{label}: {cell}" for label, cell in others))


def left_out(evaluation: Evaluation, name: str) -> None:
    """Who is not there and why, with the way to see them."""
    titles = [plain(result.model.title) for result in evaluation.results if name not in result.metrics]
    if titles:
        verb = "ranks" if len(titles) == 1 else "rank"
        named = " and ".join(filter(None, (", ".join(titles[:-1]), titles[-1])))
        said = f"{named} {verb} movies without predicting ratings: compare them under *{LISTS}*."
        st.markdown(f":small[{said}]")


def fine_print(evaluation: Evaluation, name: str) -> None:
    """All that is needed to repeat and to judge the numbers."""
    result = evaluation.results[0]
    said = [
        evaluation.protocol,
        f"{result.n_ratings:,} test ratings by {result.n_people:,} people.",
        f"Intervals: 95\u00a0% of {evaluation.resamples:,} resamples of those people.",
    ]
    if parse(name).kind == "ranking":
        excluded = f"; {result.excluded_people:,} people without one are left out." if result.excluded_people else "."
        said.append(f"Ranked are all movies not rated in training; every one held back is a hit{excluded}")
    said.append("By fallback: the share of answers on which a model had no opinion, so that its stand-in answered.")
    changed = [result.label for result in evaluation.results if result.label != result.model.name]
    said.append(f"Parameters: the defaults{', but for lists ' + ', '.join(changed) if changed else ''}.")
    said.append(f"Seed {evaluation.seed}, data {evaluation.fingerprint[:12]}.")
    st.markdown(f":small[{plain(' '.join(said))}]")
    if evaluation.warning:
        st.markdown(f":small[:material/history: {plain(evaluation.warning)}]")


def download(evaluation: Evaluation) -> None:
    """Every metric of every model, with what is needed to repeat it, to take away."""
    rows = [
        {
            "model": result.label,
            "metric": metric,
            **vars(value),
            "fit_seconds": result.fit_seconds,
            "predict_seconds": result.predict_seconds,
            **{name: getattr(evaluation, name) for name in ("dataset", "fingerprint", "split", "seed")},
        }
        for result in evaluation.results
        for metric, value in result.metrics.items()
    ]
    name = f"{evaluation.dataset}-{evaluation.split}.csv"
    table = pd.DataFrame(rows).to_csv(index=False)
    st.download_button(
        "Download as CSV", table, name, "text/csv", icon=":material/download:", key="download", on_click="ignore"
    )


def _row(row: Standing, metric: Metric) -> dict[str, str]:
    """A model's results as Markdown, by the name of their column."""
    result = row.result
    fallback = result.fallback_share if metric.kind == "rating" else result.list_fallback_share
    best = _best(metric)
    gain = f"the {best} itself" if row.gain is None else f"{in_words(row.gain, metric)}{chance(row.gain)}"
    return {
        "Algorithm": f"**{plain(row.title)}**",
        f"{metric.label} [95\u00a0% interval]": plain(with_interval(row.value, metric)),
        f"Against the {best}": plain(gain),
        "Fit, predict": plain(f"{_seconds(result.fit_seconds)}, {_seconds(result.predict_seconds)}"),
        "By fallback": "none asked" if fallback is None else plain(percent(fallback)),
    }


def _figure(table: list[Standing], metric: Metric) -> go.Figure:
    shape = (20, 2) if frame.narrow() else (36, 1)
    figure, names = go.Figure(), [charts.in_lines(row.title, *shape) for row in table]
    first = next((row for row in table if row.baseline), None)
    low, high = zip(*(_ends(row) for row in table), strict=True)
    for place, row in enumerate(table):
        value, mark = row.value.value, theme.mark(row.result.model.name)
        hue = theme.FAMILY[row.result.model.family]
        figure.add_scatter(
            x=[low[place], high[place]],
            y=[place, place],
            mode="lines",
            line={"color": hue, "width": 4},
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=[value],
            y=[place],
            mode="markers",
            marker={"color": mark.colour, "symbol": mark.symbol, "size": 14, "line": {"color": theme.INK, "width": 1}},
            hovertemplate=f"{theme.label(row.title)}: {with_interval(row.value, metric)}<extra></extra>",
        )
        figure.add_annotation(
            x=high[place], y=place, text=number(value, metric), xanchor="left", xshift=10, showarrow=False
        )
        if row.baseline:
            line = {"color": theme.BASE, "width": 2 if row is first else 1, "dash": "dash" if row is first else "dot"}
            figure.add_vline(x=value, line=line, layer="below")
    theme.quiet(figure, 90 + 42 * len(table)).update_layout(margin_t=28)
    if first is not None:
        figure.add_annotation(
            x=first.value.value, y=1, yref="paper", yanchor="bottom", text=_best(metric), showarrow=False
        )
    room = max(max(high) - min(low), 1e-3)
    figure.update_xaxes(
        title_text=_axis(metric), range=[min(low) - 0.06 * room, max(high) + 0.2 * room], nticks=8, zeroline=False
    )
    figure.update_yaxes(
        range=[len(table) - 0.5, -0.5], tickvals=list(range(len(table))), ticktext=names, showgrid=False, zeroline=False
    )
    return figure


def _best(metric: Metric) -> str:
    return "highest baseline" if metric.kind == "list" else "best baseline"


def _ends(row: Standing) -> tuple[float, float]:
    """Where a model's interval begins and ends; at its value where it has none."""
    value = row.value
    return (
        value.value if value.low is None else value.low,
        value.value if value.high is None else value.high,
    )


def _axis(metric: Metric) -> str:
    unit = f" in {metric.unit}" if metric.unit else ""
    if metric.kind == "list":
        return f"{metric.label}{unit} · higher →"
    return f"{metric.label}{unit} · " + ("higher is better →" if metric.higher_is_better else "← lower is better")


def _seconds(seconds: float) -> str:
    return "< 0.01 s" if seconds < 0.01 else f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
