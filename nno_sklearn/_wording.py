"""Numbers of things in messages: "1 row", "2 rows"."""


def counted(number: int, what: str, total: int | None = None) -> str:
    """A number of things, in the singular for one; "1 of 3 rows" with a total.

    Parameters
    ----------
    number : int
    what : str
        The singular of a word whose plural has an s at its end.
    total : int, default=None
        Of how many.

    Examples
    --------
    >>> counted(1, "row"), counted(2, "row"), counted(1, "row", 3)
    ('1 row', '2 rows', '1 of 3 rows')
    """
    of = "" if total is None else f" of {total}"
    return f"{number}{of} {what}{'' if (number if total is None else total) == 1 else 's'}"
