#!/usr/bin/env python3
"""targets.py [-n ROUNDS] [-s SECONDS] [-d DIR] [-o TSV] [--large] WEFT_BENCH [NAME...]

Is weft as fast here as it wants to be? Each round measures what this machine
can do (`raw`), and then each target whose name begins with a NAME, or all,
each on a new directory in DIR (/var/tmp) for SECONDS (5). What is told is the
median of ROUNDS (5), beside what is wanted, which for some depends on `raw` of
the same round. --large adds those of a million instances, which take minutes.
Status 1 if a target is missed.
"""
import argparse
import collections
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

# unit, value(told, raw), wanted(told, raw): at least if is_least, else at most.
Target = collections.namedtuple(
    "Target", "name args unit value wanted is_least is_large")


def rate(name, args, wanted, is_large=False):
    return Target(name, args, "a second", lambda told, raw: told["rate"],
                  wanted if callable(wanted) else lambda told, raw: wanted,
                  True, is_large)


def most(name, args, unit, value, wanted, is_large=False):
    return Target(name, args, unit, value, lambda told, raw: wanted, False,
                  is_large)


def field(name, args, unit, key, wanted, is_large=False):
    return most(name, args, unit, lambda told, raw: told[key], wanted, is_large)


def syncs(name, args, wanted):
    """The median latency, in fdatasyncs."""
    return most(name, args, "fdatasync",
                lambda told, raw: told["p50_us"] / raw["fdatasync_p50_us"],
                wanted)


def beyond(name, workload, clients):
    """p99 at 70 % of the rate of as many clients, less fdatasync's."""
    return most(name, [workload, "--concurrency", clients, "--share", "0.7"],
                "ms beyond fdatasync's p99",
                lambda told, raw:
                (told["p99_us"] - raw["fdatasync_p99_us"]) / 1000, 5)


MILLION = ["--instances", "1000000"]
TCP = ["--remote", "tcp://127.0.0.1:17411", "--connections", "4"]
TARGETS = [
    rate("noop-128", ["noop", "--concurrency", "128"], 40000),
    syncs("noop-1", ["noop", "--concurrency", "1"], 1.5),
    rate("steps10-128", ["steps10", "--concurrency", "128"], 60000),
    rate("steps10-1024", ["steps10", "--concurrency", "1024"], 150000),
    syncs("steps10-1", ["steps10", "--concurrency", "1"], 16.5),
    rate("activity10-128", ["activity10", "--concurrency", "128"], 40000),
    rate("activity10-1024", ["activity10", "--concurrency", "1024"], 80000),
    rate("signal-many-128", ["signal-many", "--concurrency", "128"],
         lambda told, raw: min(0.3 * 128 * raw["fdatasync_per_s"], 150000)),
    rate("signal-many-1024", ["signal-many", "--concurrency", "1024"], 150000),
    rate("signal-many-tcp", ["signal-many", "--concurrency", "1024"] + TCP,
         100000),
    rate("counter-1024", ["counter", "--concurrency", "1024"], 200000),
    syncs("pingpong-1", ["pingpong", "--concurrency", "1"], 1.5),
    rate("pingpong-1000", ["pingpong", "--concurrency", "1000", "--hops", "20"],
         100000),
    rate("fanout-8", ["fanout", "--concurrency", "8"], 30000),
    beyond("open-noop", "noop", "1024"),
    beyond("open-signal", "signal-many", "1024"),
    beyond("open-counter", "counter", "1024"),
    beyond("open-activity1", "activity1", "1024"),
    field("bytes-step", ["steps10", "--concurrency", "1024"], "bytes",
          "written_bytes_per_op", 150),
    field("bytes-signal", ["signal-many", "--concurrency", "1024"], "bytes",
          "written_bytes_per_op", 150),
    field("bytes-noop", ["noop", "--concurrency", "1024"], "bytes",
          "written_bytes_per_op", 400),
    field("cpu-step", ["steps10", "--concurrency", "1024"], "us",
          "cpu_us_per_op", 10),
    field("cpu-noop", ["noop", "--concurrency", "1024"], "us", "cpu_us_per_op",
          35),
    most("timer-late", ["timer", "--rate", "10000"] + MILLION, "ms",
         lambda told, raw: told["p99_us"] / 1000, 20, True),
    field("sleepers-memory", ["sleepers"] + MILLION, "bytes",
          "resident_bytes_per_instance", 0, True),
    field("sleepers-disk", ["sleepers"] + MILLION, "bytes",
          "disk_bytes_per_instance", 300, True),
    most("recovery-first", ["recovery"] + MILLION, "s",
         lambda told, raw: told["first_us"] / 1e6, 1, True),
]


