"""Networks in training: which, how far it is, what came of it, and what earlier trainings came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.ui import address, controls, curves, frame, state
from pages.ui.charts import Drawn
from pages.ui.words import duration, plain, roughly
from recengine.answers import Job, ModelInfo, Run, Task
from recengine.errors import RecengineError
from recengine.metrics import parse

FAMILY = "neural"
PERSON, ACCURACY = "pages/recommend/person.py", "pages/compare/accuracy.py"
_EVERY = 1.0  # seconds between two looks at what is going on
_STARTED, _REFUSED = "trainings started here", "refused by the training"
_ENDED = {"done": "has learned.", "cancelled": "cancelled."}
_SHOWN = 4  # runs that are drawn where none are chosen
_ROWS = 12  # of the table


@dataclass(frozen=True)
class Asked:
    """A network with its parameters and a seed, to be trained on data. `keys`: what begins those of its parameters."""

    data: str
    model: Any
    seed: int
    keys: str

    def is_of(self, task: Task) -> bool:
        """Whether this is what a job or a run is of."""
        return (task.data, task.label, task.seed) == (self.data, self.model.label, self.seed)


def choose(data: str, notes: Any) -> Asked:
    """The network, its parameters and the seed, all in the address."""
    networks = {name: info for name, info in state.models().items() if info.family == FAMILY}
    titles, carried = {name: info.title for name, info in networks.items()}, address.read("model")
    first = carried if carried in networks else next(iter(networks))
    name = address.chosen("network", titles, first, notes, "network called")
    address.select("Network", "network", titles, name, first)
    info = networks[name]
    st.markdown(plain(info.summary))
    for_lists = bool(info.ranking) and not (info.traits.ratings and state.catalogue(data).scale)
    parameters = controls.tuned(info, for_lists=for_lists, page="train.")
    seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="seed", bind="query-params")
    return Asked(data, state.model(name, dict(parameters)), int(seed), f"{'list.' if for_lists else ''}{name}")


def _job_of(asked: Asked) -> Job | None:
    """The latest job of the training that is chosen."""
    return next((job for job in reversed(state.jobs()) if asked.is_of(job.task)), None)


def _run_of(asked: Asked, runs: tuple[Run, ...]) -> Run | None:
    """The training that is chosen, where it is in the store."""
    return next((run for run in runs if asked.is_of(run.task)), None)


def starter(asked: Asked, runs: tuple[Run, ...]) -> None:
    """The button that starts the training, and why it cannot be pressed where it cannot."""

    def start() -> None:
        try:
            job = state.train(asked.data, asked.model.label, asked.seed)
        except RecengineError as error:
            st.session_state[_REFUSED] = str(error)
        else:
            st.session_state.setdefault(_STARTED, set()).add(job.key)

    job, run = _job_of(asked), _run_of(asked, runs)
    active = job is not None and job.active and not job.stopping
    helped = (
        "It is in training." if active else "It is in the store: choose another parameter or seed." if run else None
    )
    st.button(
        "Start", icon=":material/play_arrow:", width="stretch", on_click=start, key="start training",
        disabled=active or run is not None, help=helped,
    )  # fmt: skip
    if refused := st.session_state.pop(_REFUSED, ""):
        st.error(plain(refused), icon=":material/error:")


def going_on(asked: Asked) -> None:
    """Everybody's queued and running jobs; while there are any, this part looks again every second."""
    active = frozenset(job.key for job in state.jobs() if job.active)
    frame.fragment(_going_on, every=_EVERY if active else None)(asked, active)


def _going_on(asked: Asked, shown: frozenset[str]) -> None:
    """What is going on now. Where one of those `shown` before has ended, the whole page looks again."""
    active = [job for job in state.jobs() if job.active]
    if shown - {job.key for job in active}:
        st.rerun()
    for job in active:
        with st.container(border=True):
            st.markdown(_named(asked, job))
            if job.state == "running":
                _running(job)
            else:
                others = "1 other" if job.ahead == 1 else f"{job.ahead} others"
                st.text(f"Waits for {others}: networks are trained one after the other.")
            st.button(
                "Cancel", icon=":material/stop:", key=f"cancel {job.key}", on_click=state.cancel, args=(job.key,),
                disabled=job.stopping, help="Ends it for everybody; nothing of it is kept.",
            )  # fmt: skip


