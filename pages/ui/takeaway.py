"""What was put together on a page, to be used elsewhere: as JSON, on the command line, in Python."""

from __future__ import annotations

import json
import shlex
from typing import Any

import streamlit as st

from recengine import registry
from recengine.answers import Filters, StoredPerson, Who


def popover(data: str, model: Any, who: Who, k: int, filters: Filters) -> None:
    """Three ways to have the same again."""
    with st.popover("Take it along", icon=":material/download:", width="stretch"):
        st.markdown("**On the command line**")
        st.code(command(data, model.label, who, k, filters), language="sh", wrap_lines=True)
        st.markdown("**As JSON**, for `--model-json FILE`")
        st.code(json.dumps(model.spec(), indent=2, ensure_ascii=False), language="json")
        st.markdown("**In Python**")
        st.code(python(data, model.label, who, k, filters), language="python", wrap_lines=True)


def command(data: str, label: str, who: Who, k: int, filters: Filters) -> str:
    """The command line that gives the same list.

    >>> print(command("demo", "weighted(weights=[1.0, 3.0])", StoredPerson(42), 10, Filters(("Comedy",))))
    python -m recengine recommend --data demo --user 42 --model weighted --set 'weights=[1.0, 3.0]' --genre Comedy
    """
    name, _, rest = label.partition("(")
    words = ["python", "-m", "recengine", "recommend", "--data", data]
    if isinstance(who, StoredPerson):
        words += ["--user", str(who.id)]
    else:
        words += [word for item, stars in who.ratings for word in ("--rate", f"{item}={stars:g}")]
    words += ["--model", name]
    words += [word for pair in registry.split_list(rest[:-1]) for word in ("--set", pair)]
    words += ["-k", str(k)] if k != 10 else []
    words += [word for genre in filters.genres for word in ("--genre", genre)]
    for option, value in (("--from-year", filters.from_year), ("--to-year", filters.to_year)):
        words += [option, str(value)] if value is not None else []
    words += ["--min-ratings", str(filters.min_ratings)] if filters.min_ratings else []
    return shlex.join(words)


def python(data: str, label: str, who: Who, k: int, filters: Filters) -> str:
    """Lines of Python that print the same list."""
    return "\n".join(
        [
            "from recengine.answers import Filters, StoredPerson, Visitor",
            "from recengine.lab import Lab",
            "",
            "lab = Lab()",
            f"model = lab.model({label!r})",
            f"told = lab.recommend({data!r}, model, {who!r}, {k}, {filters!r})",
            "for movie in told.items:",
            "    print(movie.rank, movie.title, movie.reason)",
        ]
    )
