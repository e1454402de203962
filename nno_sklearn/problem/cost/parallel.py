"""When products are long enough for several threads of BLAS."""

from nno_sklearn.problem.cost.sizes import coupled_outputs

#: Entries of X in products with which threads of BLAS gain more than they lose by waiting for each
#: other on a machine that has other work as well.
LEAST_THREADED = 1e7
#: Entries of X, and multiplications of a Hessian, up to which BLAS starts no threads by itself
#: (OpenBLAS 0.3: interface/gemv.c, interface/syrk.c).
NEVER_THREADED, NEVER_THREADED_HESSIAN = 9216, 59296
#: Entries of X in products of a fit that ends before the libraries of BLAS are found.
BRIEF = 2.5e5


def pays_threads(problem):
    """Whether products with X are long enough for several threads."""
    return problem.rows.n_stored * problem.n_outputs >= LEAST_THREADED


def may_thread(problem):
    """Whether BLAS would start threads for products with X, or for a Hessian of all outputs."""
    size = coupled_outputs(problem) * (problem.n_features + 1)
    entries = problem.rows.n_stored * problem.n_outputs
    operations = problem.n_samples * size * (size + 1)
    return entries >= NEVER_THREADED or operations > NEVER_THREADED_HESSIAN


def is_brief(problem):
    """Whether a fit takes less time than to find the libraries whose threads it would limit."""
    return problem.rows.n_stored * problem.n_outputs <= BRIEF
