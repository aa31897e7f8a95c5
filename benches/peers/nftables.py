"""nftables beside the lines of five fields that `peers` writes: the same verdicts, and what the rules cost a packet.

Reads NAME.rules, NAME.trace and NAME.verdicts, loads the rules on the way out of a network namespace of its own, and sends
packets of the trace there: what the kernel does not send is denied. The namespace is gone when the command ends. Prints a row
of a table for each name and form: what sending costs with the rules, beyond what it costs without. Exit 1 if a verdict
differs. Forms are those of `nftables_forms.py`: a list, interval maps, and hash sets of classes.

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

import nftables_forms

PACKETS = 2000
ROUNDS = 15
# Seconds that loading a form may take.
PATIENCE = 120


def run(*command, text=None):
    subprocess.run(command, input=text, text=True, check=True, timeout=PATIENCE)


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


def chosen(trace, wanted):
    """Packets of both verdicts, as many of each as there are, up to half."""
    sent = [(packet(words), allows == "1") for words, allows in zip(trace, wanted) if can_be_sent(words)]
    allowed = [one for one in sent if one[1]][: PACKETS // 2]
    return allowed + [one for one in sent if not one[1]][: PACKETS - len(allowed)]


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


def chain(rules, policy):
    return "add chain ip bench out { type filter hook output priority 0; policy %s; }\n%s\n" % (
        policy,
        "\n".join(f"add rule ip bench out {rule}" for rule in rules),
    )


class Loaded:
    """A table with the sets of a form, and with its rules on the way out for as long as is asked."""

    def __init__(self, form, policy):
        run("nft", "-f", "-", text="add table ip bench\n" + form.sets)
        rules = "".join(f"add rule ip bench out {rule}\n" for rule in form.rules)
        self.chain = "add chain ip bench out { type filter hook output priority 0; policy %s; }\n" % policy + rules

    def __enter__(self):
        return self

    def __exit__(self, *_):
        run("nft", "delete", "table", "ip", "bench")

    def send(self, out, packets):
        run("nft", "-f", "-", text=self.chain)
        told, ns = send(out, packets)
        run("nft", "delete", "chain", "ip", "bench", "out")
        return told, ns


def measure(out, packets, form):
    """Nanoseconds of a packet on top of sending; ends the run if a verdict differs."""
    wanted = [allows for _, allows in packets]
    packets = [one for one, _ in packets]
    with Loaded(form, "drop") as loaded:
        told, _ = loaded.send(out, packets)
    if told != wanted:
        at = next(at for at, (one, allows) in enumerate(zip(told, wanted)) if one != allows)
        sys.exit(f"{form.name}: packet {packets[at][0].hex()} is told {told[at]} by nftables")
    # What is refused is not sent, and that alone is cheaper: the cost is that of looking up, with nothing refused.
    costs = {"with": [], "without": []}
    with Loaded(form.that_lets_through(), "accept") as loaded:
        for _ in range(ROUNDS):
            costs["with"].append(loaded.send(out, packets)[1])
            costs["without"].append(send(out, packets)[1])
    return statistics.median(costs["with"]) - statistics.median(costs["without"])


def main():
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    run("ip", "link", "set", "lo", "up")
    run("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo")
    print("| rules | lines | written as | entries | packets, allowed | nftables, on top of sending \\[ns\\] |")
    print("| --- | ---: | --- | ---: | ---: | ---: |")
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as out:
        for name in names:
            text = (folder / f"{name}.rules").read_text().splitlines()
            lines_allow, wanted = (folder / f"{name}.verdicts").read_text().splitlines()
            lines = [nftables_forms.Line(line, allows == "1") for line, allows in zip(text, lines_allow)]
            trace = [line.split() for line in (folder / f"{name}.trace").read_text().splitlines()]
            packets = chosen(trace, wanted)
            for form in nftables_forms.of(lines):
                row = f"| {name} | {len(lines):,} | {form.name} | {form.entries:,} "
                row += f"| {len(packets):,}, {sum(allows for _, allows in packets):,} "
                print(row + f"| {measure(out, packets, form):,.0f} |", flush=True)


if __name__ == "__main__":
    main()
