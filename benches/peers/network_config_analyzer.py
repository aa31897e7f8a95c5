"""seglab beside the Python analyzer `network-config-analyzer`, on the same manifests, in one run.

Writes clusters of N workloads and N network policies, asks both for every connection, holds the answers against each
other, and prints a row of a table for each size: processor time of the whole command, and the ratio. Exit 1 if the
connections differ.

    python network_config_analyzer.py SEGLAB NCA FOLDER [N ...]
"""

import csv
import ipaddress
import random
import re
import resource
import statistics
import subprocess
import sys
from pathlib import Path

PROTOCOLS = ("TCP", "UDP", "SCTP")
EVERYTHING = tuple((protocol, (1, 65535)) for protocol in PROTOCOLS)
APPS_PER_NAMESPACE = 10
FASTER_COMMAND_RUNS = 5


def manifests(count):
    """Deployments that each call a few others, and a policy for each with its callers, its callees and DNS."""
    draw = random.Random(count)
    home = lambda app: f"team-{app // APPS_PER_NAMESPACE}"
    port = lambda app: 8000 + app % 40
    called = {app: sorted(draw.sample(range(count), 4)) for app in range(count)}
    callers = {app: [caller for caller in called if app in called[caller]] for app in called}
    peer = lambda app: (
        f"{{namespaceSelector: {{matchLabels: {{team: {home(app)}}}}}, podSelector: {{matchLabels: {{app: app-{app}}}}}}}"
    )
    documents = [
        f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{team: {name}}}}}\n"
        for name in sorted({home(app) for app in called})
    ]
    for app in called:
        ingress = [f"{{from: [{peer(caller)}], ports: [{{protocol: TCP, port: {port(app)}}}]}}" for caller in callers[app]]
        if app % 10 == 0:
            block = f"{{cidr: 172.16.{app % 250}.0/20, except: [172.16.{app % 250 // 16 * 16}.0/24]}}"
            ingress.append(f"{{from: [{{ipBlock: {block}}}], ports: [{{protocol: TCP, port: 443}}]}}")
        egress = [f"{{to: [{peer(callee)}], ports: [{{protocol: TCP, port: {port(callee)}}}]}}" for callee in called[app]]
        egress.append("{to: [{ipBlock: {cidr: 192.168.0.0/24}}], ports: [{protocol: UDP, port: 53}]}")
        documents.append(
            f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-{app}, namespace: {home(app)}}}\n"
            f"spec:\n  replicas: 1\n  selector: {{matchLabels: {{app: app-{app}}}}}\n"
            f"  template:\n    metadata: {{labels: {{app: app-{app}}}}}\n"
            f"    spec: {{containers: [{{name: main, image: app-{app}}}]}}\n"
        )
        documents.append(
            f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
            f"metadata: {{name: app-{app}, namespace: {home(app)}}}\n"
            f"spec:\n  podSelector: {{matchLabels: {{app: app-{app}}}}}\n  policyTypes: [Ingress, Egress]\n"
            f"  ingress: [{', '.join(ingress)}]\n  egress: [{', '.join(egress)}]\n"
        )
    return "---\n".join(documents)


def measured(command):
    """Standard output of a command, and the processor time that it took [s]."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {run.returncode}:\n{run.stderr[-2000:]}")
    return run.stdout, (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


class Connections:
    """What may connect: for each pair of ends the ports; addresses as the ranges that both answers cut."""

    def __init__(self):
        self.rows = []

    def add(self, source, destination, ports):
        ends = [self.end(source), self.end(destination)]
        if None not in ends:
            self.rows.append((*ends, ports))

    @staticmethod
    def end(text):
        """A workload's name, a range of IPv4 addresses as two numbers, or nothing for one of IPv6."""
        match = re.fullmatch(r"([0-9a-f.:]*)-([0-9a-f.:]+)", text)
        if not match and re.fullmatch(r"[0-9.]+(/[0-9]+)?", text):
            block = ipaddress.ip_network(text)
            return int(block[0]), int(block[-1])
        if not match:
            return text
        if ":" in text:
            return None
        return tuple(int(ipaddress.ip_address(end)) for end in match.groups())

    def edges(self):
        ends = (end for row in self.rows for end in row[:2] if isinstance(end, tuple))
        return {edge for first, last in ends for edge in (first, last + 1)}

    def cut(self, edges):
        """Of every pair of ends the merged ports, ranges of addresses cut at the edges."""
        edges = sorted(edges)
        found = {}
        for source, destination, ports in self.rows:
            for left in self.pieces(source, edges):
                for right in self.pieces(destination, edges):
                    found.setdefault((left, right), set()).update(ports)
        return {ends: merged(ports) for ends, ports in found.items()}

    @staticmethod
    def pieces(end, edges):
        if not isinstance(end, tuple):
            return [end]
        return [edge for edge in edges if end[0] <= edge <= end[1]]


