//! Reads a design from its normal form.

mod claims;

use super::line::{Line, NormalFormError, Problem, Read};
use super::{HEADER, NESTING_MAX, write};
use crate::address::{AddressSet, Family};
use crate::attacker::{Attacker, Defence, Monitor, Strategy};
use crate::connection::{Entry, ExternalSource};
use crate::design::{Assumption, Design, Draft, Unmodelled};
use crate::flow::{Arrivals, Need, Patience};
use crate::header::Transport;
use crate::interval::IntervalSet;
use crate::load::Load;
use crate::operation::Operation;
use crate::point::{EnforcementPoint, Level, Mode, Placement, PointKind, Refusal};
use crate::property::Trusted;
use crate::rule::{Action, Covers, Direction, Directions, Peer, Rule};
use crate::selector::{Labels, Segment, Selector};
use crate::service::Service;
use crate::source::{Provenance, Source, SourceId, Span};
use crate::station::{Station, Takes};
use crate::tier::{Order, Rulebook, RulebookId, Scope, Tier};
use crate::unit::{Address, Interface, Listener, Login, Place, Unit, Vulnerability};
use std::net::IpAddr;

/// The design that a normal form describes.
///
/// # Errors
/// The first line that is not as the grammar has it, the contradictions between lines that are, or the first line that
/// [`write()`] would have written otherwise.
pub fn read(text: &str) -> Result<Design, NormalFormError> {
    let design = read_lines(text)?;
    // One design has one text, for certificates are bound to its bytes: order, too, has to be as it is written.
    let written = write(&design);
    let mut pairs = (1..).zip(text.split('\n').zip(written.split('\n')));
    match pairs.find(|(_, (given, wanted))| given != wanted) {
        Some((line, _)) => {
            Err(NormalFormError { line, column: 1, problem: Problem::NotCanonical { what: "the lines are" } })
        }
        None => Ok(design),
    }
}

fn read_lines(text: &str) -> Read<Design> {
    let mut lines = text.split_inclusive('\n');
    let mut number = 1;
    if lines.next() != Some(&format!("{HEADER}\n")) {
        return Err(NormalFormError { line: 1, column: 1, problem: Problem::Header });
    }
    let mut reader = Reader { draft: Draft::default(), section: 0, labelled: Labelled::Nothing };
    while let Some(text) = lines.next() {
        number += 1;
        // A line that does not end was cut off.
        let Some(text) = text.strip_suffix('\n') else { break };
        let mut line = Line::new(text, number);
        if text.strip_prefix("end ") == Some(&(number - 1).to_string()) && lines.next().is_none() {
            return Design::new(reader.draft).map_err(|errors| line.error(Problem::Design(errors)));
        }
        reader.line(&mut line)?;
        line.end()?;
    }
    let last = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    Err(NormalFormError { line: last, column: 1, problem: Problem::End { lines: last } })
}

/// The sections in their order. A line belongs to one of them or to the line before it.
const SECTIONS: [&str; 16] = [
    "design",
    "source",
    "unit",
    "external",
    "route",
    "segment",
    "rulebook",
    "point",
    "station",
    "need",
    "property",
    "trusted",
    "attacker",
    "monitor",
    "assumption",
    "unmodelled",
];

/// What a `label` line belongs to.
enum Labelled {
    Nothing,
    Unit,
    Source,
}

struct Reader {
    draft: Draft,
    /// The position of the section that was read last.
    section: usize,
    labelled: Labelled,
}

impl Reader {
    fn line(&mut self, line: &mut Line<'_>) -> Read<()> {
        let keyword = line.word("a keyword")?;
        let misplaced = |line: &Line<'_>| line.error(Problem::Keyword { keyword: keyword.to_owned() });
        let Some(section) = SECTIONS.iter().position(|&name| name == keyword) else {
            return self.part(keyword, line)?.ok_or_else(|| misplaced(line));
        };
        // Only the name and the monitor stand alone; the name is the second line and the first of a section.
        let alone = matches!(keyword, "design" | "monitor");
        if section < self.section || (section == self.section && alone && line.number() > 2) {
            return Err(misplaced(line));
        }
        self.section = section;
        self.labelled = Labelled::Nothing;
        self.section_line(keyword, line)
    }