def _running(job: Job) -> None:
    """How far a job is, and its curves."""
    st.progress(min(1.0, max(0.0, job.fraction)), plain(progress(job)))
    if job.learning:
        _curves(curves.halves(job.learning, job.task.model["model"], live=True), job.key)


def _named(asked: Asked, job: Job) -> str:
    """Which training this is: its network, the data where they are others than those chosen, who began it."""
    task = job.task
    said = f"**{plain(task.title)}** · {plain(task.label)}, seed {task.seed}"
    if task.data != asked.data:
        said += f", on {plain(state.source_titles().get(task.data, task.data))}"
    if job.key not in st.session_state.get(_STARTED, set()):
        said += "  \n:small[Started elsewhere: in another window, or by somebody else.]"
    return said


def progress(job: Job) -> str:
    """How far a job is, and how long it will take, no more certain than that is.

    Early stopping can end the training of a network at any time, so the time left is an upper bound.
    """
    if job.stopping:
        return "Stops after this batch …"
    said = job.message.partition(",")[0].capitalize() or "Begins"
    if job.left is None:
        return f"{said} · {roughly(job.seconds)} so far"
    bound = "at most" if job.at_most else "about"
    return f"{said} · {roughly(job.seconds)} so far, {bound} {roughly(job.left)} more"


def _curves(drawn: tuple[Drawn, ...], key: str) -> None:
    """The loss and the validation side by side, on a phone one under the other."""
    with st.grid(2, min_column_width=260):
        for number, half in enumerate(drawn):
            with st.container():
                frame.chart(half.figure, half.says, key=f"{key} curve {number}")


def outcome(asked: Asked, runs: tuple[Run, ...]) -> None:
    """What came of the training that is chosen, or that there was none yet."""
    for ended in state.jobs():
        if not (ended.active or asked.is_of(ended.task)) and ended.key in st.session_state.get(_STARTED, set()):
            st.markdown(f"{_named(asked, ended)}: {plain(ended.error or _ENDED[ended.state])}")
    job, run = _job_of(asked), _run_of(asked, runs)
    if job is not None and job.active:
        return
    if run:
        _learned(asked, run)
    elif job is not None and job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
    elif job is not None and job.state == "cancelled":
        st.info("Cancelled, and nothing was kept: Start begins anew.", icon=":material/stop_circle:")
    elif job is not None:
        st.warning(
            "It has learned, but the store could not keep it: see the log of the server.", icon=":material/error:"
        )
    else:
        st.markdown(
            f"**{plain(asked.model.title)}** has not learned from these data with these parameters. Start, and watch: "
            "it goes on when you leave the page, and is here when you come back."
        )


def _learned(asked: Asked, run: Run) -> None:
    """A training that is in the store: what it came to, its curves, and where to go from here."""
    with st.container(border=True):
        st.header(f"{plain(run.task.title)} has learned", anchor=False)
        st.markdown(f"{verdict(run)}  \n:small[{plain(held_back(state.models()[asked.model.name], run))}]")
        _curves(curves.halves(run.learning, asked.model.name), run.key)
        with st.container(horizontal=True):
            if asked.seed == 0:  # which is that of the other pages
                address.link(PERSON, "What does it recommend?", **_as_address(asked))
            address.link(ACCURACY, "How do others do?")


def verdict(run: Run) -> str:
    """Which epoch was best and kept, what it was worth, why the training ended, and how long it took."""
    told, n = run.learning, len(run.learning.loss)
    if not told.metric or told.best is None:
        return f"It learned for {_epochs(n)} in {duration(run.seconds)}; nothing was held back to choose one by."
    ended = (
        f"Then {_epochs(n - told.best)} brought nothing better, so it stopped"
        if n < told.most
        else f"It learned for {'the' if n == 1 else 'all'} {_epochs(n)} that it had"
    )
    value = f"{parse(told.metric).label} {curves.number(told.validation, told.best)}"
    said = f"**Epoch {told.best} was the best and is kept: {plain(value)}.**"
    return f"{said} {ended}, after {duration(run.seconds)}."


