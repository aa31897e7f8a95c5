//! Filters of public rule sets decide every packet as a linear scan of their lines does, one that shares no code with the
//! reader, the compiler or the reference evaluator.
//!
//! `SEGLAB_RULE_SETS=all` takes all 24 sets and many more packets (`SEGLAB_PACKETS` says how many of each), `SEGLAB_CELLS` so
//! many elementary cells; otherwise two small sets and few cells are taken.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use seglab_engine::{Decision, Limits, Matcher, Packet, PacketV4};
use seglab_formats::File;
use seglab_formats::classbench::{Actions, read};
use seglab_policy::{Action, Connection, Design, Direction, Endpoint, Header, RulebookId, Transport};
use std::path::{Path, PathBuf};

/// A line, taken apart here and nowhere else: whatever separates numbers is not looked at.
struct Line {
    source: (u32, u32),
    destination: (u32, u32),
    source_ports: (u32, u32),
    destination_ports: (u32, u32),
    protocol: (u8, u8),
    allows: bool,
}

fn lines(text: &str) -> Vec<Line> {
    let line = |(at, text): (usize, &str)| {
        let words: Vec<&str> =
            text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let number = |at: usize| words[at].parse::<u32>().unwrap();
        let net = |at: usize| {
            let address = (at..at + 4).fold(0, |all, byte| all << 8 | number(byte));
            let below = if number(at + 4) == 32 { 0 } else { u32::MAX >> number(at + 4) };
            (address & !below, address | below)
        };
        let hex = |at: usize| u8::from_str_radix(&words[at][2..], 16).unwrap();
        Line {
            source: net(0),
            destination: net(5),
            source_ports: (number(10), number(11)),
            destination_ports: (number(12), number(13)),
            protocol: (hex(14), hex(15)),
            allows: Actions::Drawn.of(u32::try_from(at).unwrap()) == Action::Allow,
        }
    };
    text.lines().enumerate().map(line).collect()
}

/// Five numbers, as a classifier of five fields sees a packet.
#[derive(Clone, Copy, Debug)]
struct Fields {
    source: u32,
    destination: u32,
    source_port: u16,
    destination_port: u16,
    protocol: u8,
}

fn scan<'l>(lines: impl IntoIterator<Item = &'l Line>, packet: &Fields) -> bool {
    let has_ports = matches!(packet.protocol, 6 | 17 | 132);
    let port = |port: u16| if has_ports { u32::from(port) } else { 0 };
    let within = |(first, last): (u32, u32), value: u32| first <= value && value <= last;
    let matches = |line: &&Line| {
        within(line.source, packet.source)
            && within(line.destination, packet.destination)
            && within(line.source_ports, port(packet.source_port))
            && within(line.destination_ports, port(packet.destination_port))
            && packet.protocol & line.protocol.1 == line.protocol.0 & line.protocol.1
    };
    lines.into_iter().find(matches).is_some_and(|line| line.allows)
}

fn packet(fields: &Fields) -> PacketV4 {
    Packet::v4(fields.source.into(), fields.destination.into(), header(fields))
}

fn header(fields: &Fields) -> Header {
    let Fields { source_port, destination_port, .. } = *fields;
    match Transport::ALL.into_iter().find(|transport| transport.number() == fields.protocol) {
        Some(protocol) => Header::Transport { protocol, source_port, destination_port },
        None if fields.protocol == 1 => {
            let [kind, code] = destination_port.to_be_bytes();
            Header::Icmp { kind, code }
        }
        None => Header::Other(fields.protocol),
    }
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound.max(1)
    }

    /// A value at, beside or inside the ends of a range.
    fn near(&mut self, (first, last): (u32, u32)) -> u32 {
        match self.below(6) {
            0 => first,
            1 => last,
            2 => first.wrapping_sub(1),
            3 => last.wrapping_add(1),
            _ => first + u32::try_from(self.below((last - first) as usize + 1)).unwrap(),
        }
    }

    /// A packet near one rule, or with each field near one of its own.
    fn fields(&mut self, lines: &[Line]) -> Fields {
        let own = self.below(3) == 0;
        let one = self.below(lines.len());
        let line = |dice: &mut Self| &lines[if own { dice.below(lines.len()) } else { one }];
        let (a, b, c, d, e) = (line(self), line(self), line(self), line(self), line(self));
        let port = |value: u32| (value & 0xFFFF) as u16;
        let protocol = if e.protocol.1 == 0 { [6, 17, 1, 47, 132][self.below(5)] } else { e.protocol.0 };
        Fields {
            source: self.near(a.source),
            destination: self.near(b.destination),
            source_port: port(self.near(c.source_ports)),
            destination_port: port(self.near(d.destination_ports)),
            protocol,
        }
    }
}

