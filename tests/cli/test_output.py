"""What the commands write: tables of any width, files that survive, one line for each failure."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import joblib
import pytest

from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.main import main
from nno_sklearn.cli.output import with_error, write_aside
from tests.cli.commands import complaint_of

QUICK = ("--cv", "2", "--alphas", "2", "--penalty", "l2")


class TestWidth:
    COMMANDS = [
        ("search", "--alphas", "2", "--cv", "2", "--l1-ratios", "0.5",
         "--class-weight", "none", "balanced"),
        ("compare", "--cv", "2", "--baseline", "--solver", "nearest_neighbor", "proximal"),
    ]  # fmt: skip

    def table(self, capsys, monkeypatch, command, columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert main([*command]) == 0
        table = capsys.readouterr().out.split("─\n")[1].split("\n\n")[0]
        return [line for line in table.splitlines() if " ± 0" in line]

    @pytest.mark.parametrize("command", COMMANDS)
    def test_numbers_are_never_cut(self, capsys, monkeypatch, command):
        def numbers(line):
            cells = line.split("  ")
            return [cell.strip() for cell in cells if "±" in cell or "e-0" in cell or "/" in cell]

        whole = [numbers(line) for line in self.table(capsys, monkeypatch, command, 500)]
        assert all(whole)
        for columns in (80, 74, 20):
            cut = self.table(capsys, monkeypatch, command, columns)
            assert [numbers(line) for line in cut] == whole
            if columns > 20:
                assert all(len(line) <= columns for line in cut)

    def test_names_are_whole_in_80_columns(self, capsys, monkeypatch):
        for command in self.COMMANDS:
            assert not any("…" in line for line in self.table(capsys, monkeypatch, command, 80))

    def test_names_are_cut_below(self, capsys, monkeypatch):
        table = self.table(capsys, monkeypatch, self.COMMANDS[1], 70)
        assert table[0].startswith("nearest…  0.9")

    @pytest.mark.parametrize(
        ("mean", "error", "text"),
        [(0.98424, 0.00579, "0.9842 ± 0.0058"), (0, 0, "0.0000 ± 0.0000"),
         (-0.0021, 0.001, "-0.0021 ± 0.0010"), (-1.25e-7, 1e-8, "-1.250e-07 ± 1.000e-08"),
         (-123456789.0, 1234.5, "-1.235e+08 ± 1.234e+03"), (9999.0, 1.0, "9999.0000 ± 1.0000")],
    )  # fmt: skip
    def test_scores_of_any_size(self, mean, error, text):
        assert with_error(mean, error) == text


class TestWritingAside:
    @pytest.mark.parametrize(
        ("failure", "code"), [(OSError(errno.ENOSPC, "No space left on device"), 2),
                              (KeyboardInterrupt(), 130)],
    )  # fmt: skip
    def test_the_old_model_survives(self, search, tmp_path, monkeypatch, failure, code):
        def dump(model, path):
            path.write_bytes(b"half of")
            raise failure

        file = tmp_path / "m.joblib"
        search(*QUICK, "--save", file)
        before = file.read_bytes()
        monkeypatch.setattr("nno_sklearn.cli.search.joblib.dump", dump)
        found, _, err = search(*QUICK, "--save", file)
        assert (found, err.count("\n")) == (code, 1)
        if code == 2:
            assert f"cannot save {file}: No space left on device; the old m.joblib is un" in err
        assert file.read_bytes() == before
        assert joblib.load(file)[-1].converged_
        assert list(tmp_path.iterdir()) == [file]

    def test_the_old_image_survives(self, compare, tmp_path, monkeypatch):
        def save(figure, path):
            path.write_bytes(b"half of")
            raise OSError(errno.ENOSPC, "No space left on device")

        image = tmp_path / "i.png"
        image.write_bytes(b"old")
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", save)
        code, _, err = compare("--cv", "2", "--solver", "gd", "--plot", image)
        assert (code, image.read_bytes()) == (2, b"old")
        assert f"cannot draw {image}: No space left on device" in err

    def test_a_format_that_needs_another_program(self, compare, tmp_path, monkeypatch):
        def save(figure, path):
            raise RuntimeError("'xelatex' not found")

        monkeypatch.setattr("matplotlib.figure.Figure.savefig", save)
        code, _, err = compare("--cv", "2", "--solver", "gd", "--plot", tmp_path / "i.pgf")
        assert (code, err.count("\n")) == (2, 1)
        assert "'xelatex' not found" in err

    def test_mode_and_link_stay(self, tmp_path):
        file, link = tmp_path / "file", tmp_path / "link"
        file.write_text("old")
        file.chmod(0o640)
        link.symlink_to(file)
        write_aside(link, lambda path: path.write_text("new"), "save")
        assert (file.read_text(), link.is_symlink()) == ("new", True)
        assert stat.S_IMODE(file.stat().st_mode) == 0o640

    def test_a_device_is_written_to(self):
        written, device = [], Path(os.devnull)
        write_aside(device, written.append, "save")
        assert written == [device]

    def test_names_may_be_as_long_as_the_system_allows(self, tmp_path):
        file = tmp_path / ("n" * 250 + ".gz")
        if os.pathconf(tmp_path, "PC_NAME_MAX") < 253:
            pytest.skip("this file system has shorter names")
        write_aside(file, lambda path: path.write_text(path.suffix), "save")
        assert file.read_text() == ".gz"

    def test_the_data_are_not_overwritten(self, search, compare, tmp_path):
        file = tmp_path / "d.svg"
        file.write_text("a,y\n")
        for said in (
            complaint_of(search)(file, "--save", tmp_path / "." / "d.svg"),
            complaint_of(compare)(file, "--plot", file),
        ):
            assert "it is the file of the data" in said
        assert file.read_text() == "a,y\n"

    def test_a_directory_one_may_not_write_in(self, search, tmp_path, monkeypatch):
        monkeypatch.setattr("nno_sklearn.cli.output.os.access", lambda path, mode: False)
        said = complaint_of(search)("--save", tmp_path / "m.joblib")
        assert f"you may not write in {tmp_path}" in said


class TestFailures:
    def fail(self, monkeypatch, error):
        def run(*_):
            raise error

        monkeypatch.setattr("nno_sklearn.cli.compare.find_task", run)
        return main(["compare"])

    def test_an_interruption(self, monkeypatch, capsys):
        assert self.fail(monkeypatch, KeyboardInterrupt()) == 130
        assert capsys.readouterr() == ("", "nno-sklearn: interrupted\n")

    @pytest.mark.parametrize("module", ["numpy", "sklearn.base", "nno_sklearn.cli.main"])
    def test_an_interruption_of_the_imports(self, module):
        code = f"""
import sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
from nno_sklearn.__main__ import main
sys.exit(main())
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (130, "")
        assert done.stderr == "nno-sklearn: interrupted\n"

    @pytest.mark.parametrize(
        ("error", "told"),
        [(OSError(errno.EIO, "Input/output error", "d.csv"), "Input/output error: 'd.csv'"),
         (MemoryError("Unable to allocate\n9 TiB"), "not enough memory: Unable to allocate 9 TiB"),
         (UserError("a mistake"), "a mistake")],
    )  # fmt: skip
    def test_one_line(self, monkeypatch, capsys, error, told):
        assert self.fail(monkeypatch, error) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert told in err

    @pytest.mark.parametrize("error", [TypeError, AttributeError, RuntimeError, ValueError])
    def test_faults_of_the_package_are_not_hidden(self, monkeypatch, error):
        with pytest.raises(error, match="ours"):
            self.fail(monkeypatch, error("ours"))

    def test_warnings_take_one_line_once(self):
        code = (
            "import warnings; from nno_sklearn.cli import compare, main; "
            "compare.find_task = lambda *_: [warnings.warn(f'two\\nlines {k // 2}') for k in "
            "range(4)] and 1 / 0; main.main(['compare'])"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        told = [line for line in run.stderr.splitlines() if "warning" in line.lower()]
        assert told == [f"nno-sklearn: warning: two lines {k}" for k in range(2)]

    def test_an_output_that_cannot_be_written(self):
        run = [sys.executable, "-m", "nno_sklearn", "compare", "--cv", "2", "--solver", "gd"]
        if os.path.exists("/dev/full"):
            with open("/dev/full", "w") as full:
                done = subprocess.run(run, stdout=full, stderr=subprocess.PIPE, text=True)
            assert (done.returncode, done.stderr.count("\n")) == (2, 1)
            assert "No space left on device" in done.stderr
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(run, stdout=writing, stderr=subprocess.PIPE, text=True)
        os.close(writing)
        assert (done.returncode, done.stderr) == (1, "")

    def test_an_output_without_the_signs(self):
        run = subprocess.run(
            [sys.executable, "-m", "nno_sklearn", "compare", "--cv", "2", "--solver", "gd"],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
        )
        assert (run.returncode, run.stderr) == (0, b"")
        assert b"569 rows ? 30 columns" in run.stdout
