#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# report.py - which lines and branches of a folder the tests have taken.
#
#   report.py TOP BUILD FOLDER...            a table, a row for each file
#   report.py --untaken TOP BUILD FOLDER...  each branch that never was
#   report.py --errors TOP BUILD FOLDER...   each error that never happened
#   report.py --total TOP BUILD FOLDER...    percent of branches, and errors
#
# BUILD is made with the preset "coverage". A branch is one way out of one
# condition, so that "a && b" has four. Left out, and counted as such:
#
#   assertions   conditions within WF_ASSERT and WF_ASSERT_SLOW: one way out of
#                each is a bug of weft
#   impossible   the default of a switch that is WF_ASSERT(false), and the way
#                past one without a default: the compiler wants a case for each
#                value of its enum
#
# An error is a line that makes one or passes one on: it names a WEFT_E..., is
# a goto, or returns err.

import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys

ASSERTION = re.compile(r"\bWF_ASSERT(_SLOW)?\(")
IMPOSSIBLE = re.compile(r"\bWF_ASSERT\(false\)")
ERROR = re.compile(r"\bWEFT_E[A-Z]+\b|\bgoto \w+;|\breturn err;")


class Source:
    """One file: what gcov counted, by line, and what of it does not count."""

    def __init__(self, top, name):
        with open(os.path.join(top, name), encoding="utf-8") as file:
            self.text = file.read().split("\n")
        self.name = name
        self.lines = collections.Counter()
        self.branches = {}  # line -> counts; the same in each unit of a header
        self.functions = {}  # line -> name
        self.asserted = set()
        for number, line in enumerate(self.text, 1):
            if ASSERTION.search(line) and not line.startswith("#define"):
                self.asserted.update(self.extent(number))

    # The lines of a call that begins at this one.
    def extent(self, first):
        depth = 0
        start = ASSERTION.search(self.text[first - 1]).end() - 1
        for number in range(first, len(self.text) + 1):
            for char in self.text[number - 1][start:]:
                depth += {"(": 1, ")": -1}.get(char, 0)
            if depth <= 0:
                break
            start = 0
        return range(first, number + 1)

    def add(self, line):
        number = line["line_number"]
        self.lines[number] += line["count"]
        self.functions[number] = line.get("function_name", "?")
        counts = [branch["count"] for branch in line["branches"]]
        if counts:
            old = self.branches.get(number, [0] * len(counts))
            if len(old) != len(counts):  # other conditions in another unit
                old = old if sum(old) >= sum(counts) else counts
            else:
                old = [a + b for a, b in zip(old, counts)]
            self.branches[number] = old

    # The line of the switch whose default is impossible and at this line.
    def switch_of(self, number):
        indent = None
        for at in range(number, 0, -1):
            line = self.text[at - 1]
            if indent is None and re.match(r"\s*default:", line):
                indent = len(line) - len(line.lstrip())
            elif indent is not None and re.match(
                r" {%d}switch \(" % indent, line
            ):
                return at
        return None

    # Whether there is a switch at this line, and it has no default.
    def names_all(self, number):
        line = self.text[number - 1]
        if not re.match(r"\s*switch \(", line):
            return False
        indent = line[: len(line) - len(line.lstrip())]
        end = self.text.index(indent + "}", number)
        return indent + "default:" not in self.text[number:end]

    def settle(self):
        self.left_out = collections.Counter()
        for number in list(self.branches):
            if number in self.asserted:
                self.left_out["assertions"] += len(self.branches.pop(number))
        for number in self.asserted:
            line = self.text[number - 1]
            if IMPOSSIBLE.search(line) and self.lines[number] == 0:
                self.lines.pop(number, None)
                switch = self.switch_of(number)
                if 0 in self.branches.get(switch, []):
                    self.branches[switch].remove(0)
                    self.left_out["impossible"] += 1
        for number, counts in self.branches.items():
            if self.names_all(number) and counts[-1] == 0:
                counts.pop()
                self.left_out["impossible"] += 1

    def errors(self):
        for number in sorted(self.lines):
            line = self.text[number - 1].strip()
            if ERROR.search(line) and not line.startswith("case "):
                yield number, self.lines[number], line