    /// A line of a section's own.
    fn section_line(&mut self, keyword: &str, line: &mut Line<'_>) -> Read<()> {
        let draft = &mut self.draft;
        match keyword {
            "design" => draft.name = line.string("the design's name")?,
            "source" => draft.sources.push(source(line)?),
            "unit" => {
                draft.units.push(unit(line)?);
                self.labelled = Labelled::Unit;
            }
            "external" => {
                let name = line.string("the source's name")?;
                draft.external_sources.push(ExternalSource { name, labels: Labels::new(), entries: Vec::new() });
                self.labelled = Labelled::Source;
            }
            "route" => draft.routes.push((line.string("an address space")?, line.string("an address space")?)),
            "segment" => {
                let name = line.string("the segment's name")?;
                draft.segments.push(Segment { name, selector: selector(line, 0)? });
            }
            "rulebook" => draft.rulebooks.push(rulebook(line)?),
            "point" => draft.points.push(point(line)?),
            "station" => draft.stations.push(station(line)?),
            "need" => draft.needs.push(need(line)?),
            "property" => draft.properties.push(claims::property(line)?),
            "trusted" => draft.trusted.push(Trusted {
                units: selector(line, 0)?,
                owner: line.string("an owner")?,
                reason: line.string("a reason")?,
                expires: line.optional("a date or `-`")?,
                provenance: provenance(line)?,
            }),
            "attacker" => draft.attackers.push(attacker(line)?),
            "monitor" => draft.monitor = Some(monitor(line)?),
            "assumption" => {
                let (id, text) = (line.string("an id")?, line.string("a sentence")?);
                draft.assumptions.push(Assumption { id, text });
            }
            _ => draft.unmodelled.push(Unmodelled {
                what: line.string("what is not modelled")?,
                touches: selector(line, 0)?,
                provenance: provenance(line)?,
            }),
        }
        Ok(())
    }

    /// A line that belongs to the one before it; `None` if it cannot stand here.
    fn part(&mut self, keyword: &str, line: &mut Line<'_>) -> Read<Option<()>> {
        let draft = &mut self.draft;
        let book = draft.rulebooks.last_mut().filter(|_| SECTIONS.get(self.section) == Some(&"rulebook"));
        match (keyword, &self.labelled) {
            ("label", Labelled::Unit) => {
                let Some(unit) = draft.units.last_mut() else { return Ok(None) };
                label(line, &mut unit.labels)?;
            }
            ("label", Labelled::Source) => {
                let Some(source) = draft.external_sources.last_mut() else { return Ok(None) };
                label(line, &mut source.labels)?;
            }
            ("entry", Labelled::Source) => {
                let Some(source) = draft.external_sources.last_mut() else { return Ok(None) };
                let (to, services) = (selector(line, 0)?, line.list(service)?);
                source.entries.push(Entry { to, services, provenance: provenance(line)? });
            }
            (_, Labelled::Unit) => {
                let Some(unit) = draft.units.last_mut() else { return Ok(None) };
                return unit_part(keyword, line, unit);
            }
            ("tier", Labelled::Nothing) => {
                let Some(book) = book else { return Ok(None) };
                book.tiers.push(tier(line)?);
            }
            ("rule", Labelled::Nothing) => {
                let Some(tier) = book.and_then(|book| book.tiers.last_mut()) else { return Ok(None) };
                tier.rules.push(rule(line)?);
            }
            (_, Labelled::Nothing) => return self.behaviour(keyword, line),
            _ => return Ok(None),
        }
        Ok(Some(()))
    }

