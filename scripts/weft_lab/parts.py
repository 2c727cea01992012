"""The parts of `weft verify`: each is what it runs, and how it reads what that says."""

from __future__ import annotations

import math
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from weft_lab import errors, faults, paths, testing
from weft_lab.verify import Job, NotThere, Outcome, Part, Variant, ask, build, log_file, program_of

# --- the suite ----------------------------------------------------------------------------------------


def combinations(variant: Variant) -> str:
    """The tests of conformance and stress in which the variant takes part, as ctest's -R."""
    where = (
        rf"{re.escape(variant.name)}\." if variant.kind == "channel" else rf"[a-z0-9_]+\.{re.escape(variant.name)}\."
    )
    return rf"^(conformance|stress|linear)\.{where}"


def suite(job: Job) -> Outcome:
    """Conformance and stress in three builds."""
    tally = testing.Tally()
    for preset in testing.PRESETS:
        tally.add(testing.c_side(preset, job.say, job.console, quick=False, only=combinations(job.variant)))
    said = f"{tally.passed} programs passed in {', '.join(testing.PRESETS)}"
    return Outcome(failures=[f"suite: {name}" for name in tally.failed], said=said)


# --- the model checker --------------------------------------------------------------------------------

MODEL_EXECUTIONS, MODEL_EXECUTIONS_DEEP = 20000, 500000
MUTANT_EXECUTIONS, MUTANT_EXECUTIONS_DEEP = 500, 20000  # the first: as the test model.mutants


def clients_of(names: list[str], variant: Variant) -> list[str]:
    """The model checker's clients that are about a variant: NAME.shape and NAME_what."""
    return [name for name in names if re.match(rf"{re.escape(variant.name)}[._]", name)]


def _model(job: Job) -> tuple[str, list[str]]:
    program = program_of(build(job, "release", "weft-model"), "weft-model")
    log = log_file("model-list.log")
    testing.follow([str(program), "--list"], log, job.say, r"(?!)")
    clients = clients_of(log.read_text().split(), job.variant)
    if not clients:
        raise NotThere(f"the model checker has no client for {job.variant.name}")
    return str(program), clients


def read_model(found: Any) -> Outcome:
    """From the JSON of `weft-model CLIENT...`."""
    if not found or not found.get("clients"):
        raise errors.WeftError("weft-model wrote no result")
    executions = sum(search["executions"] for client in found["clients"] for search in client["searches"])
    histories = sum(search.get("histories", 0) for client in found["clients"] for search in client["searches"])
    failed = [client for client in found["clients"] if any(search["failed"] for search in client["searches"])]
    failures = [
        f"model: {client['client']}: {client.get('message', 'failed')}; again: weft-model {client['client']} "
        + (f"--program {client['program']} " if "program" in client else "")
        + f"--replay '{client.get('replay', '')}'"
        for client in failed
    ]
    figures: dict[str, Any] = {"executions": executions}
    said = f"{executions:,} executions of {len(found['clients'])} clients"
    if histories:
        figures |= {"histories": histories, "linearizable": not any("program" in client for client in failed)}
        said += f"; {histories:,} different histories"
    return Outcome(figures, failures, said, modelled=histories)


def model(job: Job) -> Outcome:
    """Orders of memory and of threads, by the model checker."""
    program, clients = _model(job)
    count = MODEL_EXECUTIONS_DEEP if job.deep else MODEL_EXECUTIONS
    answer = log_file(f"model-{job.variant.name}.json")
    command = [program, *clients, "--executions", str(count), "--seed", str(job.seed), "--json", str(answer)]
    return read_model(ask(job, command, answer)[1])


def read_mutants(found: Any, file: str, *, core: bool = False) -> Outcome:
    """From the JSON of `weft-model --mutate`: those of one file; with `core`, what survives in core/ fails it too."""
    scores = [score for score in (found or {}).get("scores", []) if score["file"] == file]
    if not scores:
        raise NotThere(f"the clients come to no memory order of {file}")
    killed, everything = scores[0]["killed"], scores[0]["all"]
    failures = [
        f"mutants: {mutant['file']}:{mutant['line']} {mutant['mutation']} survives, and nothing says why"
        for mutant in found["mutants"]
        if (mutant["file"] == file or (core and mutant["file"].startswith("core/")))
        and not mutant["killed"]
        and not mutant["survives"]
    ]
    explained = everything - killed - sum(failure.startswith(f"mutants: {file}:") for failure in failures)
    return Outcome(
        {"mutants": [killed, everything]}, failures, f"{killed} of {everything} killed, {explained} explained"
    )