# What one unit has counted. Counts of an older build, or of a process that was
# killed while it wrote them, count for nothing.
def gcov(path):
    done = subprocess.run(
        ["gcov", "--json-format", "--branch-probabilities", "--stdout", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=os.path.dirname(path),
        check=False,
    )
    if done.returncode != 0:
        print("report.py: the counts of %s are left out" % path, file=sys.stderr)
        return {"files": []}
    return json.loads(done.stdout)


# What all units of the build have counted in these folders.
def read(top, build, folders):
    notes = []
    for folder, _, names in os.walk(build):
        notes += [
            os.path.join(folder, name)
            for name in names
            if name.endswith(".gcno")
        ]
    sources = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for unit in pool.map(gcov, sorted(notes)):
            for file in unit["files"]:
                path = os.path.realpath(
                    os.path.join(unit["current_working_directory"],
                                 file["file"])
                )
                name = os.path.relpath(path, top)
                if name.split("/")[0] not in folders:
                    continue
                source = sources.setdefault(name, Source(top, name))
                for line in file["lines"]:
                    source.add(line)
    for source in sources.values():
        source.settle()
    return [sources[name] for name in sorted(sources)]


class Sum:
    def __init__(self, sources):
        self.lines = sum(len(source.lines) for source in sources)
        self.lines_taken = sum(
            count > 0 for source in sources for count in source.lines.values()
        )
        self.branches = 0
        self.branches_taken = 0
        for source in sources:
            for counts in source.branches.values():
                self.branches += len(counts)
                self.branches_taken += sum(count > 0 for count in counts)
        errors = [count for s in sources for _, count, _ in s.errors()]
        self.errors = len(errors)
        self.errors_taken = sum(count > 0 for count in errors)

    def row(self, name):
        columns = [
            (self.lines_taken, self.lines),
            (self.branches_taken, self.branches),
            (self.errors_taken, self.errors),
        ]
        cells = [
            "%13s %6.1f" % ("%d/%d" % column, percent(*column))
            for column in columns
        ]
        return "%-32s%s" % (name, "".join(cells))


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def table(sources, folders):
    head = "%-32s" + 3 * "%13s %6s"
    print(head % ("", "lines", "%", "branches", "%", "errors", "%"))
    for source in sources:
        print(Sum([source]).row(source.name))
    for folder in folders:
        part = [s for s in sources if s.name.split("/")[0] == folder]
        print(Sum(part).row("in all of " + folder))
    print(Sum(sources).row("in all"))
    left_out = sum((s.left_out for s in sources), collections.Counter())
    for what, count in sorted(left_out.items()):
        print("left out: %d branches of %s" % (count, what))


def untaken(sources, _folders):
    for source in sources:
        for number, counts in sorted(source.branches.items()):
            if 0 in counts:
                print(
                    "%s:%d: %s: %d of %d: %s"
                    % (source.name, number, source.functions[number],
                       counts.count(0), len(counts),
                       source.text[number - 1].strip())
                )


def errors(sources, _folders):
    for source in sources:
        for number, count, text in source.errors():
            if count == 0:
                where = source.functions[number]
                print("%s:%d: %s: %s" % (source.name, number, where, text))


def total(sources, _folders):
    whole = Sum(sources)
    print(
        "%.2f\t%d of %d branches, %d of %d errors"
        % (percent(whole.branches_taken, whole.branches),
           whole.branches_taken, whole.branches,
           whole.errors_taken, whole.errors)
    )


def main(arguments):
    modes = {"--untaken": untaken, "--errors": errors, "--total": total}
    show = table
    if arguments and arguments[0] in modes:
        show = modes[arguments.pop(0)]
    if len(arguments) < 3:
        sys.exit(__doc__ or "report.py: see its head")
    top, build, *folders = arguments
    show(read(os.path.realpath(top), os.path.realpath(build), folders), folders)


main(sys.argv[1:])