    /// A line about what the point or the need before it does.
    fn behaviour(&mut self, keyword: &str, line: &mut Line<'_>) -> Read<Option<()>> {
        let (point, need) = (self.draft.points.last_mut(), self.draft.needs.last_mut());
        match (SECTIONS.get(self.section), keyword, point, need) {
            (Some(&"point"), "refusal", Some(point), _) => {
                point.refusal = line.one_of("a refusal", [Refusal::Drop, Refusal::Reject])?;
            }
            (Some(&"need"), "arrivals", _, Some(need)) => need.arrivals = arrivals(line)?,
            (Some(&"need"), "answering", _, Some(need)) => need.answering = Some(line.string("a station's name")?),
            (Some(&"need"), "patience", _, Some(need)) => {
                let timeout_ns = if line.is_absent() { None } else { Some(line.number_of("nanoseconds")?) };
                need.patience = Patience { timeout_ns, retries: line.number_of("a number of retries")? };
            }
            _ => return Ok(None),
        }
        Ok(Some(()))
    }
}

fn unit_part(keyword: &str, line: &mut Line<'_>, unit: &mut Unit) -> Read<Option<()>> {
    match keyword {
        "interface" => unit.interfaces.push(interface(line)?),
        "listener" => unit.listeners.push(Listener {
            protocol: transport(line)?,
            first: line.number_of("a port")?,
            last: line.number_of("a port")?,
            name: line.optional("a name or `-`")?,
        }),
        "vulnerability" => {
            let name = line.string("a name")?;
            unit.vulnerabilities.push(Vulnerability {
                name,
                protocol: transport(line)?,
                port: line.number_of("a port")?,
            });
        }
        "credential" => unit.credentials.push(line.string("a credential")?),
        "login" => {
            let credential = line.string("a credential")?;
            unit.logins.push(Login { credential, protocol: transport(line)?, port: line.number_of("a port")? });
        }
        _ => return Ok(None),
    }
    Ok(Some(()))
}

fn source(line: &mut Line<'_>) -> Read<Source> {
    let wanted = "64 hexadecimal digits in lower case";
    let word = line.word(wanted)?;
    let digit = |digit: &u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = word
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? * 16 + digit(low)?),
            _ => None,
        })
        .collect();
    let Some(sha256) = bytes.and_then(|bytes| bytes.try_into().ok()) else { return line.refuse(wanted, word) };
    Ok(Source { sha256, path: line.string("a path")? })
}

fn unit(line: &mut Line<'_>) -> Read<Unit> {
    Ok(Unit {
        name: line.string("the unit's name")?,
        owner: line.optional("an owner or `-`")?,
        host: line.optional("a host or `-`")?,
        criticality: line.number_of("a criticality")?,
        image: line.optional("an image or `-`")?,
        can_host_agent: line.yes()?,
        provenance: provenance(line)?,
        ..Unit::default()
    })
}

fn label(line: &mut Line<'_>, labels: &mut Labels) -> Read<()> {
    let (key, value) = (line.string("a key")?, line.string("a value")?);
    if labels.last_key_value().is_some_and(|(last, _)| *last >= key) {
        return Err(line.error(Problem::NotCanonical { what: "labels are" }));
    }
    labels.insert(key, value);
    Ok(())
}

fn interface(line: &mut Line<'_>) -> Read<Interface> {
    let wanted = "`known`, `within` or `unknown`";
    let address = match line.word(wanted)? {
        "known" => Address::Known(line.parse("an address")?),
        "within" => Address::Within(line.parse("a CIDR block")?),
        "unknown" => Address::Unknown(family(line)?),
        other => return line.refuse(wanted, other),
    };
    let space = line.string("an address space")?;
    let mut place = || line.optional("a place or `-`");
    let place = Place { site: place()?, zone: place()?, subnet: place()? };
    Ok(Interface { address, space, place, shared: line.yes()?, inbound: line.yes()?, outbound: line.yes()? })
}

fn rulebook(line: &mut Line<'_>) -> Read<Rulebook> {
    Ok(Rulebook {
        name: line.string("the rulebook's name")?,
        stateful: line.either("`stateful` or `stateless`", "stateful", "stateless")?,
        default_allow: line.either("`allow` or `deny`", "allow", "deny")?,
        tiers: Vec::new(),
    })
}

