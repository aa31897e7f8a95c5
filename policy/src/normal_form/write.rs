//! Writes a design in its normal form.

use super::HEADER;
use crate::address::AddressSet;
use crate::claim::{AtMost, Claim, Statistic};
use crate::connection::ExternalSource;
use crate::design::Design;
use crate::flow::{Arrivals, Flow, Need, Patience};
use crate::interval::IntervalSet;
use crate::point::{EnforcementPoint, Placement, Refusal};
use crate::property::Property;
use crate::rule::{Covers, Directions, Peer, Rule};
use crate::selector::{Labels, Selector};
use crate::service::Service;
use crate::source::{Hex, Provenance};
use crate::station::{Station, Takes};
use crate::tier::{Rulebook, Scope, Tier};
use crate::unit::{Address, Interface, Unit};
use std::fmt::Display;

/// The normal form of a design: the same bytes for the same design, always.
pub fn write(design: &Design) -> String {
    let mut out = Writer { text: format!("{HEADER}\n"), lines: 1 };
    out.line("design").string(design.name()).end();
    for source in design.sources() {
        out.line("source").word(Hex(&source.sha256)).string(&source.path).end();
    }
    design.units().iter().for_each(|unit| out.unit(unit));
    design.external_sources().iter().for_each(|source| out.external_source(source));
    for (from, to) in design.routes() {
        out.line("route").string(from).string(to).end();
    }
    for segment in design.segments() {
        out.line("segment").string(&segment.name).selector(&segment.selector).end();
    }
    design.rulebooks().iter().for_each(|book| out.rulebook(book));
    design.points().iter().for_each(|point| out.point(point));
    design.stations().iter().for_each(|station| out.station(station));
    design.needs().iter().for_each(|need| out.need(need));
    design.properties().iter().for_each(|property| out.property(property));
    for trusted in design.trusted() {
        out.line("trusted")
            .selector(&trusted.units)
            .string(&trusted.owner)
            .string(&trusted.reason)
            .optional(trusted.expires.as_deref())
            .place(&trusted.provenance);
    }
    out.threats(design);
    for assumption in design.assumptions() {
        out.line("assumption").string(&assumption.id).string(&assumption.text).end();
    }
    for what in design.unmodelled() {
        out.line("unmodelled").string(&what.what).selector(&what.touches).place(&what.provenance);
    }
    let lines = out.lines;
    out.line("end").word(lines).end();
    out.text
}

/// The line of one property, which says of the question all that its verdict depends on.
pub fn property(of: &Property) -> String {
    let mut out = Writer { text: String::new(), lines: 0 };
    out.property(of);
    out.text
}

struct Writer {
    text: String,
    lines: u32,
}

