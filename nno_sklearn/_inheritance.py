"""Inheritance of losses and penalties: only members consistent with those a subclass overrides."""


def written(cls: type, base: type, names: tuple[str, ...]) -> frozenset[str]:
    """Those of ``names`` of which a class has another version than ``base``."""
    return frozenset(name for name in names if getattr(cls, name) is not getattr(base, name))


def forget_outdated(cls, base, agrees_with):
    """Replace inherited members that do not fit a class by those of ``base``.

    A member is consistent with others of the class that defines it: a conjugate belongs to one
    ``value``. Where ``cls`` overrides ``value``, the inherited conjugate is that of another
    function. A class that can keep it says so: ``conjugate = Huber.conjugate``.

    Parameters
    ----------
    cls : type
        A new subclass of ``base``; changed in place.
    base : type
        Its versions of the members are neutral defaults.
    agrees_with : dict of str to tuple of str
        For each member, the others that it must be consistent with.
    """
    for name, others in agrees_with.items():
        writer = next(one for one in cls.__mro__ if name in vars(one))
        if writer is not cls and any(_differs(writer, cls, base, other) for other in others):
            setattr(cls, name, vars(base)[name])


def _differs(writer, cls, base, other):
    """Whether ``writer`` has another version of a member than ``cls``, and not just ``base``'s."""
    seen = getattr(writer, other, None)
    return seen not in (None, getattr(base, other)) and seen is not getattr(cls, other)
