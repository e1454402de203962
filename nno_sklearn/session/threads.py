"""How many threads the products of a fit may use."""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import count
from threading import current_thread, main_thread
from typing import Any

from threadpoolctl import ThreadpoolController

from nno_sklearn.problem import Problem
from nno_sklearn.problem.cost import is_brief, may_thread, pays_threads

#: Numbers of the brief fits of this process that would have had a limit.
_brief_fits = count()


def threads_for(problem: Problem) -> AbstractContextManager[Any]:
    """One thread of BLAS, and of OpenMP, by which rows' neighbours are found, for a problem whose
    products are short, else as many as the user lets.

    Threads wait for each other at the end of each product, in a loop that takes a core: where
    that core has other work, a short product takes many times as long as in one thread.

    Products so short that BLAS starts no threads need no limit, which takes as long as a step of a
    small fit. Nor has the first brief fit of a process one: the libraries must be found for it,
    which takes several times as long as such a fit, and more may not follow. And where the user
    gives the libraries one thread each, nothing is left to limit.

    The limit is one of the process, so only fits in the main thread set it: of fits in threads of
    their own, the last would restore what another has set.
    """
    is_free = pays_threads(problem) or not may_thread(problem)
    if is_free or current_thread() is not main_thread():
        return nullcontext()
    if is_brief(problem) and next(_brief_fits) == 0:
        return nullcontext()
    libraries = _libraries()
    if all(library.num_threads == 1 for library in libraries.lib_controllers):
        return nullcontext()
    return libraries.limit(limits=1)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()
