"""Which algorithm predicts ratings best, or ranks movies best, measured on ratings that were held back?"""

import streamlit as st

from pages.ui import address, comparisons, frame, standings, state
from pages.ui.words import plain

title = st.container()
data, models = frame.data(), state.models()
views = standings.views(state.catalogue(data))
choices, answer = st.columns([2, 5], gap="medium")
with choices, frame.panel("Measure, split, algorithms"):
    view = st.segmented_control(
        "What is judged", list(views), default=next(iter(views)), key="view", bind="query-params", required=True
    )
    splits = standings.splits(data)
    first = next(iter(splits))
    split = address.chosen("split", splits, first, st.container(), "split")
    address.select("What is held back", "split", splits, split, first)
    st.markdown(f":small[{standings.how(split)}]")
    chosen = st.pills(
        "Algorithms",
        standings.of_family("baselines", among=False),
        selection_mode="multi",
        default=standings.of_family("neighbors"),
        format_func=lambda name: models[name].title,
        key="models",
        bind="query-params",
    )
    always = standings.of_family("baselines")
    titles = plain(", ".join(models[name].title for name in always))
    st.markdown(f":small[Beside them, always: {titles}.]")
    seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="seed", bind="query-params")

title.title(standings.QUESTIONS[view], anchor=False)
asked = standings.asked([name for name in models if name in {*always, *chosen}], view)
choice = standings.Choice(data, split, asked, views[view], seed)
with answer, frame.sentences():
    metric = st.pills(
        "Metric",
        views[view],
        default=views[view][0],
        format_func=standings.metric_title,
        key="error" if view == standings.ERRORS else "quality",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
        wrap=True,
    )
    evaluation = comparisons.measure(choice)
    table = standings.standings(choice, evaluation, metric)
    st.markdown(standings.verdict(choice, table, metric))
    if table:
        comparisons.chart(table, metric)
        comparisons.results(table, metric)
    comparisons.left_out(evaluation, metric)
    comparisons.fine_print(evaluation, metric)
    comparisons.download(evaluation)