def mutants(job: Job) -> Outcome:
    """Each memory order weakened, one at a time: the model checker must notice. By all clients, once for all variants:
    some orders of a variant are seen where it meets another one."""
    program, _ = _model(job)

    def found() -> Any:
        answer = log_file("mutants.json")
        count = MUTANT_EXECUTIONS_DEEP if job.deep else MUTANT_EXECUTIONS
        return ask(job, [program, "all", "--mutate", "--executions", str(count), "--json", str(answer)], answer)[1]

    return read_mutants(job.shared("mutants", found), job.variant.file, core=job.deep)


# --- histories ----------------------------------------------------------------------------------------

HISTORIES, HISTORIES_DEEP = 50000, 1000000
PLAIN, NUDGED = "weft-linear", "weft-linear-nudged"
SOME_WORKERS = (1, 2, 4)


def history_runs(variant: Variant, channels: list[str], scheds: list[str]) -> list[tuple[str, str, str, int]]:
    """Program, channel, scheduler, workers. Delays within operations go where threads run in parallel."""
    runs = []
    for channel in channels if variant.kind == "sched" else [variant.name]:
        for sched in scheds if variant.kind == "channel" else [variant.name]:
            for workers in (1,) if sched == "sim" else SOME_WORKERS:
                runs.append((PLAIN, channel, sched, workers))
                if sched == "thread" or workers > 1:
                    runs.append((NUDGED, channel, sched, workers))
    return runs


def read_histories(answers: list[tuple[list[str], Any]]) -> Outcome:
    """From the lines of `weft-linear --json`, and the commands that they come from."""
    total = {"histories": 0, "refuted": 0, "hung": 0, "undecided": 0, "stuck": 0}
    failures = []
    for command, found in answers:
        again = " ".join(command)
        if found is None:
            failures.append(f"histories: no result: {again}")
            continue
        for key in total:
            total[key] += found[key]
        if found["refuted"] or found["hung"] or found["undecided"]:
            what = ", ".join(f"{found[key]} {key}" for key in ("refuted", "hung", "undecided") if found[key])
            failures.append(f"histories: {what}: {again}")
    bad = total["refuted"] + total["hung"]
    known = total["histories"] > 0 and not any(found is None for _, found in answers)
    figures = {
        "histories": total["histories"],
        "linearizable": False if bad else (True if known and not total["undecided"] else None),
    }
    said = f"{total['histories']:,} histories, {total['stuck']:,} with waiting; {total['refuted']} not linearizable"
    return Outcome(figures, failures, said)


def histories(job: Job) -> Outcome:
    """Random small histories on every scheduler, checked against the model of what the variant claims."""
    programs = {name: program_of(build(job, "release", name), name) for name in (PLAIN, NUDGED)}
    channels, scheds = testing.sim_channels(), testing.scheds()
    runs = history_runs(job.variant, channels, scheds)
    each = math.ceil((HISTORIES_DEEP if job.deep else HISTORIES) / len(runs))

    def one(number: int) -> tuple[list[str], Any]:
        name, channel, sched, workers = runs[number]
        answer = log_file(f"histories-{job.variant.name}-{number}.json")
        arguments = ["--histories", str(each), "--seed", str(job.seed + number), channel, sched, str(workers)]
        found = ask(job, [str(programs[name]), "--json", str(answer), *arguments], answer)[1]
        job.say(f"{number + 1}/{len(runs)}")
        return [paths.shown(programs[name]), *arguments], found

    with ThreadPoolExecutor(4 * (os.cpu_count() or 1)) as pool:  # they mostly wait
        return read_histories(list(pool.map(one, range(len(runs)))))


