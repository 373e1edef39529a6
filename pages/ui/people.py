"""The page on a person in words, pictures and a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.ui import address, distributions, frame, profiles, state, tables
from pages.ui.distributions import Card
from pages.ui.overview import counted
from recengine.describe import percent
from recengine.profile import Habits, Person, UserProfile

MOVIES = "pages/explore/movies.py"
_DAYS = 7  # on fewer days than a week has, weekdays and hours tell of chance, not of habit
_HOURS = "hour of the day, UTC"
_TABLE_HEIGHT = 420


def lead(data: str, user_id: Any) -> str:
    """How much, when and how they rated, in a few sentences of Markdown."""
    profile = state.user_profile(data, user_id)
    person, habits = profile.explicit, profile.implicit
    said = f"**{counted(person.n_ratings, 'rating', 'ratings')}**{_when(person, habits)}"
    if person.mean is None:
        return f"{said}, without stars: these data say what was chosen, not how it was liked."
    said += f", **{person.mean:.1f} stars** on average"
    if person.spread is not None:
        said += f", give or take {person.spread:.1f}" if person.spread else ", always the same"
    said += "."
    if person.stricter_than is not None:
        said += f" That is stricter than {percent(person.stricter_than)} of the others."
    return said


def cards(data: str, user_id: Any) -> list[Card]:
    """Every question about a person that these data can answer."""
    profile = state.user_profile(data, user_id)
    makers: tuple[Callable[[str, UserProfile], list[Card | None]], ...] = (_likes, _watched, _content, _rhythm)
    return [card for make in makers for card in make(data, profile) if card is not None]


def rated(data: str, user_id: Any) -> None:
    """All their ratings, newest first, each with a way to the movie."""
    history = state.user_profile(data, user_id).explicit.history
    key = f"ratings of {user_id} in {data}"

    def go() -> None:
        row = history.iloc[st.session_state[key].row]
        address.go(MOVIES, movie=str(row["item_id"]))

    st.dataframe(
        tables.rated(history, narrow=frame.narrow()),
        column_config=tables.rated_columns(go, key, narrow=frame.narrow()),
        hide_index=True,
        height=_TABLE_HEIGHT if len(history) > 10 else "content",
        alt=f"The ratings of person {user_id}, newest first.",
    )


def _likes(data: str, profile: UserProfile) -> list[Card | None]:
    person = profile.explicit
    if person.mean is None:
        return []
    everyone = state.description(data)
    value = person.history["rating"].astype(float).round(6)
    counts = value.value_counts().sort_index().rename_axis("value").reset_index(name="count")
    said = f"Their mean is {person.mean:.2f}, that of all ratings {everyone.mean or 0:.2f}."
    often = counts.loc[counts["count"].idxmax()]
    said += f" Most frequent is {often['value']:g}, {percent(often['count'] / person.n_ratings)} of theirs."
    return [
        profiles.taste("Which genres do they like more than others do?", person.genres),
        profiles.ratings("How high do they rate?", counts, everyone.histogram, said),
        profiles.taste("Which decades do they like more than others do?", person.decades, in_order=True),
        profiles.taste("Whose movies do they like more than others do?", person.directors),
    ]


def _watched(_: str, profile: UserProfile) -> list[Card | None]:
    habits, starless = profile.implicit, profile.explicit.mean is None
    return [
        profiles.habits("What do they watch more than others?", habits.genres),
        profiles.habits("From which decades?", habits.decades, in_order=True) if starless else None,
        profiles.taste("Whose movies do they watch?", profile.explicit.directors) if starless else None,
    ]


def _content(_: str, profile: UserProfile) -> list[Card | None]:
    shown = profiles.for_and_against(profile.features)
    if shown.empty:
        return []
    first, last = shown.iloc[0], shown.iloc[-1]
    says = f"“{first['feature']}” speaks most for a movie" if first["weight"] > 0 else "Nothing speaks for a movie"
    says += f", “{last['feature']}” most against it." if last["weight"] < 0 else ", and hardly anything against one."
    says += " Watching counts as liking here, so what they watch often stands high."
    question = "What does the content model look for?"
    return [profiles.features(question, profile.features, "speaks for a movie →", says, judged=True)]


def _rhythm(_: str, profile: UserProfile) -> list[Card | None]:
    habits = profile.implicit
    if habits.days is None or habits.days == 1:  # the sentence above names the one day
        return []
    hour = habits.hours.loc[habits.hours["ratings"].idxmax()]
    at = f"{percent(hour['ratings'] / habits.hours['ratings'].sum())} of the ratings were made between"
    at = f"{at} {hour['hour']} and {hour['hour'] + 1} o'clock, universal time."
    if habits.days < _DAYS:
        days = counted(habits.days, "day", "days")
        says = f"Only on {days}, too few to speak of habits: {at}"
        return [profiles.rhythm("When did they rate?", habits.hours, _HOURS, says)]
    day = habits.weekdays.loc[habits.weekdays["ratings"].idxmax()]
    on = f"{percent(day['ratings'] / habits.weekdays['ratings'].sum())} of the ratings were made on a {day['weekday']}."
    short = [name[:2] for name in habits.weekdays["weekday"]]
    timeline = distributions.activity(habits.timeline, habits.period_months) if len(habits.timeline) > 1 else None
    return [
        profiles.rhythm("On which days of the week did they rate?", habits.weekdays, "day of the week", on, short),
        profiles.rhythm("At what time of the day?", habits.hours, _HOURS, at),
        None if timeline is None else Card("When did they rate?", timeline.figure, timeline.says, wide=True),
    ]


def _when(person: Person, habits: Habits) -> str:
    if habits.days is None or person.first is None or person.last is None:
        return ""
    if habits.days == 1:
        return f" on {distributions.day(person.first)}"
    span = f"from {distributions.day(person.first)} to {distributions.day(person.last)}"
    return f" on {counted(habits.days, 'day', 'days')} {span}"
