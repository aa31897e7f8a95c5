//! A design, read from its normal form: what a verdict depends on, and nothing else of it.

pub(crate) mod claim;

use crate::fields::{Fields, Read, Selector, lines};
use claim::Claimed;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// An address: 0 or 1 for its family, and its value.
pub(crate) type Address = (usize, u128);
pub(crate) type Ranges = Vec<(Address, Address)>;

/// The last address of each family.
pub(crate) const LAST: [u128; 2] = [u32::MAX as u128, u128::MAX];

/// A design, read from its normal form.
///
/// The grammar of the normal form is documented with its writer. What no verdict depends on (names of sources,
/// attackers, assumptions …) is read and dropped.
#[derive(Clone, Default)]
pub struct Design {
    pub(crate) digest: String,
    pub(crate) units: Vec<Unit>,
    /// How many of the last units do not exist yet.
    pub(crate) newcomers: usize,
    pub(crate) sources: Vec<Source>,
    pub(crate) routes: Vec<(String, String)>,
    pub(crate) books: Vec<Book>,
    pub(crate) points: Vec<Point>,
    pub(crate) claims: Vec<Arc<Claimed>>,
    pub(crate) trusted: Vec<Selector>,
    pub(crate) unmodelled: Vec<(String, Selector)>,
    /// Every peer that is named anywhere, once.
    pub(crate) peers: Vec<Peer>,
    /// Every list of services that is named anywhere, once.
    pub(crate) services: Vec<Vec<Service>>,
}

#[derive(Clone, Default)]
pub(crate) struct Unit {
    pub(crate) name: String,
    pub(crate) owner: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) criticality: u64,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) interfaces: Vec<Interface>,
    /// Protocol, first and last port, name.
    pub(crate) listeners: Vec<(u32, u32, u32, Option<String>)>,
    /// Protocol, first and last port.
    pub(crate) weak: Vec<(u32, u32, u32)>,
    pub(crate) credentials: Vec<String>,
    pub(crate) logins: Vec<(String, u32, u32)>,
}

#[derive(Clone)]
pub(crate) struct Interface {
    pub(crate) family: usize,
    /// The address, as a range of one, or the range that it is drawn from; `None` if nothing is known.
    pub(crate) within: Option<(Address, Address)>,
    pub(crate) is_known: bool,
    pub(crate) space: String,
    /// Site, zone, subnet.
    pub(crate) place: [Option<String>; 3],
    pub(crate) shared: bool,
    pub(crate) inbound: bool,
    pub(crate) outbound: bool,
    /// The names under which every port is declared here; of interfaces that exist the listeners say it.
    pub(crate) declares: Vec<String>,
}

#[derive(Clone, Default)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) entries: Vec<(Selector, usize)>,
}

#[derive(Clone)]
pub(crate) enum Peer {
    Any,
    Units(Selector),
    /// Ranges, and whether only external endpoints count.
    Addresses(Ranges, bool),
    Unmodelled,
}

#[derive(Clone)]
pub(crate) enum Service {
    Any,
    Ports(u32, Vec<(u16, u16)>, Vec<(u16, u16)>),
    Named(Option<u32>, String),
    Icmp(usize, Option<u8>, Option<u8>),
    Protocol(u8),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Action {
    Deny,
    Allow,
    Pass,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    FirstMatch,
    UndefinedTies,
    Strongest,
}

#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) action: Action,
    /// Egress, forward, ingress.
    pub(crate) directions: [bool; 3],
    pub(crate) priority: i64,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) services: usize,
    pub(crate) object: Option<String>,
}

#[derive(Clone)]
pub(crate) struct Tier {
    pub(crate) order: Order,
    pub(crate) otherwise: Action,
    /// Selectors of sources in egress and of destinations in ingress; `None` for everything.
    pub(crate) scope: Option<[Vec<Selector>; 2]>,
    pub(crate) rules: Vec<Rule>,
}

#[derive(Clone)]
pub(crate) struct Book {
    pub(crate) name: String,
    pub(crate) stateful: bool,
    pub(crate) default: Action,
    pub(crate) tiers: Vec<Tier>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Agent,
    Host,
    Other,
}

#[derive(Clone)]
pub(crate) enum Placement {
    Units(Selector),
    Between(usize),
    Around(usize, String),
}