fn folder() -> Option<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = above.map(|folder| folder.join("shared/data/classbench")).find(|folder| folder.is_dir());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "the rule sets are absent");
        eprintln!("skipped: the rule sets are absent");
    }
    found
}

/// The sets that there are, by name.
fn rule_sets(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with('k'));
    names.sort_unstable();
    names
}

fn check(name: &str, text: &str, count: usize) {
    let file = File { path: name.to_owned(), text: text.to_owned() };
    let design = Design::new(read(&file, Actions::Drawn).unwrap().draft).unwrap();
    let filter = Matcher::compile_rulebook(&design, RulebookId(0), Direction::Forward, Limits::default()).unwrap();
    let lines = lines(text);
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let fields: Vec<Fields> = (0..count).map(|_| dice.fields(&lines)).collect();
    let packets: Vec<PacketV4> = fields.iter().map(packet).collect();
    let mut decisions = vec![Decision::Unknown; packets.len()];
    filter.decide_batch_v4(filter.space("default").unwrap(), &packets, &mut decisions);
    let mut told = [0usize; 2];
    for (at, (fields, decision)) in fields.iter().zip(&decisions).enumerate() {
        let wanted = scan(&lines, fields);
        assert_eq!(matches!(decision, Decision::Allowed(_)), wanted, "{name}: {fields:x?} is told {decision:?}");
        assert_ne!(*decision, Decision::Unknown, "{name}: {fields:x?}");
        told[usize::from(wanted)] += 1;
        if at % 97 == 0 {
            let end = |address: u32| Endpoint::External(std::net::Ipv4Addr::from_bits(address).into());
            let connection =
                Connection { source: end(fields.source), destination: end(fields.destination), header: header(fields) };
            let evaluated = Decision::at_rulebook(&design, RulebookId(0), Direction::Forward, &connection);
            assert_eq!(evaluated, *decision, "{name}: {fields:x?}");
        }
    }
    assert!(told[0] > count / 20 && told[1] > count / 20, "{name}: {told:?}");
}

#[test]
fn filters_decide_as_a_scan_of_their_lines() {
    let Some(folder) = folder() else { return };
    let all = std::env::var("SEGLAB_RULE_SETS").is_ok_and(|which| which == "all");
    let mut names = rule_sets(&folder);
    names.retain(|name| all || matches!(name.as_str(), "acl1_1k" | "fw2_1k"));
    let packets: usize =
        std::env::var("SEGLAB_PACKETS").map_or(if all { 100_000 } else { 4000 }, |n| n.parse().unwrap());
    assert_eq!(names.len(), if all { 24 } else { 2 });
    for name in names {
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        check(&name, &text, packets);
    }
}

