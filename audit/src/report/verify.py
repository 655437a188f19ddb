import hashlib, json, sys

STREAM, TO, HEAD = "@STREAM@", "@TO@", "@HEAD@"

def sha256(domain, text):
    return hashlib.sha256((domain + text).encode()).hexdigest()

def demand(holds, seq, problem):
    if not holds:
        sys.exit(f"record {seq}: {problem}")

records = json.load(sys.stdin)
first = records[0]["seq"]
# Where old records were pruned, the first one that is left is believed.
prev = sha256("twinctl.journal.genesis.v1\n", STREAM) if first == 0 else records[0]["prev"]
hashes = {}
for seq, record in enumerate(records, first):
    stated = record.pop("hash")
    # RFC 8785 for what records hold: sorted keys, no white space, UTF-8.
    line = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    demand(record["stream"] == STREAM and record["seq"] == seq, seq, "is not in its place")
    demand(record["prev"] == prev, seq, "does not follow the one before")
    prev = hashes[seq] = sha256("twinctl.journal.record.v1\n", line)
    demand(prev == stated, seq, "does not have the hash that it states")
demand(hashes.get(TO) == HEAD, TO, "is not the head of the report")
print("whole")