#[derive(Clone)]
pub(crate) struct Point {
    pub(crate) kind: Kind,
    pub(crate) enforces: bool,
    pub(crate) directions: [bool; 3],
    pub(crate) book: usize,
    pub(crate) exempts_host: bool,
    pub(crate) has_controller: bool,
    pub(crate) placement: Placement,
}

#[derive(Default)]
struct Reader<'a> {
    design: Design,
    peers: BTreeMap<&'a str, usize>,
    services: BTreeMap<&'a str, usize>,
    needs: usize,
}

impl Design {
    /// Reads a normal form.
    ///
    /// # Errors
    /// [`Refusal::Unreadable`](crate::Refusal::Unreadable) at the first line that is not as the grammar has it.
    pub fn read(normal_form: &str) -> Read<Design> {
        let mut reader = Reader::default();
        lines(normal_form, "seglab-normal-form 1", |keyword, fields| reader.line(keyword, fields))?;
        reader.design.digest = crate::sha256(normal_form.as_bytes());
        Ok(reader.design)
    }

    /// How many units exist; those past them are to come.
    pub(crate) fn existing(&self) -> usize {
        self.units.len() - self.newcomers
    }

    /// True if a point lets answers pass, for its rulebook keeps state.
    pub(crate) fn remembers(&self, point: &Point) -> bool {
        self.books.get(point.book).is_some_and(|book| book.stateful)
    }

    /// The claims of the design: `property` or `need`, and the position among those, in their order.
    pub fn claims(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.claims.iter().map(|claimed| (claimed.section, claimed.name.as_str()))
    }
}

impl<'a> Reader<'a> {
    fn line(&mut self, keyword: &'a str, mut f: Fields<'a>) -> Read<()> {
        let whole = f.rest;
        let misplaced = "a line that may stand here";
        match keyword {
            "design" | "source" | "segment" | "refusal" | "station" | "arrivals" | "answering" | "patience"
            | "attacker" | "monitor" | "assumption" => return Ok(()),
            "unit" | "label" | "interface" | "listener" | "vulnerability" | "credential" | "login" => {
                self.unit(keyword, &mut f)?;
            }
            "external" => self.design.sources.push(Source { name: f.string()?, ..Source::default() }),
            "entry" => {
                let entry = (f.selector(0)?, self.services(&mut f)?);
                place(&mut f)?;
                let Some(source) = self.design.sources.last_mut() else { return f.refuse(misplaced) };
                source.entries.push(entry);
            }
            "route" => self.design.routes.push((f.string()?, f.string()?)),
            "rulebook" => {
                let name = f.string()?;
                let stateful = f.choice([("stateless", false), ("stateful", true)])?;
                let default = f.choice([("deny", Action::Deny), ("allow", Action::Allow)])?;
                self.design.books.push(Book { name, stateful, default, tiers: Vec::new() });
            }
            "tier" => {
                let tier = tier(&mut f)?;
                let Some(book) = self.design.books.last_mut() else { return f.refuse(misplaced) };
                book.tiers.push(tier);
            }
            "rule" => {
                let rule = self.rule(&mut f)?;
                let tier = self.design.books.last_mut().and_then(|book| book.tiers.last_mut());
                let Some(tier) = tier else { return f.refuse(misplaced) };
                tier.rules.push(rule);
            }
            "point" => self.point(&mut f)?,
            "need" => self.need(whole, &mut f)?,
            "property" => self.property(whole, &mut f)?,
            "trusted" => {
                self.design.trusted.push(f.selector(0)?);
                return Ok(());
            }
            "unmodelled" => {
                let unmodelled = (f.string()?, f.selector(0)?);
                self.design.unmodelled.push(unmodelled);
                place(&mut f)?;
            }
            _ => return f.refuse(misplaced),
        }
        f.end()
    }

