//! What both are measured with: rules as lines of five fields, and packets.

use seglab_benches::{Size, company};
use seglab_engine::{Limits, Matcher, PacketV4, Workload};
use seglab_formats::File;
use seglab_formats::classbench::{Actions, read};
use seglab_policy::{
    Action, Address, Assume, Design, Direction, EnforcementPoint, Peer, PointKind, Rule, RulebookId, Service,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// Units of a generated company.
const UNITS: u32 = 40_000;
/// The most lines that one rule is written out as. Rules of whole environments would be millions; both go without them.
const LINES_MAX: usize = 4096;

/// Rules and packets.
pub(crate) struct Subject {
    pub(crate) name: String,
    design: Design,
    /// The design is one filter between addresses, and not one of units.
    is_filter: bool,
    /// The rules, of which the first one that matches decides; what none matches is denied.
    pub(crate) lines: Vec<Line>,
    pub(crate) packets: Vec<PacketV4>,
}

/// A rule of five fields.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Source and destination, each with the bits that count.
    nets: [(u32, u32); 2],
    /// Source and destination.
    ports: [(u16, u16); 2],
    /// A protocol with its mask.
    protocol: (u8, u8),
    action: Action,
}

impl Line {
    pub(crate) fn allows(&self) -> bool {
        self.action == Action::Allow
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("@")?;
        for (address, bits) in self.nets {
            write!(f, "{}/{bits}\t", Ipv4Addr::from(address))?;
        }
        for (first, last) in self.ports {
            write!(f, "{first} : {last}\t")?;
        }
        let (number, mask) = self.protocol;
        write!(f, "{number:#04x}/{mask:#04x}")
    }
}

impl Subject {
    /// A file in ClassBench's form.
    #[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
    pub(crate) fn rule_set(path: &str, packets: usize) -> Self {
        let text = std::fs::read_to_string(path).expect("a file of rules");
        let file = File { path: path.to_owned(), text };
        let design = Design::new(read(&file, Actions::Drawn).expect("rules").draft).expect("they hold together");
        let name = Path::new(path).file_name().map_or(path.into(), |name| name.to_string_lossy().into_owned());
        let lines = file.text.lines().zip(design.rules()).map(|(text, (_, rule))| {
            let words = text.trim_start_matches('@').split_whitespace().collect::<Vec<_>>();
            let word = |at: usize| words.get(at).copied().unwrap_or_default();
            let net = |at: usize| {
                let (address, bits) = word(at).split_once('/').expect("an address and its bits");
                let address: Ipv4Addr = address.parse().expect("an address");
                (address.to_bits(), bits.parse().expect("bits"))
            };
            let port = |at: usize| word(at).parse().expect("a port");
            let (number, mask) = word(8).split_once('/').expect("a protocol and its mask");
            let hex = |digits: &str| u8::from_str_radix(digits.trim_start_matches("0x"), 16).expect("a byte");
            Line {
                nets: [net(0), net(1)],
                ports: [(port(2), port(4)), (port(5), port(7))],
                protocol: (hex(number), hex(mask)),
                action: rule.action,
            }
        });
        let lines = lines.collect();
        let packets = Workload::between_addresses(&design, 7, packets).packets_v4(&design, "default");
        Self { name, design, is_filter: true, lines, packets }
    }

    /// The label policy of a generated company, as one filter between all of its units has to have it.
    #[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
    pub(crate) fn company(rules: u32, packets: usize) -> Self {
        let whole = company(Size { units: UNITS, rules });
        let mut draft = whole.to_draft();
        let agents = draft.points.iter().find(|point| point.kind == PointKind::Agent).map(|point| point.rulebook);
        let book = agents.and_then(|id| draft.rulebooks.get(id.0 as usize)).expect("agents have rules").clone();
        let [mut tier]: [_; 1] = book.tiers.clone().try_into().expect("a company has one tier");
        let mut nets = Nets { design: &whole, known: BTreeMap::new() };
        let mut written: Vec<(Rule, Vec<Line>)> = tier
            .rules
            .into_iter()
            .filter_map(|rule| written_out(&mut nets, &rule).map(|lines| (rule, lines)))
            .collect();
        // Denials come first, wherever they stand.
        written.sort_by_key(|(rule, _)| rule.action != Action::Deny);
        let (kept, lines): (Vec<Rule>, Vec<Vec<Line>>) = written.into_iter().unzip();
        let (lines, count) = (lines.concat(), kept.len());
        tier.rules = kept;
        draft.rulebooks = vec![seglab_policy::Rulebook { tiers: vec![tier], ..book }];
        draft.points = vec![EnforcementPoint::ideal("hosts", RulebookId(0))];
        (draft.properties, draft.needs, draft.waivers) = Default::default();
        let design = Design::new(draft).expect("fewer rules hold together, too");
        let mut packets = Workload::uniform(&design, 1, packets).packets_v4(&design, "default");
        // A unit and itself are no matter of rules.
        packets.retain(|packet| packet.source != packet.destination);
        Self { name: format!("company, {count} of {rules}"), design, is_filter: false, lines, packets }
    }