def merged(ports):
    """Ranges of ports of each protocol, joined where they touch."""
    out = []
    for protocol, (first, last) in sorted(ports):
        if out and out[-1][0] == protocol and first <= out[-1][1][1] + 1:
            out[-1] = (protocol, (out[-1][1][0], max(last, out[-1][1][1])))
        else:
            out.append((protocol, (first, last)))
    return tuple(out)


def ranges(text):
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield int(first), int(last or first)


def of_seglab(text):
    """Reads `source,destination,connections`, where connections are `all` or `TCP 80,443;UDP;ICMP 8/0`."""
    found = Connections()
    for row in csv.DictReader(text.splitlines()):
        ports = set()
        for part in row["connections"].split(";"):
            protocol, _, numbers = part.strip().partition(" ")
            if protocol == "all":
                ports.update(EVERYTHING)
            elif protocol in PROTOCOLS:
                ports.update((protocol, (max(first, 1), last)) for first, last in ranges(numbers or "1-65535"))
        if ports:
            found.add(row["source"], row["destination"], ports)
    return found


def of_nca(text):
    """Reads `source => destination : {protocols:TCP,dst_ports:80}`, or `All connections`."""
    found = Connections()
    for line in text.splitlines():
        match = re.fullmatch(r"(\S+) => (\S+) : (.*)", line)
        if not match:
            continue
        ports = set()
        for cube in re.findall(r"\{([^}]*)\}", match[3]) or [match[3]]:
            if cube.strip() == "All connections":
                ports.update(EVERYTHING)
                continue
            protocols = re.search(r"protocols:([A-Z,]+)", cube)
            numbers = re.search(r"dst_ports:([0-9,-]+)", cube)
            for protocol in protocols[1].rstrip(",").split(",") if protocols else PROTOCOLS:
                of_port = ranges(numbers[1].rstrip(",")) if numbers else [(1, 65535)]
                ports.update((protocol, one) for one in of_port)
        found.add(match[1], match[2], ports)
    return found


def main(seglab, nca, folder, sizes):
    print("| workloads | policies | connections | seglab [s] | network-config-analyzer [s] | ratio | the same |")
    print("|---:|---:|---:|---:|---:|---:|---|")
    differs = False
    for count in sizes:
        at = Path(folder) / str(count)
        at.mkdir(parents=True, exist_ok=True)
        (at / "cluster.yaml").write_text(manifests(count))
        ours = [seglab, "reach", at, "--format", "csv", "--quiet"]
        theirs = [nca, "--connectivity", at, "-r", at, "--output_format", "txt_no_fw_rules"]
        theirs += ["--output_endpoints", "deployments"]
        # The one that takes minutes runs once, between runs of the other.
        runs = [measured(ours) for _ in range(FASTER_COMMAND_RUNS)]
        peer, slower = measured(theirs)
        runs += [measured(ours) for _ in range(FASTER_COMMAND_RUNS)]
        faster = statistics.median(seconds for _, seconds in runs)
        mine, other = of_seglab(runs[0][0]), of_nca(peer)
        edges = mine.edges() | other.edges()
        mine, other = mine.cut(edges), other.cut(edges)
        differs |= mine != other
        same = "yes" if mine == other else "no"
        print(
            f"| {count:,} | {count:,} | {len(mine):,} | {faster:.4f} | {slower:.1f} | {slower / faster:,.0f} | {same} |",
            flush=True,
        )
        for ends in sorted({ends for ends in mine.keys() | other.keys() if mine.get(ends) != other.get(ends)}, key=str)[:5]:
            print(f"{ends}: seglab {mine.get(ends)}, network-config-analyzer {other.get(ends)}", file=sys.stderr)
    return 1 if differs else 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:4], [int(size) for size in sys.argv[4:]] or [200, 500]))