    fn unit(&mut self, keyword: &str, f: &mut Fields<'a>) -> Read<()> {
        if keyword == "unit" {
            let (name, owner, host) = (f.string()?, f.optional()?, f.optional()?);
            let criticality = f.number::<u32>()?.into();
            f.optional()?;
            f.yes()?;
            place(f)?;
            self.design.units.push(Unit { name, owner, host, criticality, ..Unit::default() });
            return Ok(());
        }
        if let ("label", Some(source)) = (keyword, self.design.sources.last_mut()) {
            source.labels.push((f.string()?, f.string()?));
            return Ok(());
        }
        let Some(unit) = self.design.units.last_mut() else { return f.refuse("a unit before its facts") };
        match keyword {
            "label" => unit.labels.push((f.string()?, f.string()?)),
            "interface" => unit.interfaces.push(interface(f)?),
            "listener" => {
                let (protocol, first, last) = (protocol(f)?, f.number::<u16>()?, f.number::<u16>()?);
                unit.listeners.push((protocol, first.into(), last.into(), f.optional()?));
            }
            "vulnerability" => {
                f.string()?;
                let (protocol, port) = (protocol(f)?, f.number::<u16>()?.into());
                unit.weak.push((protocol, port, port));
            }
            "credential" => unit.credentials.push(f.string()?),
            _ => unit.logins.push((f.string()?, protocol(f)?, f.number::<u16>()?.into())),
        }
        Ok(())
    }

    /// The number of what was read, the same for the same text.
    fn intern<T>(known: &mut BTreeMap<&'a str, usize>, all: &mut Vec<T>, text: &'a str, value: T) -> usize {
        *known.entry(text).or_insert_with(|| {
            all.push(value);
            all.len() - 1
        })
    }

    fn peer(&mut self, f: &mut Fields<'a>) -> Read<usize> {
        let before = f.rest;
        let peer = match f.word()? {
            "any" => Peer::Any,
            "units" => Peer::Units(f.selector(0)?),
            "addresses" => Peer::Addresses(f.list(address_range)?, false),
            "external" => Peer::Addresses(f.list(address_range)?, true),
            "unmodelled" => f.string().map(|_| Peer::Unmodelled)?,
            _ => return f.refuse("a peer"),
        };
        let text = before.get(..before.len() - f.rest.len()).unwrap_or_default();
        Ok(Self::intern(&mut self.peers, &mut self.design.peers, text, peer))
    }

    fn services(&mut self, f: &mut Fields<'a>) -> Read<usize> {
        let before = f.rest;
        let services = f.list(service)?;
        let text = before.get(..before.len() - f.rest.len()).unwrap_or_default();
        Ok(Self::intern(&mut self.services, &mut self.design.services, text, services))
    }

    fn rule(&mut self, f: &mut Fields<'a>) -> Read<Rule> {
        let (action, directions, priority) = (action(f)?, directions(f)?, f.number()?);
        let (from, to, services) = (self.peer(f)?, self.peer(f)?, self.services(f)?);
        Ok(Rule { action, directions, priority, from, to, services, object: place(f)? })
    }

    fn point(&mut self, f: &mut Fields<'a>) -> Read<()> {
        f.string()?;
        let kinds = [("agent", Kind::Agent), ("host", Kind::Host), ("appliance", Kind::Other), ("cloud", Kind::Other)];
        let kind = f.choice(kinds)?;
        let enforces = f.choice([("off", false), ("listen", false), ("alert", false), ("enforce", true)])?;
        let (directions, book) = (directions(f)?, f.number()?);
        if book >= self.design.books.len() {
            return f.refuse("the position of a rulebook");
        }
        let (exempts_host, has_controller) = (f.yes()?, f.optional()?.is_some());
        let placement = match f.word()? {
            "units" => Placement::Units(f.selector(0)?),
            "between" => Placement::Between(level(f)?),
            "around" => Placement::Around(level(f)?, f.string()?),
            _ => return f.refuse("a placement"),
        };
        place(f)?;
        let point = Point { kind, enforces, directions, book, exempts_host, has_controller, placement };
        self.design.points.push(point);
        Ok(())
    }
}

/// Reads where something is written; gives the object that it is part of.
fn place(f: &mut Fields<'_>) -> Read<Option<String>> {
    if !f.absent() {
        f.word()?;
    }
    let object = f.optional()?;
    // Reason, owner, ticket.
    for _ in 0..3 {
        f.optional()?;
    }
    Ok(object)
}

