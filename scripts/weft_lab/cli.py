"""The command line. Every verb imports what it needs, so that the light ones start at once."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from weft_lab import errors, paths
from weft_lab.errors import UsageError, WeftError


class Parser(argparse.ArgumentParser):
    """argparse, but wrong usage exits with 64."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n  see: {self.prog.replace('weft', './scripts/weft', 1)} --help")


def _whole(least: int) -> Any:
    def convert(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return value

    convert.__name__ = "whole number"
    return convert


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


_positive.__name__ = "number"


def _workers(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(_whole(1)(word) for word in text.split(",")))


_workers.__name__ = "list of whole numbers"


def _selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--matrix", metavar="FILE",
        help="a matrix file, or a name in bench/matrix (default: default; with --where suite=NAME: NAME)",
    )  # fmt: skip
    parser.add_argument("--filter", metavar="REGEX", help="only cells whose name matches")
    parser.add_argument(
        "--where", metavar="KEY=VALUE[,VALUE]", action="append", default=[],
        help="only cells with these values: workload, suite, group, channel, scheduler, workers, cap, n; repeatable",
    )  # fmt: skip
    parser.add_argument("--rounds", type=_whole(1), metavar="N", help="samples of each cell")
    parser.add_argument("--min-time-ms", type=_positive, metavar="MS", help="measured time of a sample")
    parser.add_argument("--timeout", type=_positive, metavar="S", help="longest time of a sample")


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", help="name of the run (default: date, time and matrix)")
    parser.add_argument("--seed", type=_whole(0), metavar="N", help="seed of the order of the samples")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write a summary as JSON")
    parser.add_argument("--no-report", action="store_true", help="no report.html at the end")


def _versus_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Runs the Go toolchain's own benchmarks (packages runtime, context, sync, time) and the rows of the suite `go` "
        "that mirror them, one process a sample, order reshuffled every round. Without Go: ours alone."
    )
    parser.add_argument("peer", choices=["go"], help="whose benchmarks")
    parser.add_argument(
        "--rows", metavar="REGEX",
        help="only benchmarks whose name this finds (ChanSync, MakeChan/Byte), or whose group or package it is",
    )  # fmt: skip
    parser.add_argument("--workers", metavar="N[,N]", help="numbers of workers, Go's -cpu (default: 1,2)")
    parser.add_argument("--sched", metavar="NAME[,NAME]", help="our schedulers (default: the default one)")
    parser.add_argument("--rounds", type=_whole(1), metavar="N", help="samples of each cell (default: 11)")
    parser.add_argument(
        "--min-time-ms", type=_positive, metavar="MS", help="measured time of a sample, Go's -benchtime (default: 20)"
    )
    parser.add_argument("--timeout", type=_positive, metavar="S", help="longest time of a sample (default: 60)")
    parser.add_argument("--name", help="name of the run (default: date, time and versus-go)")
    parser.add_argument("--seed", type=_whole(0), metavar="N", help="seed of the order of the samples")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write rows and means as JSON")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="also write the tables as Markdown")
    parser.add_argument("--no-report", action="store_true", help="no report.html at the end")
    parser.add_argument(
        "--resume", metavar="RUN", nargs="?", const="", default=None,
        help="go on with a comparison that was interrupted (default: the newest one); with --rounds, more samples",
    )  # fmt: skip
    parser.add_argument("--retry-failed", action="store_true", help="with --resume: failed cells once more")