# --- seeded faults ------------------------------------------------------------------------------------


def applies(fault: faults.Fault, variant: Variant) -> bool:
    """In the variant's own file; or in core, and shown on the variant."""
    return fault.file == variant.file or (fault.file.startswith("core/") and variant.name in fault.run.split()[1:])


def seeded_faults(job: Job) -> Outcome:
    """Deliberate faults, one at a time, in a copy of the tree: their tests must notice."""
    chosen = [fault for fault in faults.load() if applies(fault, job.variant)]
    if not chosen:
        raise NotThere(f"tests/faults/faults.toml has none in {job.variant.file}, nor one in core that it shows")
    wrong = faults.problems(chosen)
    if wrong:
        return Outcome(failures=[f"faults: {one}" for one in wrong], said="the list has to be aimed anew")
    known: dict[str, faults.Verdict] = job.shared("seeded faults", dict)  # one is applicable to several variants
    todo = faults.in_turn([fault for fault in chosen if fault.name not in known])
    if todo:
        known |= {fault.name: verdict for fault, verdict in faults.verdicts(todo, job.say)}
    missed = [f"faults: {fault.name}: {known[fault.name].how}" for fault in chosen if not known[fault.name].caught]
    caught = len(chosen) - len(missed)
    return Outcome({"seeded_faults": [caught, len(chosen)]}, missed, f"{caught} of {len(chosen)} caught")


# --- the scheduler sim --------------------------------------------------------------------------------

SEEDS, SEEDS_DEEP = 10, 200


def sim(job: Job) -> Outcome:
    """Conformance and stress on the scheduler sim, under seeds."""
    if job.variant.kind == "sched" and job.variant.name != "sim":
        raise NotThere("only channels, and sim itself, run under seeds")
    build(job, "release", "conformance")
    build(job, "release", "stress")
    channels = [job.variant.name] if job.variant.kind == "channel" else testing.sim_channels()
    count = SEEDS_DEEP if job.deep else SEEDS
    tally = testing.sim_stage(range(job.seed, job.seed + count), job.say, job.console, channels)
    return Outcome({"sim_seeds": count}, tally.failed, f"{count} seeds, {tally.passed} runs passed")


# --- faults injected ----------------------------------------------------------------------------------


def read_injected(found: Any, variant: Variant) -> Outcome:
    """From the JSON of weft-inject, which is about all variants."""
    if not found:
        raise errors.WeftError("weft-inject wrote no result")
    row = found["channels" if variant.kind == "channel" else "schedulers"].get(variant.name)
    if row is None:
        raise NotThere(f"weft-inject does not run {variant.name}")
    failures = [f"inject: {one['job']}{' hangs' if one['hang'] else ''}: {one['replay']}" for one in row["failures"]]
    said = f"{row['faults_injected']:,} faults in {row['runs']:,} runs, {row['hangs']} hangs"
    return Outcome({"faults_injected": row["faults_injected"]}, failures, said)


def inject(job: Job) -> Outcome:
    """Failing allocations and threads, delays, stops, spurious wake-ups: no hang, no loss."""
    program = program_of(build(job, "inject", "weft-inject"), "weft-inject")
    answer = log_file("inject.json")
    command = [str(program), "--seed", str(job.seed), "--json", str(answer), *(["--all"] if job.deep else [])]
    found = job.shared("weft-inject", lambda: ask(job, command, answer)[1])
    return read_injected(found, job.variant)


ALL = [
    Part("suite", "conformance and stress in three builds", suite),
    Part("histories", "random histories, checked for linearizability", histories),
    Part("model", "the model checker", model),
    Part("mutants", "weakened memory orders", mutants),
    Part("faults", "seeded faults", seeded_faults),
    Part("sim", "the scheduler sim under seeds", sim),
    Part("inject", "faults injected", inject),
]


def choose(names: list[str] | None) -> list[Part]:
    """The parts by their names; all if none is named."""
    known = {part.name: part for part in ALL}
    for name in names or []:
        if name not in known:
            raise errors.UsageError(f"no part '{name}'{errors.suggestion(name, list(known))}")
    return [part for part in ALL if not names or part.name in names]