fn tier(f: &mut Fields<'_>) -> Read<Tier> {
    f.string()?;
    let order = match f.word()? {
        "first-match" => Order::FirstMatch,
        "first-match-undefined-ties" => Order::UndefinedTies,
        "deny-overrides" | "allow-union" => Order::Strongest,
        _ => return f.refuse("an order"),
    };
    let otherwise = action(f)?;
    let selectors = |f: &mut Fields<'_>| f.list(|f| f.selector(0));
    let everything = f.choice([("everything", true), ("units", false)])?;
    let scope = if everything { None } else { Some([selectors(f)?, selectors(f)?]) };
    Ok(Tier { order, otherwise, scope, rules: Vec::new() })
}

fn interface(f: &mut Fields<'_>) -> Read<Interface> {
    let kind = f.word()?;
    let is_known = kind == "known";
    let (family, within) = match kind {
        "unknown" => (family(f)?, None),
        "known" | "within" => {
            let word = f.word()?;
            let single = |ip| (address(ip), address(ip));
            let range = if is_known { word.parse().ok().map(single) } else { block(word) };
            let Some(range) = range else { return f.refuse("an address or a CIDR block") };
            (range.0.0, Some(range))
        }
        _ => return f.refuse("what is known of an address"),
    };
    let space = f.string()?;
    let place = [f.optional()?, f.optional()?, f.optional()?];
    let (shared, inbound, outbound) = (f.yes()?, f.yes()?, f.yes()?);
    Ok(Interface { family, within, is_known, space, place, shared, inbound, outbound, declares: Vec::new() })
}

/// The addresses of a CIDR block.
fn block(word: &str) -> Option<(Address, Address)> {
    let (ip, length) = word.split_once('/')?;
    let ((family, value), length) = (address(ip.parse().ok()?), length.parse::<u32>().ok()?);
    let free = (if family == 0 { 32u32 } else { 128 }).checked_sub(length)?;
    let low = if free == 128 { u128::MAX } else { (1 << free) - 1 };
    Some(((family, value & !low), (family, value | low)))
}

pub(crate) fn address(ip: IpAddr) -> Address {
    match ip {
        IpAddr::V4(ip) => (0, u128::from(ip.to_bits())),
        IpAddr::V6(ip) => (1, ip.to_bits()),
    }
}

pub(crate) fn address_range(f: &mut Fields<'_>) -> Read<(Address, Address)> {
    let (first, last) = f.range::<IpAddr>()?;
    let (first, last) = (address(first), address(last));
    if first.0 == last.0 { Ok((first, last)) } else { f.refuse("a range of one family") }
}

fn service(f: &mut Fields<'_>) -> Read<Service> {
    Ok(match f.word()? {
        "any" => Service::Any,
        "ports" => Service::Ports(protocol(f)?, f.list(Fields::range)?, f.list(Fields::range)?),
        "named" => {
            let protocol = f.choice([("tcp", Some(0)), ("udp", Some(1)), ("sctp", Some(2)), ("any", None)])?;
            Service::Named(protocol, f.string()?)
        }
        "icmp" => Service::Icmp(family(f)?, f.optional_number()?, f.optional_number()?),
        "protocol" => Service::Protocol(f.number()?),
        _ => return f.refuse("a service"),
    })
}

fn protocol(f: &mut Fields<'_>) -> Read<u32> {
    f.choice([("tcp", 0), ("udp", 1), ("sctp", 2)])
}

fn family(f: &mut Fields<'_>) -> Read<usize> {
    f.choice([("IPv4", 0), ("IPv6", 1)])
}

fn level(f: &mut Fields<'_>) -> Read<usize> {
    f.choice([("site", 0), ("zone", 1), ("subnet", 2)])
}

fn action(f: &mut Fields<'_>) -> Read<Action> {
    f.choice([("deny", Action::Deny), ("allow", Action::Allow), ("pass", Action::Pass)])
}

fn directions(f: &mut Fields<'_>) -> Read<[bool; 3]> {
    let word = f.word()?;
    let names: Vec<&str> = if word == "none" { Vec::new() } else { word.split('+').collect() };
    let known = ["egress", "forward", "ingress"];
    if names.iter().any(|name| !known.contains(name)) {
        return f.refuse("directions");
    }
    Ok(known.map(|direction| names.contains(&direction)))
}
