"""nftables beside the lines of five fields that `peers` writes: the same verdicts, and what the rules cost a packet.

Reads NAME.rules, NAME.trace and NAME.verdicts, loads the rules as one chain on the way out of a network namespace of its
own, and sends every packet of the trace there: what the kernel does not send is denied. The namespace is gone when the
command ends. Prints a row of a table for each name: what sending costs with the rules, beyond what it costs without. Exit 1
if a verdict differs.

    unshare --net python3 nftables.py FOLDER NAME [NAME ...]
"""

import ipaddress
import socket
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

PACKETS = 2000
ROUNDS = 5
WITH_PORTS = (6, 17, 132)


def run(*command, text=None):
    subprocess.run(command, input=text, text=True, check=True)


def nft_rule(line, allows):
    source, destination, ports, protocol = fields(line)
    words = []
    if source.prefixlen:
        words.append(f"ip saddr {source}")
    if destination.prefixlen:
        words.append(f"ip daddr {destination}")
    number, mask = protocol
    if mask:
        words.append(f"ip protocol {number}")
    restricted = [(name, pair) for name, pair in zip(("sport", "dport"), ports) if pair != (0, 65535)]
    if restricted and mask and number not in WITH_PORTS:
        return None  # No packet that is sent here is of such a protocol.
    if restricted and not mask:
        words.append("ip protocol { 6, 17, 132 }")
    words += [f"th {name} {first}-{last}" if first < last else f"th {name} {first}" for name, (first, last) in restricted]
    return " ".join(words + ["accept" if allows else "drop"])


def fields(line):
    words = line.lstrip("@").replace(":", " ").split()
    nets = [ipaddress.ip_network(word, strict=False) for word in words[:2]]
    ports = [tuple(map(int, words[2:4])), tuple(map(int, words[4:6]))]
    return *nets, ports, tuple(int(part, 16) for part in words[6].split("/"))


def packet(words):
    source, destination, source_port, destination_port, protocol = map(int, words)
    header = struct.pack("!BBHHHBBHII", 0x45, 0, 40, 0, 0, 64, protocol, 0, source, destination)
    body = struct.pack("!HHIIBBHHH", source_port, destination_port, 0, 0, 0x50, 2, 0, 0, 0)
    return header + body, str(ipaddress.ip_address(destination))


def can_be_sent(words):
    """A unicast source and destination, and a protocol that the kernel's rules see ports of, or one without."""
    ends = [ipaddress.ip_address(int(word)) for word in words[:2]]
    return int(words[4]) in (6, 17) and not any(
        end.is_multicast or end.is_loopback or end.is_unspecified or end.is_reserved or int(end) >> 24 in (0, 127)
        for end in ends
    )


def send(out, packets):
    told = []
    start = time.thread_time_ns()
    for data, to in packets:
        try:
            out.sendto(data, (to, 0))
            told.append(True)
        except PermissionError:
            told.append(False)
    return told, (time.thread_time_ns() - start) / len(packets)


def measure(out, folder, name):
    lines = (folder / f"{name}.rules").read_text().splitlines()
    actions = (folder / f"{name}.verdicts").read_text().splitlines()
    lines_allow, wanted = actions[0], actions[1]
    rules = [nft_rule(line, allows == "1") for line, allows in zip(lines, lines_allow)]
    trace = [line.split() for line in (folder / f"{name}.trace").read_text().splitlines()]
    chosen = [(packet(words), allows == "1") for words, allows in zip(trace, wanted) if can_be_sent(words)][:PACKETS]
    packets = [one for one, _ in chosen]
    chain = "\n".join(rule for rule in rules if rule)
    table = "table ip bench { chain out { type filter hook output priority 0; policy drop;\n%s\n}\n}\n"
    costs = {"with": [], "without": []}
    for _ in range(ROUNDS):
        run("nft", "-f", "-", text=table % chain)
        told, ns = send(out, packets)
        run("nft", "flush", "ruleset")
        costs["with"].append(ns)
        costs["without"].append(send(out, packets)[1])
        if told != [allows for _, allows in chosen]:
            at = next(at for at, (one, allows) in enumerate(zip(told, chosen)) if one != allows[1])
            sys.exit(f"{name}: packet {packets[at][0].hex()} is told {told[at]} by nftables")
    cost = statistics.median(costs["with"]) - statistics.median(costs["without"])
    print(f"| {name} | {len(lines):,} | {len(packets):,} | {cost:,.0f} |", flush=True)


def main():
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    run("ip", "link", "set", "lo", "up")
    run("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo")
    print("| rules | lines | packets | nftables, on top of sending \\[ns\\] |\n| --- | ---: | ---: | ---: |")
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as out:
        for name in names:
            measure(out, folder, name)


main()
