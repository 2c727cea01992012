"""Goal: wrong usage is 64 with a hint, and what scripts read is JSON. Method: the command line, run."""

import hashlib
import json
import shutil
import subprocess
import sys
import time

import pytest
from conftest import ROOT, environment

LAUNCHER = ROOT / "scripts" / "weft"


def test_list_json_has_every_variant_with_its_flags(weft):
    found = json.loads(weft("list", "--json").stdout)
    assert {"mutex", "ring", "futex", "ck"} <= {row["name"] for row in found["channels"]}
    assert {"thread", "global", "steal"} == {row["name"] for row in found["schedulers"]}
    assert all("flags" in row for row in found["channels"] + found["schedulers"])
    assert found["workloads"]


@pytest.mark.parametrize("verb", [["list"], ["plan", "--matrix", "limits"], ["doctor"]])
def test_readable_output(weft, verb):
    done = weft(*verb)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_a_suite_is_planned_only_when_asked_for(weft):
    def suites(*arguments):
        plan = json.loads(weft("plan", "--json", *arguments).stdout)
        return {cell["name"].partition(".")[0] for cell in plan["cells"]}

    assert suites("--where", "suite=go") == {"go"}
    assert "go" not in suites()


def test_plan_estimates_every_cell_and_runs_nothing(weft, small, tmp_path):
    found = json.loads(weft("plan", "--matrix", small, "--json").stdout)
    assert len(found["cells"]) == 7
    assert all(cell["seconds"] > 0 for cell in found["cells"])
    assert found["samples"] == 48
    assert list((tmp_path / "results").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "did you mean run"),
        (["--jsn"], "unknown option"),
        (["run", "--fliter", "x"], "--fliter"),
        (["run", "--rounds", "x"], "whole number"),
        (["run", "--rounds", "0"], "less than 1"),
        (["run", "--matrix", "nope"], "default"),
        (["run", "--retry-failed"], "goes with --resume"),
        (["run", "--resume", "x", "--filter", "y"], "cannot be changed"),
        (["run", "--resume"], "unfinished"),
        (["run", "--matrix", "limits", "--filter", "qqq"], "matches none"),
        (["run", "--matrix", "limits", "--name", "../up"], "one directory"),
        (["report", "nothing"], "no run 'nothing'"),
        (["new-variant", "chanel", "x"], "chanel"),
        (["run", "--json", "/nowhere/x"], "no directory"),
    ],
)
def test_wrong_usage_is_64_and_says_what_to_do(weft, arguments, said):
    done = weft(*arguments)
    assert done.returncode == 64
    assert said in done.stderr


def test_no_binary_says_how_to_get_one(weft):
    done = weft("list", WEFT_BENCH="/nowhere/weft-bench")
    assert done.returncode == 1
    assert "weft setup" in done.stderr


@pytest.mark.parametrize("verb", ["list --json", "list"])
def test_a_reader_that_leaves_is_no_error(verb):
    command = f"{sys.executable} -m weft_lab {verb} | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment())
    assert done.stdout.endswith("0\n")
    assert done.stderr == ""


def test_help_of_every_verb_in_the_help_text(weft):
    text = weft("--help").stdout
    verbs = [line.split()[0] for line in text.splitlines() if line.startswith("  ")]
    assert "new-variant" in verbs
    for verb in verbs:
        done = weft(verb, "--help")
        assert done.returncode == 0, verb
        assert "usage: weft" in done.stdout


@pytest.mark.skipif(not LAUNCHER.is_file(), reason="no launcher")
class TestLauncher:
    """The bash side, without anything to install."""

    def launch(self, *arguments, cwd="/"):
        return subprocess.run([LAUNCHER, *arguments], capture_output=True, text=True, cwd=cwd, env=environment())

    def test_help_needs_nothing(self):
        done = self.launch("--help")
        assert done.returncode == 0
        assert "usage: weft" in done.stdout

    def test_no_verb_is_wrong_usage(self):
        assert self.launch().returncode == 64

    def test_unknown_verb(self):
        done = self.launch("comprae")
        assert done.returncode == 64
        assert "did you mean compare" in done.stderr

    def test_package_list_is_well_formed(self):
        rows = [line.split() for line in (ROOT / "scripts" / "packages.txt").read_text().splitlines()]
        rows = [row for row in rows if row and not row[0].startswith("#")]
        assert {row[0] for row in rows} == {"all", "test", "arm64"}
        assert all(len(row) >= 4 for row in rows)

    def test_set_up_already_it_starts_at_once(self):
        self.launch("list", "--json")
        best = min(self._seconds() for _ in range(5))
        assert best < 1.0  # 0.3 s on a quiet machine; what this guards against is setting up again

    def _seconds(self):
        started = time.perf_counter()
        assert self.launch("list", "--json").returncode == 0
        return time.perf_counter() - started

    @pytest.fixture
    def linked(self, tmp_path):
        """A checkout whose .venv is a link to one that other checkouts use, too; the packages are all there."""
        shared = tmp_path / "shared"
        (shared / "bin").mkdir(parents=True)
        (shared / "bin" / "python").write_text("#!/bin/sh\necho of the shared one\n")
        (shared / "bin" / "python").chmod(0o755)
        root = tmp_path / "checkout"
        (root / "scripts" / "weft_lab").mkdir(parents=True)
        for name in ("weft", "packages.txt", "requirements.txt", "weft_lab/help.txt"):
            shutil.copy(ROOT / "scripts" / name, root / "scripts" / name)
        (root / "build" / "weft").mkdir(parents=True)
        (root / "build" / "weft" / "packages-all").touch()
        (root / ".venv").symlink_to(shared)
        return root

    def launch_linked(self, root, stamp):
        (root / ".venv" / ".weft").write_text(stamp)
        # no network and nothing to build, whatever the launcher makes of it
        quiet = environment() | {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "WEFT_BENCH": "/bin/true"}
        return subprocess.run([root / "scripts" / "weft", "list"], capture_output=True, text=True, env=quiet)

    def test_a_linked_venv_is_used(self, linked):
        digest = hashlib.sha256((linked / "scripts" / "requirements.txt").read_bytes()).hexdigest()
        done = self.launch_linked(linked, f"{digest}  -")
        assert (done.returncode, done.stdout) == (0, "of the shared one\n"), done.stderr

    def test_a_linked_venv_is_never_emptied(self, linked):
        done = self.launch_linked(linked, "of other requirements")
        shared = linked.parent / "shared"
        assert (linked / ".venv").readlink() == shared
        assert {str(one.relative_to(shared)) for one in shared.rglob("*")} == {".weft", "bin", "bin/python"}
        assert (shared / ".weft").read_text() == "of other requirements"
        assert done.returncode == 1
        assert "is a link to" in done.stderr and "Remove the link" in done.stderr
