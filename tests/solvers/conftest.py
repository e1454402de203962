"""What a function inside a solver returns, call by call."""

import pytest


@pytest.fixture
def returned(monkeypatch):
    """Makes the list of what a module's function returns from now on."""

    def watch(module, name):
        results, function = [], getattr(module, name)

        def watched(*args, **options):
            results.append(function(*args, **options))
            return results[-1]

        monkeypatch.setattr(module, name, watched)
        return results

    return watch