impl Writer {
    fn line(&mut self, keyword: &str) -> Fields<'_> {
        self.text.push_str(keyword);
        self.lines += 1;
        Fields { text: &mut self.text }
    }

    fn unit(&mut self, unit: &Unit) {
        self.line("unit")
            .string(&unit.name)
            .optional(unit.owner.as_deref())
            .optional(unit.host.as_deref())
            .word(unit.criticality)
            .optional(unit.image.as_deref())
            .yes(unit.can_host_agent)
            .place(&unit.provenance);
        self.labels(&unit.labels);
        unit.interfaces.iter().for_each(|interface| self.interface(interface));
        for listener in &unit.listeners {
            self.line("listener")
                .word(listener.protocol)
                .word(listener.first)
                .word(listener.last)
                .optional(listener.name.as_deref())
                .end();
        }
        for vulnerability in &unit.vulnerabilities {
            let (protocol, port) = (vulnerability.protocol, vulnerability.port);
            self.line("vulnerability").string(&vulnerability.name).word(protocol).word(port).end();
        }
        for credential in &unit.credentials {
            self.line("credential").string(credential).end();
        }
        for login in &unit.logins {
            self.line("login").string(&login.credential).word(login.protocol).word(login.port).end();
        }
    }

    fn labels(&mut self, labels: &Labels) {
        for (key, value) in labels {
            self.line("label").string(key).string(value).end();
        }
    }

    fn interface(&mut self, interface: &Interface) {
        let line = self.line("interface");
        let line = match interface.address {
            Address::Known(address) => line.word("known").word(address),
            Address::Within(net) => line.word("within").word(net),
            Address::Unknown(family) => line.word("unknown").word(family),
        };
        line.string(&interface.space)
            .optional(interface.place.site.as_deref())
            .optional(interface.place.zone.as_deref())
            .optional(interface.place.subnet.as_deref())
            .yes(interface.shared)
            .yes(interface.inbound)
            .yes(interface.outbound)
            .end();
    }

    fn external_source(&mut self, source: &ExternalSource) {
        self.line("external").string(&source.name).end();
        self.labels(&source.labels);
        for entry in &source.entries {
            self.line("entry").selector(&entry.to).services(&entry.services).place(&entry.provenance);
        }
    }

    fn rulebook(&mut self, book: &Rulebook) {
        self.line("rulebook")
            .string(&book.name)
            .word(if book.stateful { "stateful" } else { "stateless" })
            .word(if book.default_allow { "allow" } else { "deny" })
            .end();
        for tier in &book.tiers {
            self.tier(tier);
        }
    }

    fn tier(&mut self, tier: &Tier) {
        let line = self.line("tier").string(&tier.name).word(tier.order).word(tier.otherwise);
        match &tier.scope {
            Scope::Everything => line.word("everything").end(),
            Scope::Units { egress, ingress } => line.word("units").selectors(egress).selectors(ingress).end(),
        }
        tier.rules.iter().for_each(|rule| self.rule(rule));
    }

    fn rule(&mut self, rule: &Rule) {
        self.line("rule")
            .word(rule.action)
            .directions(rule.directions)
            .word(rule.priority)
            .peer(&rule.from)
            .peer(&rule.to)
            .services(&rule.services)
            .place(&rule.provenance);
    }

    fn point(&mut self, point: &EnforcementPoint) {
        let line = self
            .line("point")
            .string(&point.name)
            .word(point.kind)
            .word(point.mode)
            .directions(point.directions)
            .word(point.rulebook.0)
            .yes(point.exempts_host)
            .optional(point.controller.as_deref());
        let line = match &point.placement {
            Placement::Units(selector) => line.word("units").selector(selector),
            Placement::Between(level) => line.word("between").word(level),
            Placement::Around(level, name) => line.word("around").word(level).string(name),
        };
        line.place(&point.provenance);
        if point.refusal != Refusal::Drop {
            self.line("refusal").word(point.refusal).end();
        }
    }

    fn property(&mut self, property: &Property) {
        let line = self
            .line("property")
            .string(&property.id)
            .word(property.view)
            .word(property.pivot)
            .word(property.trust)
            .absent_or(property.hops_max)
            .word(if is_common(&property.claim) { property.claim.kind() } else { "blast-radius-of" });
        let line = match &property.claim {
            Claim::Isolated { from, to, services }
            | Claim::IsolatedEver { from, to, services }
            | Claim::Allowed { from, to, services } => line.peer(from).peer(to).services(services),
            Claim::OnlyThrough { from, to, via, services } => line.peer(from).peer(to).selector(via).services(services),
            Claim::BlastRadius { from, at_most, of } => {
                let (unit, bound) = match at_most {
                    AtMost::Units(units) => ("units", units),
                    AtMost::Share(parts) => ("share", parts),
                    AtMost::Criticality(weight) => ("criticality", weight),
                };
                let line = if is_common(&property.claim) { line } else { line.word(of) };
                line.selector(from).word(unit).word(bound)
            }
            Claim::Exposed { external, inbound, only, services } => line
                .addresses(external)
                .word(if *inbound { "inbound" } else { "outbound" })
                .selector(only)
                .services(services),
            Claim::EgressOnlyTo { from, to, services } => line.selector(from).peer(to).services(services),
            Claim::Only { flows, among } => line.absent_or_selector(among.as_ref()).list(flows, Fields::flow),
            // A text within the text: the reading of one design is one string.
            Claim::Within { reference } | Claim::Equal { reference } => {
                line.string(&reference.path).string(&write(&reference.design))
            }
            Claim::DefaultDeny { units, directions } => line.selector(units).directions(*directions),
            Claim::Surface { units, entries_max, exits_max } => {
                line.selector(units).absent_or(*entries_max).absent_or(*exits_max)
            }
            Claim::NoShadowedRules { rulebook }
            | Claim::NoRedundantRules { rulebook }
            | Claim::NoUndefinedOrder { rulebook } => line.optional(rulebook.as_deref()),
        };
        line.place(&property.provenance);
    }

    fn station(&mut self, station: &Station) {
        let line = self.line("station").string(&station.name).word(station.protocol).word(station.port);
        let line = line.selector(&station.on).word(station.servers).absent_or(station.queue);
        let line = match station.takes {
            Takes::Exactly { ns } => line.word("exactly").word(ns),
            Takes::Exponential { mean_ns } => line.word("exponential").word(mean_ns),
            Takes::Lognormal { median_ns, sigma } => line.word("lognormal").word(median_ns).word(sigma),
            Takes::Pareto { least_ns, tail } => line.word("pareto").word(least_ns).word(tail),
        };
        line.yes(station.blocking).place(&station.provenance);
    }

    fn need(&mut self, need: &Need) {
        let rate = match need.arrivals {
            Arrivals::Even { rate_per_second } => Some(rate_per_second),
            Arrivals::Periodic { .. } | Arrivals::Bursts { .. } | Arrivals::Daily { .. } => None,
        };
        self.line("need")
            .absent_or(rate)
            .word(if need.synchronous { "synchronous" } else { "asynchronous" })
            .peer(&need.from)
            .peer(&need.to)
            .services(&need.services)
            .place(&need.provenance);
        match need.arrivals {
            Arrivals::Even { .. } => {}
            Arrivals::Periodic { every_ns, first_ns } => {
                self.line("arrivals").word("periodic").word(every_ns).word(first_ns).end();
            }
            Arrivals::Bursts { rate_per_second, length_ns, pause_ns } => {
                self.line("arrivals").word("bursts").word(rate_per_second).word(length_ns).word(pause_ns).end();
            }
            Arrivals::Daily { rate_per_second, swing, peak_ns } => {
                self.line("arrivals").word("daily").word(rate_per_second).word(swing).word(peak_ns).end();
            }
        }
        if let Some(station) = &need.answering {
            self.line("answering").string(station).end();
        }
        if need.patience != Patience::default() {
            self.line("patience").absent_or(need.patience.timeout_ns).word(need.patience.retries).end();
        }
    }

    fn threats(&mut self, design: &Design) {
        for attacker in design.attackers() {
            self.line("attacker")
                .string(&attacker.name)
                .selector(&attacker.foothold)
                .word(attacker.scan_rate_per_second)
                .word(attacker.exploit_probability)
                .word(attacker.exploit_mean_ns)
                .word(attacker.login_probability)
                .word(attacker.login_mean_ns)
                .place(&attacker.provenance);
        }
        if let Some(monitor) = design.monitor() {
            self.line("monitor")
                .word(monitor.denied_alert_probability)
                .word(monitor.sensor_probability)
                .word(monitor.sensor_mean_ns)
                .word(monitor.response_mean_ns)
                .place(&monitor.provenance);
        }
    }
}

