"""fields.py WORKLOAD FILE - FILE is one line of JSON that weft-bench wrote."""
import json
import sys

MEASURED = """workload rate p50_us p90_us p99_us p999_us max_us cpu_us_per_op
    cpu_by_thread rss_peak_bytes written_bytes_per_op fsyncs_per_s ops errors
    machine commit""".split()
BESIDES = {
    "sleepers": """resident_bytes_per_instance running_bytes_per_instance
        disk_bytes_per_instance""".split(),
    "recovery": "open_us first_us all_us".split(),
}
RAW = """workload fdatasync_per_s fdatasync_p50_us fdatasync_p99_us
    rocksdb_seq_keys_per_s rocksdb_random_keys_per_s zmq_tcp_msgs_per_s
    machine commit""".split()


def check(workload, told):
    fields = RAW if workload == "raw" else MEASURED + BESIDES.get(workload, [])
    assert sorted(told) == sorted(fields), sorted(set(told) ^ set(fields))
    if workload == "raw":
        assert all(told[f] > 0 for f in RAW[1:7])
        return
    assert told["ops"] > 0 and told["rate"] > 0 and told["errors"] == 0
    shares = [told[f] for f in MEASURED[2:7]]
    assert shares == sorted(shares)
    assert told["rss_peak_bytes"] > 1 << 20
    assert "weft-bench" in told["cpu_by_thread"]
    if workload == "elsewhere":
        assert told["fsyncs_per_s"] is None
        return
    assert "weft-shard" in told["cpu_by_thread"]
    if workload not in ("sleepers", "recovery", "journal"):
        assert told["written_bytes_per_op"] > 0


with open(sys.argv[2], encoding="utf-8") as file:
    lines = file.read().splitlines()
assert len(lines) == 1, lines
check(sys.argv[1], json.loads(lines[0]))