def build_parser() -> Parser:
    """All verbs with their options."""
    top = Parser(prog="weft", add_help=False)
    verbs = top.add_subparsers(dest="verb", parser_class=Parser)

    def verb(name: str, text: str) -> Parser:
        return verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")

    one = verb("list", "show the variants with their flags, the workloads and the limits")
    one.add_argument("--json", action="store_true", help="as JSON on standard output")

    one = verb("plan", "show every cell that run would measure, with its estimated time; run nothing")
    _selection(one)
    one.add_argument("--json", action="store_true", help="as JSON on standard output")

    one = verb("run", "measure the matrix, show a table, write results/<run>/ with report.html")
    _selection(one)
    _run_options(one)
    one.add_argument(
        "--resume", metavar="RUN", nargs="?", const="", default=None,
        help="go on with a run that was interrupted (default: the newest one); "
        "with --rounds, give it more samples",
    )  # fmt: skip
    one.add_argument("--retry-failed", action="store_true", help="with --resume: failed cells once more")

    one = verb("limits", "measure only the limits of this machine")
    one.add_argument("--rounds", type=_whole(1), metavar="N", help="samples of each limit")
    one.add_argument("--min-time-ms", type=_positive, metavar="MS", help="measured time of a sample")
    one.add_argument("--timeout", type=_positive, metavar="S", help="longest time of a sample")
    _run_options(one)

    one = verb("versus", "our rows against another runtime's own benchmarks, interleaved: ratios, intervals, means")
    _versus_options(one)
    one = verb("figures", "hold Weft against its bars, with Go beside it: memory, flatness, idleness, wake-ups")
    one.add_argument(
        "--only", metavar="REGEX",
        help="only bars whose name matches: FIGURE/WHAT/workers:N, FIGURE as in bench/scale; see the JSON",
    )  # fmt: skip
    one.add_argument("--rounds", type=_whole(1), metavar="N", help="samples of each (default: 3 to 7)")
    one.add_argument("--workers", type=_workers, metavar="N,N", default=(1, 2), help="default: 1,2")
    one.add_argument("--name", help="name of the run (default: date, time and figures)")
    one.add_argument("--seed", type=_whole(0), metavar="N", help="seed of the order of the samples")
    one.add_argument("--json", metavar="FILE", type=Path, help="also write figures.json there")
    one.add_argument("--markdown", metavar="FILE", type=Path, help="also write figures.md there")

    one = verb("compare", "compare two runs, or two variants within one run")
    one.add_argument(
        "what", nargs="+", metavar="A B",
        help="two runs (directories or names in results/), or RUN chan:a chan:b, or RUN sched:a sched:b",
    )  # fmt: skip
    one.add_argument("--run", metavar="RUN", help="the run that A and B are variants of")
    one.add_argument("--filter", metavar="REGEX", help="only cells whose name matches")
    one.add_argument(
        "--threshold", type=_positive, metavar="PERCENT", default=10.0,
        help="the difference that matters to you: a cell whose interval is wider is not resolved "
        "(default: 10)",
    )  # fmt: skip
    one.add_argument("--fail-on-improvement", action="store_true", help="exit 4 if there are only those")
    one.add_argument("--all", action="store_true", help="show the ties too")
    one.add_argument("--json", metavar="FILE", type=Path, help="also write one row a cell as JSON")

    one = verb("plot", "draw the charts of a run as PNG and SVG, into results/<run>/plots/")
    one.add_argument("run", nargs="?", default="latest", help="a run (default: the newest)")
    one.add_argument("--out", metavar="DIR", type=Path, help="another directory")
    one.add_argument("--format", choices=["png", "svg", "both"], default="both", help="default: both")

    one = verb("report", "make report.html of a run again")
    one.add_argument("run", nargs="?", default="latest", help="a run (default: the newest)")
    one.add_argument("--out", metavar="FILE", type=Path, help="another file")
    one.add_argument("--table", action="store_true", help="also show the table in the terminal")

    one = verb("doctor", "say what on this machine would spoil a result, and what helps")
    one.add_argument("--json", action="store_true", help="as JSON on standard output")

    one = verb("test", "run everything that proves the tree correct")
    one.add_argument("--quick", action="store_true", help="release build and the Python side only")
    one.add_argument(
        "--preset", action="append", choices=["release", "dev", "asan", "tsan"],
        help="only this build's tests; repeatable",
    )  # fmt: skip
    one.add_argument("--no-python", action="store_true", help="without pytest and ruff")
    one.add_argument(
        "--sim", metavar="N", type=int,
        help="instead: conformance and stress of every channel on the scheduler sim, under N seeds",
    )  # fmt: skip
    one.add_argument(
        "--faults", metavar="REGEX", nargs="?", const="",
        help="instead: make deliberate faults (those whose name or file matches); the suite must notice each",
    )  # fmt: skip
    one.add_argument(
        "--fuzz", metavar="SECONDS", nargs="?", type=_positive, const=60.0,
        help="instead: random input to every reader of outside input, so long each (default: 60)",
    )  # fmt: skip
    one.add_argument("--aarch64", action="store_true", help="instead: build for AArch64, and test under qemu-user")
    one.add_argument("--sim-seed", metavar="S", type=int, default=1, help="the first of the seeds (default: 1)")
    one.add_argument(
        "--deep", action="store_true",
        help="instead: the long version of every part of verify, for every variant; goes on where it was stopped",
    )  # fmt: skip
    one.add_argument(
        "--hours",
        type=_positive,
        metavar="H",
        help="with --deep: so long, with new seeds each time (default: all once)",
    )

    one = verb("verify", "prove one variant, in every way that there is; what is not built is left out and said")
    one.add_argument("variant", nargs="?", help="a channel or a scheduler")
    one.add_argument("--all", action="store_true", help="all of them")
    one.add_argument("--json", metavar="FILE", type=Path, help="also write the figures as JSON")
    one.add_argument("--docs", action="store_true", help="with --all: also write the table of docs/verification.md")
    one.add_argument("--deep", action="store_true", help="the long version of each part")
    one.add_argument("--part", action="append", metavar="PART", help="only this part; repeatable")
    one.add_argument("--seed", type=_whole(1), metavar="S", help="of all random choices (default: from the clock)")

    one = verb("new-variant", "start a new channel or scheduler: it compiles, and fails its tests until written")
    one.add_argument("kind", choices=["channel", "sched"], help="what it is")
    one.add_argument("name", help="lower-case letters, digits and _")

    verb("setup", "install what is missing and build; nothing else")
    return top