fn tier(line: &mut Line<'_>) -> Read<Tier> {
    let name = line.string("the tier's name")?;
    let orders = [Order::FirstMatch, Order::FirstMatchUndefinedTies, Order::DenyOverrides, Order::AllowUnion];
    let order = line.one_of("an order", orders)?;
    let otherwise = action(line)?;
    let scope = if line.either("`everything` or `units`", "everything", "units")? {
        Scope::Everything
    } else {
        let mut selectors = || line.list(|line| selector(line, 0));
        Scope::Units { egress: selectors()?, ingress: selectors()? }
    };
    Ok(Tier { name, order, scope, otherwise, rules: Vec::new() })
}

fn rule(line: &mut Line<'_>) -> Read<Rule> {
    Ok(Rule {
        action: action(line)?,
        directions: directions(line)?,
        priority: line.number_of("a priority")?,
        from: peer(line)?,
        to: peer(line)?,
        services: line.list(service)?,
        provenance: provenance(line)?,
    })
}

fn point(line: &mut Line<'_>) -> Read<EnforcementPoint> {
    let name = line.string("the point's name")?;
    let kinds = [PointKind::Agent, PointKind::Host, PointKind::Appliance, PointKind::Cloud];
    let kind = line.one_of("a kind of point", kinds)?;
    let mode = line.one_of("a mode", [Mode::Off, Mode::Listen, Mode::Alert, Mode::Enforce])?;
    let directions = directions(line)?;
    let rulebook = RulebookId(line.number_of("a rulebook's position")?);
    let (exempts_host, controller) = (line.yes()?, line.optional("a controller or `-`")?);
    let wanted = "`units`, `between` or `around`";
    let placement = match line.word(wanted)? {
        "units" => Placement::Units(selector(line, 0)?),
        "between" => Placement::Between(level(line)?),
        "around" => Placement::Around(level(line)?, line.string("a place")?),
        other => return line.refuse(wanted, other),
    };
    let provenance = provenance(line)?;
    Ok(EnforcementPoint {
        name,
        kind,
        placement,
        directions,
        mode,
        refusal: Refusal::Drop,
        rulebook,
        exempts_host,
        controller,
        operation: Operation::default(),
        load: Load::default(),
        provenance,
    })
}

fn station(line: &mut Line<'_>) -> Read<Station> {
    let name = line.string("the station's name")?;
    let (protocol, port) = (transport(line)?, line.number_of("a port")?);
    let (on, servers) = (selector(line, 0)?, line.number_of("a number of servers")?);
    let queue = if line.is_absent() { None } else { Some(line.number_of("a number of places")?) };
    let wanted = "`exactly`, `exponential`, `lognormal` or `pareto`";
    let ns = |line: &mut Line<'_>| line.number_of("nanoseconds");
    let takes = match line.word(wanted)? {
        "exactly" => Takes::Exactly { ns: ns(line)? },
        "exponential" => Takes::Exponential { mean_ns: ns(line)? },
        "lognormal" => Takes::Lognormal { median_ns: ns(line)?, sigma: float(line)? },
        "pareto" => Takes::Pareto { least_ns: ns(line)?, tail: float(line)? },
        other => return line.refuse(wanted, other),
    };
    let (blocking, provenance) = (line.yes()?, provenance(line)?);
    Ok(Station { name, on, protocol, port, servers, queue, takes, blocking, provenance })
}

fn arrivals(line: &mut Line<'_>) -> Read<Arrivals> {
    let wanted = "`periodic`, `bursts` or `daily`";
    let ns = |line: &mut Line<'_>| line.number_of("nanoseconds");
    Ok(match line.word(wanted)? {
        "periodic" => Arrivals::Periodic { every_ns: ns(line)?, first_ns: ns(line)? },
        "bursts" => Arrivals::Bursts { rate_per_second: float(line)?, length_ns: ns(line)?, pause_ns: ns(line)? },
        "daily" => Arrivals::Daily { rate_per_second: float(line)?, swing: float(line)?, peak_ns: ns(line)? },
        other => return line.refuse(wanted, other),
    })
}

