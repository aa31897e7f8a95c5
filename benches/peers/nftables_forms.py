"""Lines of five fields, written for nftables as a list, and as people write them who want them fast.

- `list`: a rule for each line.
- `interval maps`: verdict maps of whole lines (`ip saddr . ip daddr . meta l4proto . th sport . th dport`, with ranges in
  every field), asked one after the other. Within a map the order of elements says nothing, so a line whose verdict an earlier
  one contradicts goes to a later map. Taken where a handful of maps will do.
- `classes, hash sets`: for policies whose denials stand first, as label policies are. Addresses that lines never tell apart
  are a class, as units of the same labels are; two maps find the classes of a packet's ends, and hash sets hold the pairs
  that are denied or allowed, with protocol and port where that matters.
"""

import ipaddress
from collections import defaultdict
from dataclasses import dataclass

WITH_PORTS = (6, 17, 132)
# The most lines that are compared with each other, and the most maps that are asked one after the other.
MAPS_LINES = 2000
MAPS = 16
# Port ranges up to this length are written out; longer ones go to a set with intervals.
PORTS_WRITTEN_OUT = 64


class Line:
    """A line's ranges of source, destination, protocol, source port and destination port, and whether it allows."""

    def __init__(self, text, allows):
        words = text.lstrip("@").replace(":", " ").split()
        self.nets = [ipaddress.ip_network(word, strict=False) for word in words[:2]]
        self.ports = [tuple(map(int, words[2:4])), tuple(map(int, words[4:6]))]
        number, mask = (int(part, 16) for part in words[6].split("/"))
        self.protocol = number if mask else None
        self.allows = allows
        addresses = [(int(net.network_address), int(net.broadcast_address)) for net in self.nets]
        self.ranges = addresses + [(number, number) if mask else (0, 255)] + self.ports

    def is_met(self):
        """Whether a packet that is sent can match: ports are seen of protocols that have them."""
        return all(pair == (0, 65535) for pair in self.ports) or self.protocol in (None, *WITH_PORTS)

    def verdict(self):
        return "accept" if self.allows else "drop"


@dataclass
class Form:
    name: str
    sets: str
    rules: list
    entries: int

    def that_lets_through(self):
        """The same with no packet refused."""
        rules = [rule.replace(" drop", " accept") for rule in self.rules]
        return Form(self.name, self.sets.replace(": drop", ": accept"), rules, self.entries)


def of(lines):
    """Every form that lines can be written in."""
    lines = [line for line in lines if line.is_met()]
    if is_denials_first(lines) and len(lines) > MAPS_LINES:
        return [classes(lines)]
    return [listed(lines)] + [form for form in [interval_maps(lines)] if form]


def is_denials_first(lines):
    return [line.allows for line in lines] == sorted(line.allows for line in lines)


def listed(lines):
    def rule(line):
        words = [f"ip {end} {net}" for end, net in zip(("saddr", "daddr"), line.nets) if net.prefixlen]
        restricted = [(name, pair) for name, pair in zip(("sport", "dport"), line.ports) if pair != (0, 65535)]
        if line.protocol is not None:
            words.append(f"ip protocol {line.protocol}")
        elif restricted:
            words.append("ip protocol { 6, 17, 132 }")
        words += [f"th {name} {span(pair)}" for name, pair in restricted]
        return " ".join(words + [line.verdict()])

    return Form("list", "", [rule(line) for line in lines], len(lines))


def span(pair):
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}-{pair[1]}"


def overlap(one, other):
    return all(a <= d and c <= b for (a, b), (c, d) in zip(one.ranges, other.ranges))


def contains(one, corner):
    return all(a <= value <= b for (a, b), value in zip(one.ranges, corner))


def interval_maps(lines):
    """Verdict maps in their order; None where it takes too many, or too many comparisons."""
    if len(lines) > MAPS_LINES:
        return None
    placed = []
    for line in lines:
        corners = [[pair[end] for pair in line.ranges] for end in (0, 1)]
        at = 0
        for other, map_of_other in placed:
            if not overlap(line, other):
                continue
            inside = [contains(other, corner) for corner in corners]
            if all(inside):
                # It is never the first to match.
                at = None
                break
            # A map takes no element that begins or ends inside another, and no two verdicts of one packet. The other may
            # begin or end in this one, too: it was there before.
            apart = other.allows != line.allows or any(inside)
            at = max(at, map_of_other + apart)
        if at is not None:
            placed.append((line, at))
    maps = defaultdict(list)
    for line, at in placed:
        nets = " . ".join(map(str, line.nets))
        protocol = "0-255" if line.protocol is None else str(line.protocol)
        ports = " . ".join(map(span, line.ports))
        maps[at].append(f"{nets} . {protocol} . {ports} : {line.verdict()}")
    if len(maps) > MAPS:
        return None
    key = "ip saddr . ip daddr . meta l4proto . th sport . th dport"
    sets = "".join(
        f"add map ip bench m{at} {{ typeof {key} : verdict; flags interval; elements = {{ {', '.join(maps[at])} }}; }}\n"
        for at in sorted(maps)
    )
    rules = [f"{key} vmap @m{at}" for at in sorted(maps)]
    name = f"{len(maps)} interval maps" if len(maps) > 1 else "interval map"
    return Form(name, sets, rules, len(placed))


