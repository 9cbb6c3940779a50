#!/usr/bin/env python3
"""profile.py WEFT_GATE WORKLOAD FROM TO [CALLED...] - where the instructions
of an operation go.

Runs weft-gate twice under callgrind, and shares the difference among the
operations that the second did more: what it takes to begin cancels. Prints the
functions that have most of themselves and with all they call, and what kind of
work it is; and for each CALLED function by whom, how often. An operation of steps10 is ten steps.
"""
import collections
import os
import re
import subprocess
import sys
import tempfile

ROWS = 20
# Of what the loop is made, which has everything: of no interest.
FRAME = re.compile(r"main|run_all|go|place_wait|weft_test_run|wf_node_step|step|"
                   r"0x0*1ab70|__libc_start_main|\(below main\)|bench_destroy|"
                   r"place_close|weft_test_close|_start")
KINDS = (
    ("memory", r"malloc|base/alloc\."),
    ("encoding and decoding", r"base/bytes\."),
    ("copying and comparing", r"multiarch|string"),
    ("names, hashes, tables", r"base/(hash|table|key)\.|xxhash"),
    ("lists, heaps, inboxes", r"base/(list|heap|mpsc)\."),
    ("printf", r"stdio|printf|libio"),
    ("store in memory (here only)",
     r"runtime/testing|storage/(store_memory|sorted)"),
    ("bench", r"bench/"),
    ("clients", r"runtime/client"),
    ("storage", r"storage/"),
    ("the rest of runtime", r"runtime/"),
    ("else", r""),
)


class Profile:
    """One file of callgrind, which names things once and then by number."""

    def __init__(self, path):
        self.self_cost = collections.Counter()
        self.whole = collections.Counter()
        self.calls = collections.Counter()
        self.edges = collections.Counter()
        self.files = collections.Counter()
        self.total = 0
        self.names = ({}, {})
        with open(path, encoding="utf-8") as file:
            self.read(file)

    def name(self, text, is_file):
        number, name = re.match(r"\((\d+)\)(?: (.*))?", text).groups()
        if name is not None:
            name = re.sub(r".*build/\w+/(\.\./)+", "", name)
            self.names[is_file][number] = name
        return self.names[is_file][number]

    def read(self, lines):
        at_file = of_file = function = callee_file = called = None
        for line in lines:
            key, _, value = line.rstrip("\n").partition("=")
            if key == "fl":
                at_file = of_file = self.name(value, True)
            elif key in ("fi", "fe"):
                at_file = self.name(value, True)
            elif key == "fn":
                function = (self.name(value, False), of_file)
            elif key in ("cfi", "cfl"):
                callee_file = self.name(value, True)
            elif key == "cfn":
                callee = (self.name(value, False), callee_file or of_file)
                callee_file = None
            elif key == "calls":
                called = (callee, int(value.split()[0]))
            elif line[0] in "0123456789+-*":
                self.add(function, at_file, called, int(line.split()[1]))
                called = None
            elif line.startswith("totals:"):
                self.total = int(line.split()[1])

    def add(self, function, file, called, cost):
        if called is None:
            self.self_cost[function] += cost
            self.whole[function] += cost
            self.files[file] += cost
            return
        callee, count = called
        self.calls[callee] += count
        self.edges[(function, callee)] += count
        if callee[0].split("'")[0] != function[0].split("'")[0]:
            self.whole[function] += cost


def run(program, workload, count):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "out")
        subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + path,
             program, workload, str(count)],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return Profile(path)


def each(after, before, count):
    return {key: (after[key] - before[key]) / count for key in after}


def by_function(costs, calls, total, title):
    print("\n%s\n%8s %6s %8s" % (title, "each", "", "calls"))
    ranked = sorted(costs.items(), key=lambda item: -item[1])
    ranked = [r for r in ranked if not FRAME.fullmatch(r[0][0].split("@")[0])]
    for function, cost in ranked[:ROWS]:
        print("%8.0f %5.1f%% %8.1f  %s (%s)" % (
            cost, 100 * cost / total, calls.get(function, 0), function[0],
            function[1].rsplit("/", 2)[-1]))


def by_kind(files, total):
    kinds = collections.Counter()
    for file, cost in files.items():
        kinds[next(k for k, of in KINDS if re.search(of, file))] += cost
    print("\nby kind of work")
    for kind, cost in kinds.most_common():
        print("%8.0f %5.1f%%  %s" % (cost, 100 * cost / total, kind))


def by_caller(edges, called):
    print("\nwho calls %s" % called)
    ranked = sorted(edges.items(), key=lambda item: -item[1])
    for (caller, callee), count in ranked:
        if callee[0] == called and count >= 0.05:
            print("%8.1f  %s (%s)" % (count, caller[0], caller[1]))


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    program, workload = sys.argv[1:3]
    first, last = int(sys.argv[3]), int(sys.argv[4])
    before, after = (run(program, workload, n) for n in (first, last))
    count = last - first
    total = (after.total - before.total) / count
    calls = each(after.calls, before.calls, count)
    print("%s: %.0f instructions each" % (workload, total))
    by_function(each(after.self_cost, before.self_cost, count), calls, total,
                "of themselves")
    by_function(each(after.whole, before.whole, count), calls, total,
                "with all that they call")
    by_kind(each(after.files, before.files, count), total)
    for called in sys.argv[5:]:
        by_caller(each(after.edges, before.edges, count), called)


main()