fn need(line: &mut Line<'_>) -> Read<Need> {
    Ok(Need {
        // What does not come evenly has a line of its own.
        arrivals: if line.is_absent() { Arrivals::NEVER } else { Arrivals::Even { rate_per_second: float(line)? } },
        synchronous: line.either("`synchronous` or `asynchronous`", "synchronous", "asynchronous")?,
        patience: Patience::default(),
        answering: None,
        from: peer(line)?,
        to: peer(line)?,
        services: line.list(service)?,
        provenance: provenance(line)?,
    })
}

fn attacker(line: &mut Line<'_>) -> Read<Attacker> {
    Ok(Attacker {
        name: line.string("the attacker's name")?,
        foothold: selector(line, 0)?,
        scan_rate_per_second: float(line)?,
        exploit_probability: float(line)?,
        exploit_mean_ns: line.number_of("nanoseconds")?,
        login_probability: float(line)?,
        login_mean_ns: line.number_of("nanoseconds")?,
        credentials: Vec::new(),
        strategy: Strategy::default(),
        conduct: Default::default(),
        provenance: provenance(line)?,
    })
}

fn monitor(line: &mut Line<'_>) -> Read<Monitor> {
    Ok(Monitor {
        denied_alert_probability: float(line)?,
        sensor_probability: float(line)?,
        sensor_mean_ns: line.number_of("nanoseconds")?,
        response_mean_ns: line.number_of("nanoseconds")?,
        defence: Defence::default(),
        provenance: provenance(line)?,
    })
}

fn float(line: &mut Line<'_>) -> Read<f64> {
    let number: f64 = line.number_of("a number")?;
    if number.is_finite() { Ok(number) } else { line.refuse("a number", &number.to_string()) }
}

fn transport(line: &mut Line<'_>) -> Read<Transport> {
    line.one_of("`tcp`, `udp` or `sctp`", Transport::ALL)
}

fn family(line: &mut Line<'_>) -> Read<Family> {
    line.one_of("`IPv4` or `IPv6`", Family::ALL)
}

fn level(line: &mut Line<'_>) -> Read<Level> {
    line.one_of("`site`, `zone` or `subnet`", [Level::Site, Level::Zone, Level::Subnet])
}

fn action(line: &mut Line<'_>) -> Read<Action> {
    line.one_of("`allow`, `deny` or `pass`", [Action::Allow, Action::Deny, Action::Pass])
}

fn directions(line: &mut Line<'_>) -> Read<Directions> {
    let wanted = "`egress`, `forward` and `ingress` joined by `+`, or `none`";
    let word = line.word(wanted)?;
    let mut directions = Directions::default();
    if word == "none" {
        return Ok(directions);
    }
    let mut names = word.split('+').peekable();
    for direction in Direction::ALL {
        if names.next_if(|name| *name == direction.to_string()).is_some() {
            match direction {
                Direction::Egress => directions.egress = true,
                Direction::Forward => directions.forward = true,
                Direction::Ingress => directions.ingress = true,
            }
        }
    }
    if names.next().is_some() { line.refuse(wanted, word) } else { Ok(directions) }
}

fn selector(line: &mut Line<'_>, depth: usize) -> Read<Selector> {
    if depth > NESTING_MAX {
        return Err(line.error(Problem::Nesting));
    }
    let wanted = "a selector";
    let key = |line: &mut Line<'_>| line.string("a label's key");
    let values = |line: &mut Line<'_>| line.list(|line| line.string("a label's value"));
    let parts = |line: &mut Line<'_>| line.list(|line| selector(line, depth + 1));
    Ok(match line.word(wanted)? {
        "all" => Selector::Everything,
        "named" => Selector::Named(line.string("a unit's name")?),
        "in" => Selector::In { key: key(line)?, values: values(line)? },
        "not-in" => Selector::NotIn { key: key(line)?, values: values(line)? },
        "has" => Selector::Exists(key(line)?),
        "lacks" => Selector::Absent(key(line)?),
        "and" => Selector::All(parts(line)?),
        "or" => Selector::AnyOf(parts(line)?),
        "not" => Selector::Not(Box::new(selector(line, depth + 1)?)),
        other => return line.refuse(wanted, other),
    })
}

