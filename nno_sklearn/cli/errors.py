"""Errors for users."""


class UserError(Exception):
    """A mistake of the user, printed in one line without a traceback."""


def quoted(names, most=8):
    """List names or values in quotes, the first ones of many."""
    names = list(names)
    return ", ".join(f"'{name}'" for name in names[:most]) + " …" * (len(names) > most)
