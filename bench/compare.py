"""compare.py FILE - medians of what compare.sh has gathered: lines of round,
label (raw, A, B), JSON."""
import json
import statistics
import sys

FIELDS = """rate p50_us p99_us cpu_us_per_op written_bytes_per_op
    fsyncs_per_s rss_peak_bytes errors""".split()


def read(path):
    rounds = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            number, label, told = line.rstrip("\n").split("\t")
            rounds.setdefault(int(number), {})[label] = json.loads(told)
    return [rounds[number] for number in sorted(rounds)]


def spread(values):
    return "%8.3f (%.3f to %.3f)" % (
        statistics.median(values), min(values), max(values))


def ratios(rounds, above, below):
    """Of two fields, (label, name) each, round by round."""
    pairs = [(r[above[0]][above[1]], r[below[0]][below[1]]) for r in rounds]
    return [a / b for a, b in pairs if a is not None and b]


def show(rounds, label):
    for field in FIELDS:
        values = [r[label][field] for r in rounds]
        if None not in values:
            print("%-2s %-22s %14.1f" % (
                label, field, statistics.median(values)))
    for name, above, below in (
            ("rate / fdatasync_per_s", "rate", "fdatasync_per_s"),
            ("p50 / fdatasync p50", "p50_us", "fdatasync_p50_us"),
            ("p99 / fdatasync p99", "p99_us", "fdatasync_p99_us")):
        print("%-2s %-22s %s" % (
            label, name, spread(ratios(rounds, (label, above), ("raw", below)))))


def main():
    rounds = read(sys.argv[1])
    for field in ("fdatasync_per_s", "fdatasync_p50_us", "fdatasync_p99_us",
                  "rocksdb_seq_keys_per_s", "rocksdb_random_keys_per_s",
                  "zmq_tcp_msgs_per_s"):
        print("   %-26s %10.1f" % (
            field, statistics.median(r["raw"][field] for r in rounds)))
    show(rounds, "A")
    if "B" in rounds[0]:
        show(rounds, "B")
        for field in FIELDS:
            values = ratios(rounds, ("B", field), ("A", field))
            if values:
                print("B/A %-21s %s" % (field, spread(values)))


main()
