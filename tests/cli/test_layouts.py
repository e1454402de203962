"""Layouts of text files: delimiters, header lines, titles and encodings."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn.cli.reading import read
from nno_sklearn.cli.text import Layout
from tests.cli.commands import N, lines


def row(k, mark=","):
    return mark.join([f"{k % 7}.5", f"{k % 5 - 2}.25", "ny"[k % 2]])


#: Odd files: the text, and the features' names, the number of rows, and a note.
LAYOUTS = {
    "plain": ("a,b,y\n" + lines(row), "ab", N, None),
    "semicolons, commas in the header": (
        "a, in cm;b, in kg;y\n" + lines(lambda k: row(k, ";")), ["a, in cm", "b, in kg"], N, None),
    "quoted names": ('"a;1";"b, c";y\n' + lines(lambda k: row(k, ";")), ["a;1", "b, c"], N, None),
    "padded": (" a , b , y \n" + lines(lambda k: row(k, " , ")), "ab", N, None),
    "delimiter at line ends": ("a,b,y,\n" + lines(lambda k: row(k) + ","), "ab", N, None),
    "delimiter at the end of the rows": ("a,b,y\n" + lines(lambda k: row(k) + ","), "ab", N, None),
    "delimiters of a spreadsheet": (
        "a,b,y,,\n" + lines(lambda k: row(k) + ",,") + "\n,,,,\n,,,,\n", "ab", N, None),
    "names of rows, as R": (
        "a b y\n" + lines(lambda k: f'"r {k}" {row(k, " ")}'), "ab", N, "as in files of R"),
    "title": ("Report of June\na,b,y\n" + lines(row), "ab", N, "skipped 1 line above"),
    "titles": ("Report, June\nby me\n\na,b,y\n" + lines(row), "ab", N, "skipped 2 lines above"),
    "title of a spreadsheet": (
        "Report of June,,\n,,\na,b,y\n" + lines(row), "ab", N, "skipped 2 lines above"),
    "long title": ("One, two, three, four\na,b,y\n" + lines(row), "ab", N, "skipped 1 line above"),
    "sep line of Excel": ("sep=;\na;b;y\n" + lines(lambda k: row(k, ";")), "ab", N, "skipped 1"),
    "comments": ("# by me\n# units: a, b\na,b,y\n" + lines(row), "ab", N, "skipped 2 lines"),
    "quoted line ends": ('"a\n1",b,y\n' + lines(lambda k: f'{k % 7},"x\n{k % 2}",{k % 2}'),
                         ["a 1", "b"], N, None),
    "empty lines": ("\na,b,y\n\n" + lines(row) + "\n\n\n", "ab", N, None),
    "carriage returns": (("a,b,y\n" + lines(row)).replace("\n", "\r"), "ab", N, None),
    "equal names": ("a,a,y\n" + lines(row), ["a", "a.1"], N, "one of them is now 'a.1'"),
    "years": ("2019,2020,2021\n" + lines(lambda k: f"{k % 9}.5,{k % 7}.2,{k % 5}.1"),
              ["2019", "2020"], N, None),
    "years behind a word": ("land,2019,2020\n" + lines(lambda k: f"{'AB'[k % 2]},{k % 7},{k % 5}"),
                            ["land", "2019"], N, None),
    "months over numbers": ("2020-01,2020-02,y\n" + lines(row), ["2020-01", "2020-02"], N, None),
    "no header": (lines(row), "01", N, "no header line: the columns are called 0 to 2"),
    "no header, equal values": ("1.00,1.00,n\n" + lines(row), "01", N + 1, "no header line"),
    "no header, NA first": ("1.10,NA,n\n" + lines(row), "01", N + 1, "no header line"),
    "no header, gap first": ("1.10,,n\n" + lines(row), "01", N + 1, "no header line"),
    "no header, stray first": ("1.10,<0.1,n\n" + lines(row), "01", N + 1, "no header line"),
    "no header, whole numbers": (
        "3,1,4\n" + lines(lambda k: f"{k % 7},{k % 5},{k % 4}"), "01", N + 1, "no header line"),
    "no header, years": (
        lines(lambda k: f"{1990 + k % 30},{k % 7},{k % 5}"), "01", N, "no header line"),
    "no header, dates": (
        lines(lambda k: f"2020-01-{k % 28 + 1:02d},{k % 5},{'ny'[k % 2]}"), "01", N, "no header"),
    "no header, texts": (lines(lambda k: f"{'uvw'[k % 3]},{'rs'[k % 2]},{'ny'[k % 2]}"), "01", N,
                         "no header line"),
    "aligned by blanks": (lines(lambda k: f"{k % 7:>4}.5   {k % 5:>3}.2  {'ny'[k % 2]}"), "01", N,
                          "no header line"),
    "blanks and a tab": (lines(lambda k: f"{k % 7}.5  {k % 5:>3}.2\t\"big {'ny'[k % 2]}\""), "01",
                         N, "no header line"),
    "bars": ("a|b|y\n" + lines(lambda k: row(k, "|")), "ab", N, None),
    "quotes around some columns, tabs": (
        "a\tb\ty\n" + lines(lambda k: f'"{k % 7}.5"\t{k % 5}.25\t{k % 2}'), "ab", N, None),
    "line of units": (
        "a,b,y\ncm,°C,\n" + lines(row), "ab", N, "skipped the line below the header: 'cm', '°C'"),
    "line of units, the target's too": (
        "a,b,y\ncm,°C,EUR\n" + lines(lambda k: f"{k % 7},{k % 5},{k}.5"), "ab", N, "skipped the"),
    "merged cells in the header": (
        "who,p,,q,\n,a,b,a,y\n" + lines(lambda k: f"{'uvw'[k % 3]},{k % 7},{k % 5},{k % 3},{k}.5"),
        ["who", "p a", "p b", "q a"], N, "the header has two lines: 'who', 'p a', 'p b', 'q a'"),
    "a stray word first": (
        "a,b,y\nnew,new,1.5\n" + lines(lambda k: f"{k % 7 or 'new'},{k},{k}.5"), "ab", N + 1,
        "column 'a': 10 of 61 values are no numbers ('new')"),
    "total": ("a,b,y\n" + lines(row) + "\nTotal:,99,n", "ab", N, "skipped 1 line below the table"),
    "remarks below": (
        "a,b,y\n" + lines(row) + "\n,,\n1) revised,,\n* by me,,", "ab", N, "skipped 3 lines below"),
    "texts with delimiters": (
        "a,b,y\n" + lines(lambda k: f'{k % 7},"one; two, three; {k % 3}",{k % 2}'), "ab", N, None),
}  # fmt: skip


class TestLayouts:
    @pytest.mark.parametrize("kind", LAYOUTS)
    def test_is_found(self, file, kind):
        text, names, n_rows, note = LAYOUTS[kind]
        data = read(file(text, "d.txt"))
        assert list(data.X.columns) == list(names)
        assert data.X.shape[0] == n_rows
        assert all("left out" in said or "target" in said for said in data.notes) is (note is None)
        if note:
            assert any(note in said for said in data.notes)

    @pytest.mark.parametrize(
        ("last", "n_below"), [("7,9", 0), ("180,300", 1), ("3,5", 1), (",9", 1)]
    )
    def test_a_word_for_a_sum_may_be_a_value(self, file, last, n_below):
        """It is none where the line has gaps, or its numbers are sums or means."""
        text = "kind,a,y\n" + lines(lambda k: f"{'uv'[k % 2]},{k % 7},5")
        assert read(file(f"{text}\nMean,{last}")).X.shape[0] == N + 1 - n_below

    def test_the_target_tells_the_header(self, file):
        text = "1,2,3\n" + lines(lambda k: f"{k % 7},{k % 5},{k % 2}")
        assert read(file(text)).target == "2"
        assert read(file(text), "3").X.shape == (N, 2)

    def test_columns_are_not_shifted(self, file):
        text = "a,b,y\n" + lines(lambda k: f"{k}.5,-{k}.25,{k % 9}.5,")
        np.testing.assert_allclose(read(file(text), "b").y, [-k - 0.25 for k in range(N)])

    def test_svmlight_by_another_name(self, file):
        for name in ("d.txt", "d.data"):
            data = read(file("# comment\n1 1:2.5 3:1\n-1 2:1\n1 1:1\n", name))
            assert sparse.issparse(data.X)
            assert data.X.shape == (3, 3)

    @pytest.mark.parametrize(
        ("encoding", "word", "guessed"),
        [("utf-8", "größe", None), ("utf-8-sig", "größe", None), ("utf-16", "größe", None),
         ("utf-32", "größe", None), ("latin-1", "größe", "cp1252"), ("cp1252", "5 €", "cp1252"),
         ("latin-1", "blåbær", "cp1252"), ("utf-16-le", "größe", "utf_16_le"),
         ("utf-16-be", "größe", "utf_16_be"), ("cp1251", "красный цвет", "cp1251"),
         ("gb18030", "长度是多少", "gb18030"), ("shift_jis", "赤い色の本", "shift_jis")],
    )  # fmt: skip
    def test_encodings(self, file, encoding, word, guessed):
        text = f"{word},y\n" + lines(lambda k: f"{word} {k % 3},{k % 2}")
        data = read(file(text.encode(encoding)))
        assert list(data.X) == [word]
        assert data.X[word][1] == f"{word} 1"
        told = [note for note in data.notes if note.startswith("encoding")]
        assert told == ([f"encoding: {guessed}, guessed (--encoding overrides)"] if guessed else [])

    def test_encoding_and_sep_options(self, file):
        path = file("größe:y\n1:0\n2:1\n3:1".encode("cp850"))
        data = read(path, layout=Layout(encoding="cp850", delimiter=":"))
        assert list(data.X) == ["größe"]