def _write_json(file: Path, value: Any) -> None:
    from weft_lab import store

    try:
        store.write_atomic(file, store.to_json(value))
    except OSError as error:
        raise WeftError(f"--json {file}: {error.strerror}") from None


def _check_json_target(file: Path | None, option: str = "--json") -> None:
    """A summary that cannot be written should be known before the work, not after it."""
    if file is not None and not file.resolve().parent.is_dir():
        raise UsageError(f"{option} {file}: there is no directory {file.resolve().parent}")
    if file is not None and file.is_dir():
        raise UsageError(f"{option} {file}: that is a directory")


def do_list(args: argparse.Namespace) -> int:
    """The list verb."""
    from weft_lab.bench import Bench

    catalog = Bench(paths.bench_binary()).catalog
    if args.json:
        print(json.dumps(catalog.raw, indent=1))
        return errors.OK
    from weft_lab import table

    table.show_catalog(catalog)
    return errors.OK


def _plan(args: argparse.Namespace) -> Any:
    from weft_lab import matrix
    from weft_lab.bench import Bench

    bench = Bench(paths.bench_binary())
    cores = len(os.sched_getaffinity(0))
    name = args.matrix or matrix.suite_asked_for(args.where) or "default"
    plan = matrix.load(matrix.find(name), bench.catalog, bench.check, cores)
    matrix.select(plan, args.filter, args.where)
    plan.rounds = args.rounds or plan.rounds
    plan.min_time_ms = args.min_time_ms or plan.min_time_ms
    plan.timeout_s = args.timeout or plan.timeout_s
    return plan, bench


def do_plan(args: argparse.Namespace) -> int:
    """The plan verb."""
    from weft_lab import planning

    plan, _ = _plan(args)
    rows = planning.estimate(plan, paths.results_dir())
    if args.json:
        print(json.dumps(planning.as_json(plan, rows), indent=1))
        return errors.OK
    from weft_lab import table

    table.show_plan(plan, rows)
    return errors.OK