def held_back(info: ModelInfo, run: Run) -> str:
    """What the validation was measured on, and what it is not."""
    if not run.learning.metric:
        return ""
    metric = parse(run.learning.metric)
    if info.traits.sequence:
        on = "on each person's last movie, which it did not learn from, among all that they had not watched"
    else:
        on = "on ratings within these data that it did not learn from"
    return (
        f"{metric.label} is measured {on} ({metric.help[0].lower()}{metric.help[1:]}). "
        "It chose the epoch, so it flatters: for a fair comparison with other algorithms, see Accuracy."
    )


def _as_address(asked: Asked) -> dict[str, str]:
    """The network and its parameters, as the pages that recommend read them."""
    told = {name: value for name, value in asked.model.spec().items() if name != "model"}
    return {"model": asked.model.name, **{f"{asked.keys}.{name}": str(value) for name, value in told.items()}}


def earlier(runs: tuple[Run, ...]) -> None:
    """The networks that have learned from these data: their curves in one picture, and a table."""
    if runs:
        st.header("Which training came furthest?", anchor=False)
        frame.fragment(_earlier)(runs)


def _earlier(runs: tuple[Run, ...]) -> None:
    metrics = list(dict.fromkeys(run.learning.metric for run in runs if run.learning.metric))
    views = {**{parse(name).label: name for name in metrics}, "Loss": curves.LOSS}
    row = st.container(horizontal=True, vertical_alignment="bottom")
    view = row.segmented_control(
        "What is compared", list(views), default=next(iter(views)), required=True, key="curve", bind="query-params"
    )
    along = row.segmented_control(
        "Along", curves.ALONG, default=curves.EPOCHS, required=True, key="along", bind="query-params"
    )
    metric = views[view]
    numbered = list(enumerate(curves.ranked(runs, metric), start=1))
    names = [curves.name(run) for _, run in numbered]
    chosen = row.multiselect("Trainings", names, key="runs", bind="query-params", placeholder=f"The latest {_SHOWN}")
    latest = [curves.name(run) for run in runs if curves.name(run) in names][:_SHOWN]
    shown = [(rank, run) for rank, run in numbered if curves.name(run) in (chosen or latest)]
    if not shown:
        st.text("None of them was measured so.")
        return
    drawn = curves.overlay(shown, metric, along, narrow=frame.narrow())
    st.plotly_chart(
        drawn.figure, theme="streamlit", width="stretch", config={"displayModeBar": False}, key="earlier trainings",
        alt=drawn.says,
    )  # fmt: skip
    beware = (
        "Losses of different networks are different quantities: compare those of one network."
        if metric == curves.LOSS
        else "Another network or seed may have held back other ratings."
    )
    st.markdown(f":small[Each has its mark where it was best and its weights were kept. {beware}]")
    _table(curves.table(numbered[:_ROWS], metric))
    if len(numbered) > _ROWS:
        st.markdown(f":small[{len(numbered) - _ROWS} more came less far.]")


def _table(rows: list[dict[str, str]]) -> None:
    """All trainings, the furthest first; cards on a narrow screen."""
    if not frame.narrow():
        cells = [{label: plain(cell) for label, cell in row.items()} for row in rows]
        st.table(cells, border="horizontal", hide_index=True, alt="The trainings in the store, the furthest first.")
        return
    for cells in rows:
        rank, title, *others = cells.items()
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{rank[1]} · {plain(title[1])}**")
            st.markdown("  \n".join(f"{label}: {plain(cell)}" for label, cell in others))


def _epochs(n: int) -> str:
    return "1 epoch" if n == 1 else f"{n} epochs"