class Bench:
    """Runs the program, and remembers what it said in this round."""

    def __init__(self, program, seconds, where):
        self.program = program
        self.seconds = seconds
        self.where = where
        self.told = {}

    def run(self, args):
        key = tuple(args)
        if key not in self.told:
            self.told[key] = self.run_share(args) if "--share" in args \
                else self.run_once(args)
        return self.told[key]

    def run_once(self, args):
        data = os.path.join(self.where, "data")
        shutil.rmtree(data, ignore_errors=True)
        out = subprocess.run(
            [self.program] + args + ["--seconds", str(self.seconds), "--data",
                                     data, "--json"],
            stdout=subprocess.PIPE, check=True).stdout
        shutil.rmtree(data, ignore_errors=True)
        return json.loads(out.splitlines()[-1])

    def run_share(self, args):
        at = args.index("--share")
        closed = args[:at]
        share = float(args[at + 1]) * self.run(closed)["rate"]
        return self.run_once([closed[0], "--rate", str(int(share))])


def measure(bench, targets):
    """Of one round: by name, the value and what was wanted of it."""
    raw = bench.run(["raw"])
    found = {}
    for target in targets:
        print(target.name, end=" ", file=sys.stderr, flush=True)
        told = bench.run(target.args)
        if told["errors"]:
            sys.exit("%s: %d errors" % (target.name, told["errors"]))
        found[target.name] = (target.value(told, raw), target.wanted(told, raw))
    print(file=sys.stderr)
    return raw, found


def show(value):
    return "%.0f" % value if value >= 100 else "%.2f" % value


def tell(targets, rounds, out):
    """A line for each target. How many were missed."""
    missed = 0
    out.write("target\tmedian\tleast\tmost\twanted\tunit\treached\targuments\n")
    for target in targets:
        values = [found[target.name][0] for _, found in rounds]
        wanted = statistics.median(found[target.name][1] for _, found in rounds)
        median = statistics.median(values)
        is_reached = median >= wanted if target.is_least else median <= wanted
        missed += not is_reached
        out.write("\t".join([
            target.name, show(median), show(min(values)), show(max(values)),
            ("at least " if target.is_least else "at most ") + show(wanted),
            target.unit, "yes" if is_reached else "no",
            " ".join(target.args)]) + "\n")
    for key in ("fdatasync_per_s", "fdatasync_p50_us", "fdatasync_p99_us",
                "rocksdb_seq_keys_per_s", "rocksdb_random_keys_per_s",
                "zmq_tcp_msgs_per_s"):
        values = [raw[key] for raw, _ in rounds]
        out.write("\t".join(["raw " + key, show(statistics.median(values)),
                             show(min(values)), show(max(values))]) + "\n")
    return missed


def main():
    parser = argparse.ArgumentParser(
        usage=__doc__.split("\n", maxsplit=1)[0],
        description=__doc__.split("\n", maxsplit=1)[1])
    parser.add_argument("-n", type=int, default=5)
    parser.add_argument("-s", type=int, default=5)
    parser.add_argument("-d", default="/var/tmp")
    parser.add_argument("-o")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("program")
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    targets = [t for t in TARGETS if (asked.large or not t.is_large) and (
        not asked.names or t.name.startswith(tuple(asked.names)))]
    if not targets:
        sys.exit("no target begins so: " + " ".join(asked.names))
    where = tempfile.mkdtemp(prefix="weft-targets.", dir=asked.d)
    try:
        rounds = []
        for number in range(asked.n):
            print("round %d of %d:" % (number + 1, asked.n), end=" ",
                  file=sys.stderr)
            bench = Bench(asked.program, asked.s, where)
            rounds.append(measure(bench, targets))
    finally:
        shutil.rmtree(where)
    missed = tell(targets, rounds, sys.stdout)
    if asked.o:
        with open(asked.o, "w", encoding="utf-8") as file:
            tell(targets, rounds, file)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