fn peer(line: &mut Line<'_>) -> Read<Peer> {
    let wanted = "a peer";
    Ok(match line.word(wanted)? {
        "any" => Peer::Anyone,
        "units" => Peer::Units(selector(line, 0)?),
        "addresses" => Peer::Addresses { set: addresses(line)?, covers: Covers::All },
        "external" => Peer::Addresses { set: addresses(line)?, covers: Covers::External },
        "unmodelled" => Peer::Unmodelled(line.string("what is not modelled")?),
        other => return line.refuse(wanted, other),
    })
}

fn addresses(line: &mut Line<'_>) -> Read<AddressSet> {
    let ranges: Vec<(IpAddr, IpAddr)> = line.list(|line| line.range("a range of addresses"))?;
    let v4 = |&(first, last): &(IpAddr, IpAddr)| match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => Some((first.to_bits(), last.to_bits())),
        _ => None,
    };
    let v6 = |&(first, last): &(IpAddr, IpAddr)| match (first, last) {
        (IpAddr::V6(first), IpAddr::V6(last)) => Some((first.to_bits(), last.to_bits())),
        _ => None,
    };
    let set = AddressSet {
        v4: IntervalSet::from_ranges(ranges.iter().filter_map(v4)),
        v6: IntervalSet::from_ranges(ranges.iter().filter_map(v6)),
    };
    if !set.ranges().eq(ranges) {
        return Err(line.error(Problem::NotCanonical { what: "ranges of addresses are" }));
    }
    Ok(set)
}

fn ports(line: &mut Line<'_>) -> Read<IntervalSet<u16>> {
    let ranges: Vec<(u16, u16)> = line.list(|line| line.range("a range of ports"))?;
    let set = IntervalSet::from_ranges(ranges.iter().copied());
    if set.ranges() != ranges {
        return Err(line.error(Problem::NotCanonical { what: "ranges of ports are" }));
    }
    Ok(set)
}

fn service(line: &mut Line<'_>) -> Read<Service> {
    let wanted = "a service";
    Ok(match line.word(wanted)? {
        "any" => Service::Any,
        "ports" => Service::Ports { protocol: transport(line)?, ports: ports(line)?, source_ports: ports(line)? },
        "named" => {
            let protocol = match line.word("`tcp`, `udp`, `sctp` or `any`")? {
                "any" => None,
                word => match Transport::ALL.into_iter().find(|transport| transport.name() == word) {
                    Some(transport) => Some(transport),
                    None => return line.refuse("`tcp`, `udp`, `sctp` or `any`", word),
                },
            };
            Service::NamedPort { protocol, name: line.string("a port's name")? }
        }
        "icmp" => {
            let family = family(line)?;
            let mut number = || if line.is_absent() { Ok(None) } else { line.number_of("a number or `-`").map(Some) };
            Service::Icmp { family, kind: number()?, code: number()? }
        }
        "protocol" => Service::Protocol(line.number_of("a protocol's number")?),
        other => return line.refuse(wanted, other),
    })
}

fn provenance(line: &mut Line<'_>) -> Read<Provenance> {
    let span = if line.is_absent() { None } else { Some(span(line)?) };
    Ok(Provenance {
        span,
        object: line.optional("an object or `-`")?,
        reason: line.optional("a reason or `-`")?,
        owner: line.optional("an owner or `-`")?,
        ticket: line.optional("a ticket or `-`")?,
    })
}

fn span(line: &mut Line<'_>) -> Read<Span> {
    let wanted = "a place, `source:line:column`, or `-`";
    let word = line.word(wanted)?;
    let numbers: Option<Vec<u32>> = word.split(':').map(|number| number.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[source, at, column]) if format!("{source}:{at}:{column}") == word => {
            Ok(Span { source: SourceId(source), line: at, column })
        }
        _ => line.refuse(wanted, word),
    }
}