    /// A name that files can have.
    pub(crate) fn file(&self) -> String {
        self.name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    }

    #[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
    pub(crate) fn compile(&self) -> Matcher {
        let compiled = match self.is_filter {
            true => Matcher::compile_rulebook(&self.design, RulebookId(0), Direction::Forward, Limits::default()),
            false => Matcher::compile(&self.design, Assume::business(), Limits::default()),
        };
        compiled.expect("the rules fit")
    }
}

/// Whose units are which nets, each selector asked once of all units.
struct Nets<'a> {
    design: &'a Design,
    /// By the selector's words.
    known: BTreeMap<String, Vec<(u32, u32)>>,
}

impl Nets<'_> {
    /// The nets of a peer; `None` for one that is not of units.
    fn of(&mut self, peer: &Peer) -> Option<Vec<(u32, u32)>> {
        let Peer::Units(selector) = peer else { return None };
        let design = self.design;
        let nets = || {
            let interfaces = design.select(selector).flat_map(|unit| &design.unit(unit).interfaces);
            let address = |interface: &seglab_policy::Interface| match interface.address {
                Address::Known(IpAddr::V4(address)) => Some(address.to_bits()),
                _ => None,
            };
            covered(interfaces.filter_map(address).collect())
        };
        Some(self.known.entry(format!("{selector:?}")).or_insert_with(nets).clone())
    }
}

/// The lines of a rule between units; `None` for what is about others, too, or takes too many lines.
fn written_out(nets: &mut Nets<'_>, rule: &Rule) -> Option<Vec<Line>> {
    let (from, to) = (nets.of(&rule.from)?, nets.of(&rule.to)?);
    let service = |service: &Service| match service {
        Service::Any => Some(vec![([(0, u16::MAX); 2], (0, 0))]),
        Service::Ports { protocol, ports, source_ports } => {
            let pairs = source_ports.ranges().iter().flat_map(|&from| ports.ranges().iter().map(move |&to| [from, to]));
            Some(pairs.map(|ports| (ports, (protocol.number(), 0xFF))).collect())
        }
        _ => None,
    };
    let services: Vec<_> = rule.services.iter().map(service).collect::<Option<Vec<_>>>()?.concat();
    if from.len() * to.len() * services.len() > LINES_MAX {
        return None;
    }
    let line = |from, to, &(ports, protocol): &_| Line { nets: [from, to], ports, protocol, action: rule.action };
    let pairs = from.iter().flat_map(|&from| to.iter().map(move |&to| (from, to)));
    Some(pairs.flat_map(|(from, to)| services.iter().map(move |service| line(from, to, service))).collect())
}

/// The fewest nets that cover some addresses and no others.
fn covered(mut addresses: Vec<u32>) -> Vec<(u32, u32)> {
    addresses.sort_unstable();
    addresses.dedup();
    let mut nets: Vec<(u32, u32)> = Vec::new();
    for address in addresses {
        nets.push((address, 32));
        // Two halves of a net are the net.
        while let [.., (first, bits), (second, same)] = nets.as_slice()
            && bits == same
            && *bits > 0
            && first ^ second == 1 << (32 - bits)
        {
            let whole = (*first, bits - 1);
            nets.truncate(nets.len() - 2);
            nets.push(whole);
        }
    }
    nets
}
