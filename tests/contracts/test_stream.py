"""Streams that lie are refused by check_stream, by name."""

from dataclasses import replace

import pytest

from nno_sklearn import CellStream, Stream, check_stream
from nno_sklearn.streams import STREAMS, AdaptiveGradient


class TestStreams:
    @pytest.mark.parametrize("kind", STREAMS.values())
    def test_own_ones_are_right(self, kind):
        check_stream(kind())

    @pytest.mark.parametrize(
        ("spoil", "match"),
        [
            (lambda old, new: replace(new, coef=new.coef[:1]), "returned an array of shape"),
            (lambda old, new: object(), "returned a object without coef"),
            (lambda old, new: (old and old.coef.fill(1.0), new)[1], "changed the state that it"),
        ],
    )
    def test_broken_promises(self, spoil, match):
        class Broken(AdaptiveGradient):
            def learn(self, state, batch, objective, **options):
                found = super().learn(state, batch, objective, **options)
                return spoil(state, found)

        with pytest.raises(ValueError, match=f"Broken.learn.*{match}"):
            check_stream(Broken())

    def test_own_parameters_stay(self):
        class Learning(CellStream):
            def learn(self, state, batch, objective, **options):
                self.forgetting = 10.0
                return super().learn(state, batch, objective, **options)

        with pytest.raises(ValueError, match="changed the stream's own parameters"):
            check_stream(Learning())

    def test_nothing_to_run_on(self):
        class Demanding(Stream):
            requires = frozenset({"loss.third_derivative"})

        with pytest.raises(ValueError, match="no loss and penalty of this package has that"):
            check_stream(Demanding())
