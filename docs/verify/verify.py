#!/usr/bin/env python3
"""Verifies an export of twinctl's journal without twinctl: Python's standard library and nothing else.

    verify.py EXPORT.jsonl [MORE.jsonl ...] [--checkpoint NOTE --key KEY]
    verify.py --proof PROOF.json --checkpoint NOTE --key KEY [--since EARLIER-NOTE]

It checks the hash chain of the records, the Merkle root (RFC 6962) against signed checkpoints (C2SP signed-note and
tlog-checkpoint, Ed25519 of RFC 8032), and proofs (RFC 9162). It prints the first thing that does not hold, and exits with 1.
What a record means, and whether it may follow the one before, is not its affair.
"""
import argparse
import base64
import hashlib
import json
import sys


class Broken(Exception):
    """It does not hold."""


def demand(holds, otherwise):
    if not holds:
        raise Broken(otherwise)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# Records: canonical JSON (RFC 8785), one a line. What is hashed is the line without its member "hash".

def record_hash(line, record):
    # The keys are sorted, and after this member come plain strings and numbers: the last one found is the record's own.
    front, found, tail = line.rpartition('"hash":"%s",' % record["hash"])
    demand(found, "its hash does not stand where it should")
    return sha256(b"twinctl.journal.record.v1\n", (front + tail).encode()).hex()


def read(paths):
    """The lines of the exports, and their leaves; each record is checked against the one before it."""
    leaves, prev, stream = [], None, None
    for line in (line for path in paths for line in open(path, encoding="utf-8", newline="\n")):
        line, seq = line.rstrip("\n"), len(leaves)
        try:
            record = json.loads(line)
            stream = stream or record["stream"]
            due = prev or sha256(b"twinctl.journal.genesis.v1\n", stream.encode()).hex()
            demand(record["v"] == 1, "it is of format %s, which is not known here" % record["v"])
            demand(record["stream"] == stream, "it belongs to the stream %r" % record["stream"])
            demand(record["seq"] == seq, "record %s stands in its place" % record["seq"])
            demand(record["prev"] == due, "it does not follow the record before it")
            demand(record_hash(line, record) == record["hash"], "its contents do not match its hash")
        except (Broken, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Broken("record %d: %s: %s" % (seq, type(error).__name__, error)) from error
        prev = record["hash"]
        leaves.append(sha256(b"\0", line.encode()))
    return stream, leaves, prev


# The Merkle tree of RFC 6962, and the verification of proofs of RFC 9162.

def node(left, right):
    return sha256(b"\1", left, right)


def root(leaves):
    while len(leaves) > 1:
        leaves = [node(*leaves[at:at + 2]) if at + 1 < len(leaves) else leaves[at] for at in range(0, len(leaves), 2)]
    return leaves[0] if leaves else sha256()


def climb(place, last, new, old, proof):
    """The roots of the tree now and earlier that a proof leads to, from a place in a level with this last place."""
    for sibling in proof:
        if place & 1 or place == last:
            new, old = node(sibling, new), node(sibling, old)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node(new, sibling)
        place, last = place >> 1, last >> 1
    demand(not last, "the proof does not have the length that it needs")
    return new, old


def consistency_roots(first, size, first_root, proof):
    hashes = ([first_root] if first & (first - 1) == 0 else []) + proof
    demand(0 < first < size and hashes, "the proof does not have the length that it needs")
    place, last = first - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    return climb(place, last, hashes[0], hashes[0], hashes[1:])


# Ed25519, verification only (RFC 8032, section 5.1.7). Slow, and nothing here is secret.

P = 2 ** 255 - 19
Q = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    e, f, g, h = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P, 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return i * j % P, k * m % P, j * k % P, i * m % P


def multiply(number, point):
    result = (0, 1, 1, 0)
    while number:
        result, point, number = (add(result, point) if number & 1 else result), add(point, point), number >> 1
    return result


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    demand(y < P and x * x % P == square and (x or not sign), "a point of the signature is none")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signed(public, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % Q
    (x1, y1, z1, _), (x2, y2, z2, _) = multiply(s, BASE), add(point(r), multiply(h, point(public)))
    return (x1 * z2 - x2 * z1) % P == 0 and (y1 * z2 - y2 * z1) % P == 0


# Checkpoints: "origin\nsize\nroot\n", an empty line, "— name base64(id || signature)".

def checkpoint(path, key):
    name, _, encoded = key.strip().split("+", 2)
    public = base64.b64decode(encoded)
    identity = sha256(name.encode(), b"\n", public)[:4]
    text, _, below = open(path, encoding="utf-8").read().rpartition("\n\n")
    text += "\n"
    for line in below.splitlines():
        signature = base64.b64decode(line.split(" ")[2]) if line.startswith("— %s " % name) else b""
        if public[:1] == b"\1" and signature[:4] == identity and signed(public[1:], text.encode(), signature[4:]):
            origin, size, encoded = text.splitlines()[:3]
            return origin, int(size), base64.b64decode(encoded)
    raise Broken("the checkpoint %s is not signed by the key" % path)


def check_exports(options):
    stream, leaves, head = read(options.exports)
    print("%s: %d records, chained, head %s, root %s"
          % (stream, len(leaves), head, base64.b64encode(root(leaves)).decode()))
    for path in options.checkpoint:
        _, size, stated = checkpoint(path, options.key)
        demand(size <= len(leaves),
               "record %d: the export ends before it, and the checkpoint covers %d" % (len(leaves), size))
        demand(root(leaves[:size]) == stated, "the first %d records are not those of the checkpoint" % size)
        print("the first %d are those of the checkpoint %s" % (size, path))


def check_proof(options):
    proof = json.load(open(options.proof, encoding="utf-8"))
    origin, size, stated = checkpoint(options.checkpoint[0], options.key)
    demand((proof["origin"], proof["size"]) == (origin, size), "the proof is for another checkpoint")
    hashes = [base64.b64decode(text) for text in proof.get("inclusion", proof.get("consistency"))]
    if "inclusion" in proof:
        leaf = sha256(b"\0", proof["line"].encode())
        reached, _ = climb(proof["record"], size - 1, leaf, leaf, hashes)
        demand(proof["record"] < size and reached == stated, "the record is not in the checkpoint")
        return print("record %d is in the checkpoint of %d" % (proof["record"], size))
    _, earlier, earlier_root = checkpoint(options.since, options.key)
    demand(consistency_roots(earlier, size, earlier_root, hashes) == (stated, earlier_root),
           "the later checkpoint did not grow out of the earlier one")
    print("the checkpoint of %d grew out of that of %d" % (size, earlier))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    [parser.add_argument(name) for name in ("--key", "--proof", "--since")]
    parser.add_argument("--checkpoint", action="append", default=[])
    parser.add_argument("exports", nargs="*")
    options = parser.parse_args()
    try:
        check_proof(options) if options.proof else check_exports(options)
    except (Broken, OSError, ValueError, KeyError, TypeError) as error:
        sys.exit("does not hold: %s" % error)


main()
