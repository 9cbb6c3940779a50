#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sweep.py - break one place after the other, and see whether a test fails.

    sweep.py reach WORK            which tests reach which places
    sweep.py run WORK [OPTION...]  run them; results are added to WORK/results

WORK is what sweep.sh made: sources written by schemata.py, mutants.tsv, and
build/dev. A place that was swept before is not swept again.

    --files REGEX    only places in these files
    --how REGEX      only places broken in these ways
    --lines FILE     only these numbers, one a line
    --every N        one in N of them, drawn the same way each time
    --budget S       give up on a place after so many seconds of tests
    --seconds S      stop after so many seconds
    --again          the survivors of before, too

A result is a line: number, "caught" or "survived" or "unreached", the test, and
how many seconds that took, with tabs between.
"""
import argparse
import glob
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import time

# What nobody but a reader of traces and metrics would miss.
SILENT = re.compile(r'^wf_(note|warn|tally|trace|counter|histogram)|stats')
SLOWEST = 12  # seconds of a test that is worth running so often


def programs(build):
    """(name, words, environment) of every test."""
    for path in sorted(glob.glob(f'{build}/tests/unit/test_*') +
                       glob.glob(f'{build}/tests/story/test_*') +
                       [f'{build}/tests/sim/sim_core']):
        if not os.access(path, os.X_OK) or os.path.isdir(path):
            continue
        listed = subprocess.run([path, '--list'], capture_output=True,
                                text=True, check=False).stdout.split()
        for test in listed:
            yield f'{os.path.basename(path)}:{test}', [path, test], {}
    for seed in range(1, 25):
        yield f'sim_random:{seed}', [f'{build}/tests/sim/sim_random'], \
            {'SIM_SEED': str(seed)}
    yield 'sim_seeds', [f'{build}/tests/sim/sim_seeds'], {}
    yield 'corpus.replay', ['ctest', '--test-dir', build, '-R',
                            'corpus.replay'], {}


def play(words, environment, limit):
    """Run a test: did it pass, and how long did it take?"""
    began = time.monotonic()
    process = subprocess.Popen(words, env={**os.environ, **environment},
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        passed = process.wait(timeout=limit) == 0
    except subprocess.TimeoutExpired:
        passed = False
    try:
        os.killpg(process.pid, signal.SIGKILL)  # what it left behind
    except ProcessLookupError:
        pass
    process.wait()
    return passed, time.monotonic() - began


def reach(work):
    build = f'{work}/build/dev'
    tests = {}
    seen = f'{work}/seen'
    for name, words, environment in programs(build):
        if os.path.exists(seen):
            os.unlink(seen)
        passed, took = play(words, {**environment, 'MUTANT_SEEN': seen}, 120)
        if not passed:
            print(f'{name} fails without any mutant')
            continue
        data = open(seen, 'rb').read() if os.path.exists(seen) else b''
        tests[name] = (words, environment, took,
                       {i for i, b in enumerate(data) if b})
    with open(f'{work}/reach', 'wb') as out:
        pickle.dump(tests, out)
    print(f'{len(tests)} tests, {sum(t[2] for t in tests.values()):.0f} s')


def attempt(number, tests, order, budget):
    """Run tests in that order until one fails."""
    spent = 0.0
    for name in order:
        words, environment, took, _ = tests[name]
        if spent + took > budget:
            continue
        passed, took = play(words, {**environment, 'MUTANT': str(number)},
                            3 + 20 * took)
        spent += took
        if not passed:
            return 'caught', name, spent
    return 'survived', f'{len(order)} tests', spent


def chosen(work, options):
    """The places to be swept, in an order that is as fair after any time."""
    places = [line.rstrip('\n').split('\t')
              for line in open(f'{work}/mutants.tsv')]
    done = {}
    if os.path.exists(f'{work}/results'):
        done = {int(line.split('\t')[0]): line.split('\t')[1]
                for line in open(f'{work}/results')}
    lines = None
    if options.lines:
        lines = {int(line.split()[0]) for line in open(options.lines)}
    random.Random(1).shuffle(places)
    for place in places:
        number = int(place[0])
        if number in done and not (options.again and
                                   done[number] == 'survived'):
            continue
        if lines is not None and number not in lines:
            continue
        if place[4] == 'drop' and SILENT.search(place[5]):
            continue
        if not re.search(options.files, place[1]) or \
                not re.search(options.how, place[4]):
            continue
        if random.Random(number).randrange(options.every) == 0:
            yield number, place


def count(caught_by, place, test):
    for where in (place[1], place[3]):
        caught_by[where, test] = caught_by.get((where, test), 0) + 1


def history(work):
    """How often each test caught something in each file and function."""
    caught_by = {}
    places = {line.split('\t')[0]: line.split('\t')
              for line in open(f'{work}/mutants.tsv')}
    if os.path.exists(f'{work}/results'):
        for line in open(f'{work}/results'):
            number, result, test, _ = line.split('\t')
            if result == 'caught':
                count(caught_by, places[number], test)
    return caught_by


def run(work, options):
    with open(f'{work}/reach', 'rb') as data:
        tests = pickle.load(data)
    by_number = {}
    for name, test in tests.items():
        for number in test[3]:
            by_number.setdefault(number, []).append(name)
    caught_by = history(work)
    ends = time.monotonic() + options.seconds
    counts = {'caught': 0, 'survived': 0, 'unreached': 0}
    with open(f'{work}/results', 'a', buffering=1) as out:
        for number, place in chosen(work, options):
            if time.monotonic() > ends:
                print('no time for the rest')
                break
            order = sorted(
                (name for name in by_number.get(number, ())
                 if tests[name][2] < SLOWEST),
                key=lambda name: tests[name][2] /
                (1 + 20 * caught_by.get((place[3], name), 0) +
                 caught_by.get((place[1], name), 0)))
            if order:
                result, by, took = attempt(number, tests, order,
                                           options.budget)
            else:
                result, by, took = 'unreached', '-', 0.0
            if result == 'caught':
                count(caught_by, place, by)
            counts[result] += 1
            out.write(f'{number}\t{result}\t{by}\t{took:.1f}\n')
    print(counts)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('what', choices=['reach', 'run'])
    parser.add_argument('work')
    parser.add_argument('--files', default='')
    parser.add_argument('--how', default='')
    parser.add_argument('--lines')
    parser.add_argument('--every', type=int, default=1)
    parser.add_argument('--budget', type=float, default=20)
    parser.add_argument('--seconds', type=float, default=1e9)
    parser.add_argument('--again', action='store_true')
    options = parser.parse_args()
    if options.what == 'reach':
        reach(options.work)
    else:
        run(options.work, options)
    sys.exit(0)


main()