def do_run(args: argparse.Namespace) -> int:
    """The run verb."""
    from weft_lab import runner, session

    _check_json_target(args.json)
    if args.resume is None:
        if args.retry_failed:
            raise UsageError("--retry-failed goes with --resume")
        plan, bench = _plan(args)
        settings = runner.Settings(args.filter, args.where, args.seed, args.name)
        return session.fresh(plan, bench, settings, args.json, report=not args.no_report)
    for name in ("filter", "name", "seed", "min_time_ms", "timeout"):
        if getattr(args, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} cannot be changed in a run that goes on")
    if args.where:
        raise UsageError("--where cannot be changed in a run that goes on")
    return session.again(args.resume, args.rounds, args.json, retry=args.retry_failed, report=not args.no_report)


def do_limits(args: argparse.Namespace) -> int:
    """The limits verb: a run of the limits only."""
    args.matrix, args.filter, args.where = "limits", None, []
    args.resume, args.retry_failed = None, False
    return do_run(args)


def do_versus(args: argparse.Namespace) -> int:
    """The versus verb."""
    from weft_lab import runner, versus_run
    from weft_lab.bench import Bench

    _check_json_target(args.json)
    _check_json_target(args.markdown, "--markdown")
    outputs = versus_run.Outputs(args.json, args.markdown, report=not args.no_report)
    if args.resume is not None:
        for name in ("rows", "workers", "sched", "min_time_ms", "timeout", "name", "seed"):
            if getattr(args, name) is not None:
                raise UsageError(f"--{name.replace('_', '-')} cannot be changed in a comparison that goes on")
        return versus_run.again(args.resume, args.rounds, outputs, retry=args.retry_failed)
    if args.retry_failed:
        raise UsageError("--retry-failed goes with --resume")
    workers = versus_run.parse_workers(args.workers if args.workers is not None else "1,2")
    bench = Bench(paths.bench_binary())
    wanted = versus_run.Wanted(
        args.rows,
        workers,
        versus_run.parse_schedulers(args.sched, bench.catalog),
        args.rounds or versus_run.ROUNDS,
        args.min_time_ms or versus_run.MIN_TIME_MS,
        args.timeout or versus_run.TIMEOUT_S,
    )
    return versus_run.fresh(wanted, bench, runner.Settings(args.rows, [], args.seed, args.name), outputs)


def do_figures(args: argparse.Namespace) -> int:
    """The figures verb."""
    from weft_lab import scale

    for file in (args.json, args.markdown):
        _check_json_target(file)
    request = scale.Request(args.workers, args.only, args.rounds, args.name, args.seed)
    return scale.figures(request, args.json, args.markdown, lambda text: _warn([text]))


def do_compare(args: argparse.Namespace) -> int:
    """The compare verb."""
    from weft_lab import compare, table

    _check_json_target(args.json)
    what = [*([args.run] if args.run else []), *args.what]
    result = compare.compare(what, args.filter, args.threshold / 100)
    table.show_comparison(result, everything=args.all)
    if args.json:
        _write_json(args.json, compare.as_json(result))
    return compare.exit_code(result, fail_on_improvement=args.fail_on_improvement)


def do_plot(args: argparse.Namespace) -> int:
    """The plot verb."""
    from weft_lab import plot, store

    run = store.read(store.resolve(args.run))
    _warn(store.warn_damaged(run))
    formats = ("png", "svg") if args.format == "both" else (args.format,)
    for file in plot.write(run, args.out or run.path / "plots", formats):
        print(paths.shown(file))
    return errors.OK


def do_report(args: argparse.Namespace) -> int:
    """The report verb."""
    from weft_lab import report, store

    run = store.read(store.resolve(args.run))
    _warn(store.warn_damaged(run))
    if args.table:
        from weft_lab import table

        table.show_run(run)
    print(paths.shown(report.write(run, args.out or run.path / "report.html")))
    return errors.OK


def do_doctor(args: argparse.Namespace) -> int:
    """The doctor verb: two readings of the processors' counters, one second apart."""
    import dataclasses
    import time

    from weft_lab import environment

    before = environment.cpu_ticks()
    time.sleep(1)
    stolen = environment.stolen_share(before, environment.cpu_ticks())
    env = environment.collect()
    found = environment.diagnose(env, environment.load(), stolen)
    if args.json:
        findings = [dataclasses.asdict(one) for one in found]
        print(json.dumps({"environment": env, "findings": findings}, indent=1))
        return errors.OK
    from weft_lab import table

    table.show_doctor(env, found)
    return errors.OK