/// The ends of ranges, at each of which something may change: within an elementary cell nothing does.
fn edges<'l>(lines: impl Iterator<Item = &'l Line>, range: fn(&Line) -> (u32, u32)) -> Vec<u32> {
    let mut edges: Vec<u32> = lines.map(range).flat_map(|(a, b)| [Some(a), b.checked_add(1)]).flatten().collect();
    edges.push(0);
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// Every cell of ports and protocols between two addresses. Lines that do not match those tell none of them apart.
fn column(lines: &[&Line], source: u32, destination: u32) -> Vec<Fields> {
    let ports = |range: fn(&Line) -> (u32, u32)| -> Vec<u16> {
        edges(lines.iter().copied(), range).into_iter().filter_map(|port| u16::try_from(port).ok()).collect()
    };
    let (from, to) = (ports(|line| line.source_ports), ports(|line| line.destination_ports));
    let mut protocols: Vec<u8> = lines.iter().map(|line| line.protocol.0).chain([6, 17, 50]).collect();
    protocols.sort_unstable();
    protocols.dedup();
    let mut cells = Vec::with_capacity(from.len() * to.len() * protocols.len());
    for &source_port in &from {
        for &destination_port in &to {
            let fields = |&protocol: &u8| Fields { source, destination, source_port, destination_port, protocol };
            cells.extend(protocols.iter().map(fields));
        }
    }
    cells
}

/// Decides every cell of the grid that a set's own edges span, or where those are more than `budget`, so many: every edge
/// of a source and of a destination in its turn, against an edge of a line that matches there or against any.
fn check_cells(name: &str, text: &str, budget: usize) -> usize {
    let lines = lines(text);
    let file = File { path: name.to_owned(), text: text.to_owned() };
    let design = Design::new(read(&file, Actions::Drawn).unwrap().draft).unwrap();
    let filter = Matcher::compile_rulebook(&design, RulebookId(0), Direction::Forward, Limits::default()).unwrap();
    let space = filter.space("default").unwrap();
    let sides: [Vec<u32>; 2] = [edges(lines.iter(), |line| line.source), edges(lines.iter(), |line| line.destination)];
    let within = |(first, last): (u32, u32), value: u32| first <= value && value <= last;
    let mut cells = 0;
    let mut decide = |source: u32, destination: u32| {
        let matching = |line: &&Line| within(line.source, source) && within(line.destination, destination);
        let matching: Vec<&Line> = lines.iter().filter(matching).collect();
        let fields = column(&matching, source, destination);
        let packets: Vec<PacketV4> = fields.iter().map(packet).collect();
        let mut decisions = vec![Decision::Unknown; packets.len()];
        filter.decide_batch_v4(space, &packets, &mut decisions);
        for (fields, decision) in fields.iter().zip(&decisions) {
            let wanted = scan(matching.iter().copied(), fields);
            assert_eq!(matches!(decision, Decision::Allowed(_)), wanted, "{name}: {fields:x?}");
        }
        cells += fields.len();
        cells
    };
    let [sources, destinations] = &sides;
    // A column has twelve cells at least.
    if sources.len() * destinations.len() * 12 <= budget {
        for &source in sources {
            for &destination in destinations {
                decide(source, destination);
            }
        }
        return cells;
    }
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    for turn in 0.. {
        let (mine, other) = (turn % 2, 1 - turn % 2);
        let edge = sides[mine][turn / 2 % sides[mine].len()];
        let range = |line: &Line, side: usize| [line.source, line.destination][side];
        let against = match turn / 2 % 4 {
            0 => sides[other][dice.below(sides[other].len())],
            _ => {
                let there: Vec<&Line> = lines.iter().filter(|line| within(range(line, mine), edge)).collect();
                there.get(dice.below(there.len())).map_or(0, |line| dice.near(range(line, other)))
            }
        };
        let (source, destination) = if mine == 0 { (edge, against) } else { (against, edge) };
        if decide(source, destination) >= budget {
            break;
        }
    }
    cells
}

/// Every elementary cell of a few lines of three sets; `SEGLAB_CELLS` asks for so many of all sets together, each as a whole.
#[test]
fn every_cell_of_a_small_set_is_decided_as_a_scan_decides_it() {
    let Some(folder) = folder() else { return };
    let cells: usize = std::env::var("SEGLAB_CELLS").map_or(0, |count| count.parse().unwrap());
    for name in ["acl3_1k", "fw1_1k", "ipc2_1k"] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        // Every so many lines, so that wide rules and narrow ones are among them.
        let some: Vec<&str> = text.lines().step_by(text.lines().count() / 14).collect();
        let complete = check_cells(name, &some.join("\n"), usize::MAX);
        assert!(complete > 500, "{name}: {complete}");
        let strata = check_cells(name, &text, 20_000);
        assert!(strata >= 20_000, "{name}: {strata}");
    }
    for name in rule_sets(&folder).iter().filter(|_| cells > 0) {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        println!("{name}: {} cells", check_cells(name, &text, cells / 24));
    }
}
