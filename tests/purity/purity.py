#!/usr/bin/env python3
"""Goal: the timed loops of weft-bench contain no indirect call and no indirect jump (a jump table counts).

Method: disassemble every function whose name begins with bench_loop_ (parts that the compiler moved aside, .cold and
.part, included) and look at each call and jump. The binary's own list says how many functions there must be.

  purity.py BINARY [--expect N]   exit 0: pure; 1: not, or fewer functions than expected
  purity.py --self-test CC        compiles a function that calls through a pointer, one that jumps through a table and
                                  one that does neither, and checks that the first two are found and the third is not
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FUNCTION = re.compile(r"^[0-9a-f]+ <(bench_loop_[^>]*)>:$")
INSTRUCTION = re.compile(r"^\s*[0-9a-f]+:\s+(?P<mnemonic>\S+)(?P<operands>.*)$")
# x86-64: a star in AT&T syntax. AArch64: blr and br with their authenticated forms; ret is a return.
X86_BRANCH = re.compile(r"^(bnd|notrack)?\s*(call|jmp)")
ARM_INDIRECT = re.compile(r"^(blr|br|blraa|blrab|braa|brab)(z|az|bz)?$")

SELF_TEST = """
extern long (*volatile pointer)(long);
long (*volatile pointer)(long);
__attribute__((noinline)) long bench_loop_calls(long n)
{
    for (long i = 0; i < n; i++) { n -= pointer(i); }
    return n;
}
__attribute__((noinline)) long bench_loop_jumps(long n, const void *const *where)
{
    static const void *const table[] = {&&zero, &&one, &&two};
    where = where == 0 ? table : where;
    goto *where[n];
two: n++;
one: n *= 3;
zero: return n;
}
__attribute__((noinline)) long bench_loop_pure(long n)
{
    long sum = 0;
    for (long i = 0; i < n; i++) { sum ^= i * n; }
    return sum;
}
"""


def is_indirect(mnemonic: str, operands: str) -> bool:
    text = f"{mnemonic}{operands}".split("#")[0]
    if X86_BRANCH.match(text):
        return "*" in text
    return bool(ARM_INDIRECT.match(mnemonic))


def findings(disassembly: str) -> dict[str, list[str]]:
    """By function: the offending instructions."""
    found: dict[str, list[str]] = {}
    name = None
    for line in disassembly.splitlines():
        if match := FUNCTION.match(line):
            name = match.group(1)
            found.setdefault(name, [])
        elif not line.strip() or line.endswith(">:"):
            name = None
        elif name and (match := INSTRUCTION.match(line)) and is_indirect(match["mnemonic"], match["operands"]):
            found[name].append(line.strip())
    return found


def disassemble(binary: Path) -> str:
    command = ["objdump", "--disassemble", "--no-show-raw-insn", str(binary)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def self_test(compiler: str) -> int:
    with tempfile.TemporaryDirectory() as directory:
        source, binary = Path(directory, "impure.c"), Path(directory, "impure.o")
        source.write_text(SELF_TEST)
        subprocess.run([compiler, "-O2", "-w", "-c", "-o", str(binary), str(source)], check=True)
        found = findings(disassemble(binary))
    wrong = [name for name in ("bench_loop_calls", "bench_loop_jumps") if not found.get(name)]
    wrong += ["bench_loop_pure"] if found.get("bench_loop_pure", ["missing"]) else []
    print(f"purity self-test: {'wrong about ' + ', '.join(wrong) if wrong else 'finds what is impure'}")
    return 1 if wrong else 0


def check(binary: Path, expect: int) -> int:
    found = findings(disassemble(binary))
    whole = sorted({name.split(".")[0] for name in found})
    for name in whole:
        impure = [line for part, lines in found.items() if part.split(".")[0] == name for line in lines]
        print(f"{'IMPURE' if impure else 'pure  '} {name}")
        for line in impure:
            print(f"         {line}")
    bad = sum(1 for lines in found.values() if lines)
    print(f"{len(whole)} timed loops looked at ({expect} expected at least), {bad} with an indirect call or jump")
    return 1 if bad or len(whole) < max(expect, 1) else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", nargs="?", type=Path)
    parser.add_argument("--expect", type=int, default=1)
    parser.add_argument("--self-test", metavar="CC")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test(arguments.self_test)
    if arguments.binary is None:
        parser.error("which binary?")
    return check(arguments.binary, arguments.expect)


if __name__ == "__main__":
    sys.exit(main())
