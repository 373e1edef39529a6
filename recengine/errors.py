"""The errors a person may meet. Each message is one sentence that says what to do."""

from __future__ import annotations


class RecengineError(Exception):
    """Something a person can mend: the message is one clear sentence, fit to be shown as it is."""


class DataError(RecengineError):
    """The data cannot be read, or cannot answer the question asked of them."""


class NotFound(RecengineError):
    """A name, id or title that is not there; the message offers near matches where there are any."""


class ModelError(RecengineError):
    """A model or parameter that does not exist, is out of bounds, or does not fit the data."""


class Cancelled(RecengineError):
    """The work was cancelled before it finished; nothing was kept."""
