"""What a subclass of a loss or a penalty inherits: only what still agrees with what it rewrites."""


def forget_outdated(cls, base, agrees_with):
    """Take back inherited members that no longer fit a class, so that ``base``'s serve instead.

    A member was written to agree with others, as its class saw them: a conjugate belongs to one
    ``value``. Where ``cls`` has another ``value``, the inherited conjugate is that of another
    function. A class that knows better says so: ``conjugate = Huber.conjugate``.

    Parameters
    ----------
    cls : type
        A new subclass of ``base``; changed in place.
    base : type
        Its versions of the members promise nothing.
    agrees_with : dict of str to tuple of str
        For each member, the others that it has to agree with.
    """
    for name, others in agrees_with.items():
        writer = next(one for one in cls.__mro__ if name in vars(one))
        if writer is not cls and any(_differs(writer, cls, base, other) for other in others):
            setattr(cls, name, vars(base)[name])


def _differs(writer, cls, base, other):
    """Whether ``writer`` saw another version of a member than ``cls`` has; ``base``'s is none."""
    seen = getattr(writer, other, None)
    return seen not in (None, getattr(base, other)) and seen is not getattr(cls, other)