def classes(lines):
    """Hash sets of pairs of classes."""
    source_of = class_of_nets(lines, 0, lambda line: line.nets[1])
    destination_of = class_of_nets(lines, 1, lambda line: source_of[line.nets[0]])
    pairs, exact, wide = (defaultdict(set) for _ in range(3))
    for line in lines:
        assert line.ports[0] == (0, 65535), "label policies look at no source ports"
        for source in source_of[line.nets[0]]:
            for destination in destination_of[line.nets[1]]:
                first, last = line.ports[1]
                if line.protocol is None:
                    pairs[line.verdict()].add(f"{source} . {destination}")
                elif last - first < PORTS_WRITTEN_OUT:
                    ends = f"{source} . {destination} . {line.protocol}"
                    exact[line.verdict()].update(f"{ends} . {port}" for port in range(first, last + 1))
                else:
                    wide[line.verdict()].add((source, destination, line.protocol, first, last))
    written = {verdict: merged(held) for verdict, held in wide.items()}
    sets, rules = [], []
    for end, key, kind, of in [("source", "saddr", "mark", source_of), ("destination", "daddr", "priority", destination_of)]:
        known = {address: one for address, one in addresses(of).items()}
        elements = ", ".join(f"{address} : {one}" for address, one in known.items())
        sets.append(f"add map ip bench {end} {{ typeof ip {key} : meta {kind}; elements = {{ {elements} }}; }}")
        rules.append(f"meta {kind} set ip {key} map @{end}")
    entries = sum(len(addresses(of)) for of in (source_of, destination_of))
    ends = "meta mark . meta priority"
    for verdict in ("drop", "accept"):
        for kind, key, flags, held in [
            ("pairs", ends, "", pairs),
            ("exact", f"{ends} . meta l4proto . th dport", "", exact),
            ("wide", f"{ends} . meta l4proto . th dport", "flags interval; ", written),
        ]:
            if held.get(verdict):
                elements = ", ".join(sorted(held[verdict]))
                sets.append(f"add set ip bench {kind}_{verdict} {{ typeof {key}; {flags}elements = {{ {elements} }}; }}")
                rules.append(f"{key} @{kind}_{verdict} {verdict}")
                entries += len(held[verdict])
    return Form("classes, hash sets", "\n".join(sets) + "\n", rules, entries)


def merged(wide):
    """Ranges of ports between the same classes, no two of which overlap."""
    ranges = []
    for *ends, first, last in sorted(wide):
        if ranges and ranges[-1][0] == ends and first <= ranges[-1][2] + 1:
            ranges[-1][2] = max(ranges[-1][2], last)
        else:
            ranges.append([ends, first, last])
    return {" . ".join(map(str, ends)) + f" . {first}-{last}" for ends, first, last in ranges}


def ancestors(net):
    while True:
        yield net
        if not net.prefixlen:
            return
        net = net.supernet()


def class_of_nets(lines, side, what):
    """The classes of each net of a side: numbers, of which each stands for smallest nets that the same is said of."""
    said = defaultdict(set)
    for line in lines:
        said[line.nets[side]].add((what(line), line.protocol, line.ports[1], line.allows))
    whole, inside = {}, defaultdict(list)
    for net in said:
        whole[net] = frozenset().union(*(said[one] for one in ancestors(net) if one in said))
        for one in ancestors(net):
            if one in said:
                inside[one].append(net)
    number = {words: at for at, words in enumerate(dict.fromkeys(whole.values()), start=1)}
    of_net = {net: tuple(sorted({number[whole[one]] for one in inside[net]})) for net in said}
    return Classes(of_net, {net: number[whole[net]] for net in said})


class Classes(dict):
    """The classes of each net, and the class of an address whose smallest net it is."""

    def __init__(self, of_net, own):
        super().__init__(of_net)
        self.own = own


def addresses(classes_of):
    """The class of every address, by the smallest net that it is in."""
    known = {}
    for net in sorted(classes_of.own, key=lambda net: net.prefixlen):
        for address in net:
            known[address] = classes_of.own[net]
    return known