/// Not a bound on anything but the largest number of units.
fn is_common(claim: &Claim) -> bool {
    match claim {
        Claim::BlastRadius { at_most, of, .. } => {
            *of == Statistic::Max && matches!(at_most, AtMost::Units(_) | AtMost::Share(_))
        }
        _ => true,
    }
}

/// The fields of a line.
struct Fields<'a> {
    text: &'a mut String,
}

impl Fields<'_> {
    /// A field whose written form has neither spaces nor quotes. Numbers are written so that they read back exactly.
    fn word(self, word: impl Display) -> Self {
        self.text.push(' ');
        self.text.push_str(&word.to_string());
        self
    }

    fn string(self, value: &str) -> Self {
        self.text.push_str(" \"");
        for c in value.chars() {
            match c {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                c => self.text.push(c),
            }
        }
        self.text.push('"');
        self
    }

    fn optional(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.string(value),
            None => self.word('-'),
        }
    }

    fn absent_or(self, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.word(value),
            None => self.word('-'),
        }
    }

    fn yes(self, yes: bool) -> Self {
        self.word(if yes { "yes" } else { "no" })
    }

    fn list<'l, T: 'l>(self, list: &'l [T], one: impl Fn(Self, &'l T) -> Self) -> Self {
        list.iter().fold(self.word(list.len()), one)
    }

    fn directions(self, directions: Directions) -> Self {
        let names: Vec<String> = directions.iter().map(|direction| direction.to_string()).collect();
        if names.is_empty() { self.word("none") } else { self.word(names.join("+")) }
    }

    fn selector(self, selector: &Selector) -> Self {
        let strings = |line: Self, values: &[String]| line.list(values, |line, value| line.string(value));
        match selector {
            Selector::Everything => self.word("all"),
            Selector::Named(name) => self.word("named").string(name),
            Selector::In { key, values } => strings(self.word("in").string(key), values),
            Selector::NotIn { key, values } => strings(self.word("not-in").string(key), values),
            Selector::Exists(key) => self.word("has").string(key),
            Selector::Absent(key) => self.word("lacks").string(key),
            Selector::All(parts) => self.word("and").selectors(parts),
            Selector::AnyOf(parts) => self.word("or").selectors(parts),
            Selector::Not(inner) => self.word("not").selector(inner),
        }
    }

    fn selectors(self, selectors: &[Selector]) -> Self {
        self.list(selectors, |line, selector| line.selector(selector))
    }

    fn absent_or_selector(self, selector: Option<&Selector>) -> Self {
        match selector {
            Some(selector) => self.selector(selector),
            None => self.word('-'),
        }
    }

    fn flow(self, flow: &Flow) -> Self {
        self.peer(&flow.from).peer(&flow.to).services(&flow.services)
    }

    fn addresses(self, set: &AddressSet) -> Self {
        let ranges: Vec<String> = set.ranges().map(|(first, last)| format!("{first}-{last}")).collect();
        self.list(&ranges, |line, range| line.word(range))
    }

    fn peer(self, peer: &Peer) -> Self {
        match peer {
            Peer::Anyone => self.word("any"),
            Peer::Units(selector) => self.word("units").selector(selector),
            Peer::Addresses { set, covers: Covers::All } => self.word("addresses").addresses(set),
            Peer::Addresses { set, covers: Covers::External } => self.word("external").addresses(set),
            Peer::Unmodelled(what) => self.word("unmodelled").string(what),
        }
    }

    fn ports(self, ports: &IntervalSet<u16>) -> Self {
        self.list(ports.ranges(), |line, (first, last)| line.word(format!("{first}-{last}")))
    }

    fn services(self, services: &[Service]) -> Self {
        self.list(services, |line, service| match service {
            Service::Any => line.word("any"),
            Service::Ports { protocol, ports, source_ports } => {
                line.word("ports").word(protocol).ports(ports).ports(source_ports)
            }
            Service::NamedPort { protocol: Some(protocol), name } => line.word("named").word(protocol).string(name),
            Service::NamedPort { protocol: None, name } => line.word("named").word("any").string(name),
            Service::Icmp { family, kind, code } => line.word("icmp").word(family).absent_or(*kind).absent_or(*code),
            Service::Protocol(number) => line.word("protocol").word(number),
        })
    }

    /// Provenance, which is the last of a line.
    fn place(self, provenance: &Provenance) {
        let span = provenance.span.map(|span| format!("{}:{}:{}", span.source.0, span.line, span.column));
        self.absent_or(span)
            .optional(provenance.object.as_deref())
            .optional(provenance.reason.as_deref())
            .optional(provenance.owner.as_deref())
            .optional(provenance.ticket.as_deref())
            .end();
    }

    fn end(self) {
        self.text.push('\n');
    }
}
