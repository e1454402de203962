"""Progress of a search."""

from contextlib import contextmanager


@contextmanager
def progress(n_fits, verbose):
    """Yield a function to call after each fit: a bar where rich is installed, else lines."""
    if not verbose:
        yield _nothing
        return
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ModuleNotFoundError:
        yield _line_by_line(n_fits)
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Searching", total=n_fits)
        yield lambda: bar.advance(task)


def _nothing():
    pass


def _line_by_line(n_fits):
    done, step = 0, max(1, n_fits // 10)

    def advance():
        nonlocal done
        done += 1
        if done % step == 0 or done == n_fits:
            print(f"[NNOSearchCV] {done} of {n_fits} fits")

    return advance