def do_test(args: argparse.Namespace) -> int:
    """The test verb."""
    from weft_lab import testing

    if args.sim is not None:
        if args.sim < 1 or args.sim_seed < 1:
            raise errors.UsageError("--sim and --sim-seed take numbers from 1")
        return testing.run_sim(args.sim, args.sim_seed)
    if args.faults is not None:
        from weft_lab import faults

        return faults.run(args.faults)
    if args.fuzz is not None:
        from weft_lab import fuzzing

        return fuzzing.run(args.fuzz)
    if args.aarch64:
        from weft_lab import aarch64

        return aarch64.run()
    if args.hours is not None and not args.deep:
        raise errors.UsageError("--hours goes with --deep")
    if args.deep:
        from weft_lab import deep

        return deep.run(args.hours)
    return testing.run(args.preset, quick=args.quick, python=not args.no_python)


def do_verify(args: argparse.Namespace) -> int:
    """The verify verb."""
    import time

    from weft_lab import environment, parts, verified, verify

    if (args.variant is None) != args.all:
        raise UsageError("verify takes the name of one variant, or --all")
    _check_json_target(args.json)
    if args.docs and not args.all:
        raise UsageError("--docs goes with --all")
    chosen = verify.variants() if args.all else [verify.find(args.variant)]
    seed, hours, modelled = args.seed or int(time.time()), {}, {}
    found = verify.run(chosen, parts.choose(args.part), seed, deep=args.deep, hours=hours, modelled=modelled)
    if args.json:
        _write_json(args.json, found)
    if args.docs:
        source = environment.source()
        commit = f"{source['commit']}{' with changes' if source['dirty'] else ''}"
        kept = {"commit": commit, "date": time.strftime("%Y-%m-%d", time.gmtime()), "seed": seed, "deep": args.deep}
        verified.write({**kept, "hours": hours, "modelled": modelled, "variants": found})
    return errors.FAILURE if any(one["failures"] for one in found.values()) else errors.OK


def do_new_variant(args: argparse.Namespace) -> int:
    """The new-variant verb."""
    from weft_lab import scaffold

    scaffold.create(args.kind, args.name)
    return errors.OK


def do_setup(args: argparse.Namespace) -> int:
    """The launcher has done it all before this is called."""
    del args
    print("ready: ./scripts/weft run")
    return errors.OK


VERBS = {
    "list": do_list,
    "plan": do_plan,
    "run": do_run,
    "limits": do_limits,
    "versus": do_versus,
    "figures": do_figures,
    "compare": do_compare,
    "plot": do_plot,
    "report": do_report,
    "doctor": do_doctor,
    "test": do_test,
    "verify": do_verify,
    "new-variant": do_new_variant,
    "setup": do_setup,
}


def _warn(messages: Any) -> None:
    for message in messages:
        print(f"weft: {message}", file=sys.stderr)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    if argv[0] not in VERBS:
        what = "option" if argv[0].startswith("-") else "verb"
        close = errors.nearest(argv[0], list(VERBS), 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise UsageError(f"unknown {what} '{argv[0]}'{hint}\n  see: ./scripts/weft --help")
    return build_parser().parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Parse, do, and turn what goes wrong into one message and an exit code."""
    try:
        if not argv or argv[0] in ("-h", "--help", "help"):
            text = (Path(__file__).parent / "help.txt").read_text()
            print(text, end="", file=sys.stdout if argv else sys.stderr)
            return errors.OK if argv else errors.USAGE
        args = _parse(argv)
        code = VERBS[args.verb](args)
        sys.stdout.flush()
        return code
    except WeftError as error:
        print(f"weft: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("\nweft: interrupted", file=sys.stderr)
        return errors.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`weft list | head`): nothing is left to say.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.OK
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"weft: {place}{error.strerror or error}", file=sys.stderr)
        return errors.FAILURE
