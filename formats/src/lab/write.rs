//! A lab file for any design.

mod load;
mod moves;
mod operation;
mod properties;
mod releases;
mod tradecraft;

use crate::text::{write_duration, write_rate};
use seglab_policy::{
    Action, Address, Arrivals, Attacker, Conduct, Controller, DEFAULT_SPACE, Design, Directions, Draft,
    EnforcementPoint, Exfiltration, Family, Interface, Level, Listener, Monitor, Need, Order, Peer, Placement,
    Provenance, Refusal, Rule, Rulebook, Scope, Selector, Service, Station, Strategy, Takes, Tier, Unit, Waived,
    Waiver, WayIn,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Writes a lab file that reads back to an equal design.
///
/// Equal but for places and sources: the file is a source of its own. Of the provenance of units, points, trusted
/// units, waivers, attackers, monitors and what is not modelled nothing is kept, and of that of needs and properties all but
/// the object. What a calibration said is written, and not that it did. A selector of one part is written as that part, and a name that nothing has, which a lab file may not
/// use, as `none`: both select what they did.
pub fn write(design: &Design) -> String {
    let mut draft = design.to_draft();
    let units = draft.units.iter().flat_map(|unit| unit.owner.iter().chain([&unit.name]));
    let known: BTreeSet<String> = units.chain(draft.external_sources.iter().map(|one| &one.name)).cloned().collect();
    for_each_selector(&mut draft, &mut |selector| forget_unknown(selector, &known));
    let mut out = String::new();
    out.push_str("seglab: 1\n");
    line(&mut out, &format!("name: {}", scalar(&draft.name)));
    section(&mut out, "units", draft.units.iter().map(unit));
    section(&mut out, "routes", draft.routes.iter().map(|(a, b)| list([scalar(a), scalar(b)])));
    external_sources(&mut out, &draft);
    entries(&mut out, "segments", draft.segments.iter().map(|one| (&one.name, text(&one.selector))));
    rulebooks(&mut out, &draft.rulebooks);
    enforcement(&mut out, &draft);
    section(&mut out, "controllers", draft.controllers.iter().map(controller));
    section(&mut out, "services", draft.stations.iter().map(station));
    section(&mut out, "needs", draft.needs.iter().map(need));
    section(&mut out, "properties", draft.properties.iter().map(properties::property));
    section(
        &mut out,
        "trusted",
        draft.trusted.iter().map(|one| {
            let mut map = Map::default();
            map.put("units", text(&one.units)).put("owner", scalar(&one.owner)).put("reason", scalar(&one.reason));
            map.put_some("expires", one.expires.as_deref().map(scalar));
            map.done()
        }),
    );
    section(&mut out, "waivers", draft.waivers.iter().map(waiver));
    section(&mut out, "attackers", draft.attackers.iter().map(attacker));
    if let Some(monitor) = &draft.monitor {
        line(&mut out, &format!("monitor: {}", self::monitor(monitor)));
    }
    if let Some(craft) = tradecraft::tradecraft(&draft.tradecraft) {
        line(&mut out, &format!("tradecraft: {craft}"));
    }
    section(&mut out, "moves", draft.movements.iter().map(moves::movement));
    section(&mut out, "releases", draft.releases.iter().map(|one| releases::release(one, &draft.rulebooks)));
    if let Some(approval) = &draft.approval {
        line(&mut out, &format!("approval: {}", releases::approval(approval)));
    }
    section(
        &mut out,
        "assumptions",
        draft
            .assumptions
            .iter()
            .map(|one| Map::default().put("id", scalar(&one.id)).put("text", scalar(&one.text)).done()),
    );
    section(
        &mut out,
        "unmodelled",
        draft
            .unmodelled
            .iter()
            .map(|one| Map::default().put("what", scalar(&one.what)).put("touches", text(&one.touches)).done()),
    );
    out
}

/// Puts `none` in the place of names that nothing has.
fn forget_unknown(selector: &mut Selector, known: &BTreeSet<String>) {
    match selector {
        Selector::Named(name) if !known.contains(name) => *selector = Selector::nothing(),
        Selector::All(parts) | Selector::AnyOf(parts) => {
            parts.iter_mut().for_each(|part| forget_unknown(part, known));
        }
        Selector::Not(inner) => forget_unknown(inner, known),
        _ => {}
    }
}

fn for_each_selector(draft: &mut Draft, f: &mut impl FnMut(&mut Selector)) {
    let mut peers: Vec<&mut Peer> = Vec::new();
    for tier in draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers) {
        if let Scope::Units { egress, ingress } = &mut tier.scope {
            egress.iter_mut().chain(ingress).for_each(&mut *f);
        }
        peers.extend(tier.rules.iter_mut().flat_map(|rule| [&mut rule.from, &mut rule.to]));
    }
    for point in &mut draft.points {
        if let Placement::Units(on) = &mut point.placement {
            f(on);
        }
    }
    peers.extend(draft.needs.iter_mut().flat_map(|need| [&mut need.from, &mut need.to]));
    for release in &mut draft.releases {
        peers.extend(release.needs.iter_mut().flat_map(|need| [&mut need.from, &mut need.to]));
        peers.extend(release.adds.iter_mut().flat_map(|added| [&mut added.rule.from, &mut added.rule.to]));
    }
    for peer in peers {
        if let Peer::Units(selector) = peer {
            f(selector);
        }
    }
    draft.properties.iter_mut().for_each(|property| property.claim.for_each_selector(f));
    draft.segments.iter_mut().for_each(|segment| f(&mut segment.selector));
    draft.external_sources.iter_mut().flat_map(|one| &mut one.entries).for_each(|entry| f(&mut entry.to));
    draft.stations.iter_mut().for_each(|station| f(&mut station.on));
    draft.trusted.iter_mut().for_each(|trusted| f(&mut trusted.units));
    draft.attackers.iter_mut().for_each(|attacker| f(&mut attacker.foothold));
    draft.unmodelled.iter_mut().for_each(|what| f(&mut what.touches));
    draft.tradecraft.escalations.iter_mut().for_each(|escalation| f(&mut escalation.on));
    for movement in &mut draft.movements {
        f(&mut movement.units);
        movement.to.iter_mut().filter_map(|to| to.hosts.as_mut()).for_each(&mut *f);
    }
}

fn waiver(of: &Waiver) -> String {
    let mut map = Map::default();
    map.put(if matches!(of.of, Waived::Property(_)) { "property" } else { "need" }, scalar(of.of.name()));
    map.put_some("from", of.from.as_deref().map(scalar)).put_some("to", of.to.as_deref().map(scalar));
    map.put_if(of.undecided, "undecided", "true");
    map.put("owner", scalar(&of.owner)).put("reason", scalar(&of.reason)).put("expires", of.expires.to_string());
    map.done()
}

/// A mapping in flow style.
#[derive(Default)]
struct Map {
    fields: Vec<String>,
}

impl Map {
    fn put(&mut self, key: &str, value: impl Into<String>) -> &mut Self {
        self.fields.push(format!("{key}: {}", value.into()));
        self
    }

    fn put_some(&mut self, key: &str, value: Option<String>) -> &mut Self {
        if let Some(value) = value {
            self.put(key, value);
        }
        self
    }

    fn put_if(&mut self, condition: bool, key: &str, value: impl Into<String>) -> &mut Self {
        if condition { self.put(key, value) } else { self }
    }

    fn done(&mut self) -> String {
        format!("{{{}}}", self.fields.join(", "))
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn section(out: &mut String, key: &str, items: impl ExactSizeIterator<Item = String>) {
    if items.len() > 0 {
        line(out, &format!("{key}:"));
        items.for_each(|item| line(out, &format!("  - {item}")));
    }
}

fn entries<'a>(out: &mut String, key: &str, items: impl ExactSizeIterator<Item = (&'a String, String)>) {
    if items.len() > 0 {
        line(out, &format!("{key}:"));
        items.for_each(|(name, value)| line(out, &format!("  {}: {value}", scalar(name))));
    }
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

pub(super) fn text(value: &impl ToString) -> String {
    scalar(&value.to_string())
}

/// A scalar that YAML reads as exactly this text, plain where that is certain.
pub(crate) fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=!()% ".contains(c);
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let last = text.chars().last().is_some_and(|c| c != ' ');
    // Numbers, hexadecimal and octal ones among them, and dates are other types of YAML.
    let digits = |c: char| c.is_ascii_hexdigit() || "xo_-".contains(c);
    let number = text.parse::<f64>().is_ok()
        || text.starts_with(|c: char| c.is_ascii_digit()) && text.to_ascii_lowercase().chars().all(digits);
    if first && last && !number && text.chars().all(plain) && !WORDS.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric() => quoted.push(c),
            c => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

fn labels(labels: &BTreeMap<String, String>) -> String {
    let mut map = Map::default();
    for (key, value) in labels {
        map.put(&scalar(key), scalar(value));
    }
    map.done()
}

fn unit(unit: &Unit) -> String {
    let mut map = Map::default();
    map.put("name", scalar(&unit.name)).put_some("owner", unit.owner.as_deref().map(scalar));
    map.put_if(!unit.labels.is_empty(), "labels", labels(&unit.labels));
    interfaces(&mut map, &unit.interfaces);
    map.put_if(!unit.listeners.is_empty(), "listens", list(unit.listeners.iter().map(listener)));
    map.put_some("host", unit.host.as_deref().map(scalar));
    map.put_if(unit.criticality != 0, "critical", unit.criticality.to_string());
    map.put_some("image", unit.image.as_deref().map(scalar));
    let vulnerabilities = unit.vulnerabilities.iter().map(|one| {
        Map::default().put("name", scalar(&one.name)).put("service", port(one.protocol, one.port, one.port)).done()
    });
    map.put_if(!unit.vulnerabilities.is_empty(), "vulnerabilities", list(vulnerabilities));
    map.put_if(!unit.credentials.is_empty(), "credentials", list(unit.credentials.iter().map(|one| scalar(one))));
    let logins = unit.logins.iter().map(|one| {
        let mut map = Map::default();
        map.put("credential", scalar(&one.credential)).put("service", port(one.protocol, one.port, one.port)).done()
    });
    map.put_if(!unit.logins.is_empty(), "logins", list(logins));
    map.put_if(!unit.can_host_agent, "agent", "false");
    map.done()
}

/// The short form where all interfaces stand in one place.
fn interfaces(map: &mut Map, interfaces: &[Interface]) {
    let alike = |one: &Interface| (one.space.clone(), one.place.clone(), one.shared, one.inbound, one.outbound);
    let lone_unknown = matches!(interfaces, [Interface { address: Address::Unknown(Family::V4), .. }]);
    let known = !interfaces.iter().any(|one| matches!(one.address, Address::Unknown(_)));
    let uniform = interfaces.windows(2).all(|pair| matches!(pair, [a, b] if alike(a) == alike(b)));
    let Some(first) = interfaces.first().filter(|_| uniform && (known || lone_unknown)) else {
        map.put(
            "interfaces",
            list(interfaces.iter().map(|one| {
                let mut map = Map::default();
                map.put("address", address(one.address));
                place(&mut map, one);
                map.put_if(!one.inbound, "inbound", "false").put_if(!one.outbound, "outbound", "false");
                map.done()
            })),
        );
        return;
    };
    map.put_if(known, "addresses", list(interfaces.iter().map(|one| address(one.address))));
    place(map, first);
    let reachable = match (first.inbound, first.outbound) {
        (true, true) => None,
        (true, false) => Some("inbound"),
        (false, true) => Some("outbound"),
        (false, false) => Some("none"),
    };
    map.put_some("reachable", reachable.map(str::to_owned));
}

fn place(map: &mut Map, interface: &Interface) {
    map.put_if(interface.space != DEFAULT_SPACE, "space", scalar(&interface.space));
    for (level, key) in [(Level::Site, "site"), (Level::Zone, "zone"), (Level::Subnet, "subnet")] {
        map.put_some(key, level.of(&interface.place).map(scalar));
    }
    map.put_if(interface.shared, "shared", "true");
}

fn address(address: Address) -> String {
    match address {
        Address::Known(address) => text(&address),
        Address::Within(net) => text(&net),
        Address::Unknown(family) => format!("unknown {family}"),
    }
}

fn port(protocol: seglab_policy::Transport, first: u16, last: u16) -> String {
    text(&Service::ports(protocol, first, last))
}

fn listener(listener: &Listener) -> String {
    let port = port(listener.protocol, listener.first, listener.last);
    match &listener.name {
        Some(name) => Map::default().put("port", port).put("name", scalar(name)).done(),
        None => port,
    }
}

fn external_sources(out: &mut String, draft: &Draft) {
    section(
        out,
        "external-sources",
        draft.external_sources.iter().map(|source| {
            let mut map = Map::default();
            map.put("name", scalar(&source.name));
            map.put_if(!source.labels.is_empty(), "labels", labels(&source.labels));
            map.put(
                "entries",
                list(source.entries.iter().map(|entry| {
                    let mut map = Map::default();
                    map.put("to", text(&entry.to));
                    services(&mut map, &entry.services);
                    map.done()
                })),
            );
            map.done()
        }),
    );
}

fn services(map: &mut Map, services: &[Service]) {
    match services {
        [Service::Any] => {}
        [_] => {
            map.put("service", services_value(services));
        }
        _ => {
            map.put("services", services_value(services));
        }
    }
}

/// What stands under `service` or `services`.
pub(super) fn services_value(services: &[Service]) -> String {
    match services {
        [one] => text(one),
        many => list(many.iter().map(text)),
    }
}

fn rulebooks(out: &mut String, books: &[Rulebook]) {
    // `policy` is always the first rulebook that is read, so a native one elsewhere is written by its name.
    let (native, others) = match books {
        [first, rest @ ..] if first.name == super::NATIVE_RULEBOOK => match native_rules(first) {
            Some(rules) => (Some(rules), rest),
            None => (None, books),
        },
        all => (None, all),
    };
    match native {
        Some([]) => line(out, "policy: []"),
        Some(rules) => section(out, "policy", rules.iter().map(rule)),
        None => {}
    }
    if others.is_empty() {
        return;
    }
    line(out, "policies:");
    for book in others {
        match native_rules(book) {
            Some([]) => line(out, &format!("  {}: []", scalar(&book.name))),
            Some(rules) => {
                line(out, &format!("  {}:", scalar(&book.name)));
                rules.iter().for_each(|one| line(out, &format!("    - {}", rule(one))));
            }
            None => rulebook(out, book),
        }
    }
}

/// The rules of a rulebook that a plain list describes.
fn native_rules(book: &Rulebook) -> Option<&[Rule]> {
    let [Tier { name, order: Order::DenyOverrides, scope: Scope::Everything, otherwise: Action::Pass, rules }] =
        book.tiers.as_slice()
    else {
        return None;
    };
    (*name == book.name && !book.default_allow && book.stateful).then_some(rules)
}

fn rulebook(out: &mut String, book: &Rulebook) {
    line(out, &format!("  {}:", scalar(&book.name)));
    if !book.stateful {
        line(out, "    stateful: false");
    }
    if book.default_allow {
        line(out, "    default: allow");
    }
    if book.tiers.is_empty() {
        line(out, "    tiers: []");
        return;
    }
    line(out, "    tiers:");
    for tier in &book.tiers {
        line(out, &format!("      - name: {}", scalar(&tier.name)));
        line(out, &format!("        order: {}", tier.order));
        if let Scope::Units { egress, ingress } = &tier.scope {
            let side = |selectors: &[Selector]| list(selectors.iter().map(text));
            let scope = Map::default().put("egress", side(egress)).put("ingress", side(ingress)).done();
            line(out, &format!("        scope: {scope}"));
        }
        line(out, &format!("        otherwise: {}", tier.otherwise));
        if !tier.rules.is_empty() {
            line(out, "        rules:");
            tier.rules.iter().for_each(|one| line(out, &format!("          - {}", rule(one))));
        }
    }
}

/// A rule as an item of a list.
pub(super) fn rule(rule: &Rule) -> String {
    let mut of = Map::default();
    of.put("from", text(&rule.from)).put("to", text(&rule.to));
    services(&mut of, &rule.services);
    notes(&mut of, &rule.provenance);
    of.put_some("object", rule.provenance.object.as_deref().map(scalar));
    let body = format!("{}: {}", rule.action, of.done());
    if rule.priority == 0 && rule.directions == Directions::ALL {
        return body;
    }
    let mut rest = Map::default();
    rest.fields.push(body);
    rest.put_if(rule.priority != 0, "priority", rule.priority.to_string());
    rest.put_if(rule.directions != Directions::ALL, "at", directions(rule.directions));
    rest.done()
}

fn notes(map: &mut Map, provenance: &Provenance) {
    map.put_some("reason", provenance.reason.as_deref().map(scalar));
    map.put_some("owner", provenance.owner.as_deref().map(scalar));
    map.put_some("ticket", provenance.ticket.as_deref().map(scalar));
}

fn directions(directions: Directions) -> String {
    list(directions.iter().map(|direction| direction.to_string()))
}

fn enforcement(out: &mut String, draft: &Draft) {
    if draft.points.is_empty() {
        line(out, "enforcement: []");
    }
    section(out, "enforcement", draft.points.iter().map(|one| point(one, draft)));
}

fn controller(of: &Controller) -> String {
    let mut fails = Map::default();
    fails.put("every", scalar(&write_duration(of.fails_every_ns))).put("repair", scalar(&write_duration(of.repair_ns)));
    Map::default().put("name", scalar(&of.name)).put("fails", fails.done()).done()
}

fn point(point: &EnforcementPoint, draft: &Draft) -> String {
    let mut map = Map::default();
    map.put("name", scalar(&point.name));
    let met = match &point.placement {
        Placement::Units(selector) => {
            map.put("on", text(selector));
            Directions::UNIT
        }
        Placement::Between(level) => {
            map.put("between", level.to_string());
            Directions::ALL
        }
        Placement::Around(level, name) => {
            map.put("around", Map::default().put(&level.to_string(), scalar(name)).done());
            Directions::ALL
        }
    };
    map.put_if(point.directions != met, "at", directions(point.directions));
    map.put("mode", scalar(&point.mode.to_string()));
    map.put_if(point.refusal != Refusal::Drop, "deny-by", point.refusal.to_string());
    map.put_some("policy", draft.rulebooks.get(point.rulebook.0 as usize).map(|book| scalar(&book.name)));
    map.put_some("controller", point.controller.as_deref().map(scalar));
    map.put_if(point.exempts_host, "exempts-host", "true");
    operation::put(&mut map, &point.operation);
    map.put_some("load", load::load(&point.load, point.kind));
    format!("{}: {}", point.kind, map.done())
}

/// Needs name their services even where every one is meant.
fn need(need: &Need) -> String {
    let mut map = Map::default();
    map.put("from", text(&need.from)).put("to", text(&need.to));
    match need.services.as_slice() {
        [one] => map.put("service", text(one)),
        many => map.put("services", list(many.iter().map(text))),
    };
    arrivals(&mut map, need);
    map.put_some("timeout", need.patience.timeout_ns.map(|ns| scalar(&write_duration(ns))));
    map.put_if(need.patience.retries != 0, "retries", need.patience.retries.to_string());
    map.put_if(need.synchronous, "synchronous", "true");
    map.put_some("answering", need.answering.as_deref().map(scalar));
    notes(&mut map, &need.provenance);
    map.done()
}

fn arrivals(map: &mut Map, need: &Need) {
    match need.arrivals {
        // What a source opens only on request has no rate.
        Arrivals::Even { rate_per_second } if rate_per_second == 0.0 && need.synchronous => {}
        Arrivals::Even { rate_per_second } => {
            map.put("rate", scalar(&write_rate(rate_per_second)));
        }
        Arrivals::Periodic { every_ns, first_ns } => {
            map.put("every", scalar(&write_duration(every_ns))).put("at", scalar(&write_duration(first_ns)));
        }
        Arrivals::Bursts { rate_per_second, length_ns, pause_ns } => {
            let (length, pause) = (scalar(&write_duration(length_ns)), scalar(&write_duration(pause_ns)));
            map.put("rate", scalar(&write_rate(rate_per_second)));
            map.put("bursts", Map::default().put("length", length).put("pause", pause).done());
        }
        Arrivals::Daily { rate_per_second, swing, peak_ns } => {
            let peak = scalar(&write_duration(peak_ns));
            map.put("rate", scalar(&write_rate(rate_per_second)));
            map.put("daily", Map::default().put("peak", peak).put("swing", number(swing)).done());
        }
    }
}

fn station(station: &Station) -> String {
    let mut map = Map::default();
    map.put("name", scalar(&station.name)).put("on", text(&station.on));
    map.put("port", port(station.protocol, station.port, station.port));
    let time = |ns: u64| scalar(&write_duration(ns));
    map.put(
        "takes",
        match station.takes {
            Takes::Exactly { ns } => time(ns),
            Takes::Exponential { mean_ns } => Map::default().put("mean", time(mean_ns)).done(),
            Takes::Lognormal { median_ns, sigma } => {
                Map::default().put("median", time(median_ns)).put("sigma", number(sigma)).done()
            }
            Takes::Pareto { least_ns, tail } => {
                Map::default().put("least", time(least_ns)).put("tail", number(tail)).done()
            }
        },
    );
    map.put_if(station.servers != 1, "servers", station.servers.to_string());
    map.put_some("queue", station.queue.map(|queue| queue.to_string()));
    map.put_if(station.blocking, "blocking", "true");
    map.done()
}

fn chance(probability: f64, mean_ns: u64) -> String {
    Map::default().put("probability", number(probability)).put("mean", scalar(&write_duration(mean_ns))).done()
}

/// A number with its point, for an integer is another type of YAML.
fn number(number: f64) -> String {
    format!("{number:?}")
}

fn attacker(attacker: &Attacker) -> String {
    let mut map = Map::default();
    map.put("name", scalar(&attacker.name)).put("foothold", text(&attacker.foothold));
    map.put("scan-rate", scalar(&write_rate(attacker.scan_rate_per_second)));
    map.put("exploit", chance(attacker.exploit_probability, attacker.exploit_mean_ns));
    map.put("login", chance(attacker.login_probability, attacker.login_mean_ns));
    map.put_if(
        !attacker.credentials.is_empty(),
        "credentials",
        list(attacker.credentials.iter().map(|one| scalar(one))),
    );
    map.put_some("strategy", strategy(attacker.strategy));
    let Conduct { way_in, takes_controllers, exfiltration } = attacker.conduct;
    map.put_some(
        "entry",
        match way_in {
            WayIn::Unit => None,
            WayIn::ExposedService => Some("exposed-service".to_owned()),
            WayIn::SupplyChain => Some("supply-chain".to_owned()),
        },
    );
    map.put_if(takes_controllers, "takes-controllers", "true");
    map.put_some(
        "exfiltration",
        exfiltration.map(|Exfiltration { protocol, port, mean_ns }| {
            let service = scalar(&format!("{protocol}/{port}"));
            Map::default().put("service", service).put("mean", scalar(&write_duration(mean_ns))).done()
        }),
    );
    map.done()
}

/// The strategy; `None` for that of an attacker of which nothing is said.
fn strategy(of: Strategy) -> Option<String> {
    Some(match of {
        Strategy::Worm => return None,
        Strategy::RandomWalk => "random-walk".to_owned(),
        Strategy::LowAndSlow => "low-and-slow".to_owned(),
        Strategy::Targeted => "targeted".to_owned(),
        Strategy::Insider => "insider".to_owned(),
        Strategy::Ransomware { units, after_ns } => {
            let mut map = Map::default();
            map.put_some("units", units.map(|units| units.to_string()));
            map.put_some("after", after_ns.map(|ns| scalar(&write_duration(ns))));
            Map::default().put("ransomware", map.done()).done()
        }
    })
}

fn monitor(monitor: &Monitor) -> String {
    let mut map = Map::default();
    map.put("denied-alerts", number(monitor.denied_alert_probability));
    map.put("sensor", chance(monitor.sensor_probability, monitor.sensor_mean_ns));
    map.put("response", scalar(&write_duration(monitor.response_mean_ns)));
    let defence = &monitor.defence;
    if let Some(triage) = &defence.triage {
        map.put("analysts", triage.analysts.to_string()).put("triage", scalar(&write_duration(triage.mean_ns)));
        map.put_if(triage.missed_probability != 0.0, "missed", number(triage.missed_probability));
        let alarms = triage.false_alarms_per_second;
        map.put_if(alarms != 0.0, "false-alarms", scalar(&write_rate(alarms)));
    }
    map.put_if(defence.spares_established, "established", "spare");
    map.put_some("patching", defence.patching.map(|patching| chance(patching.probability, patching.mean_ns)));
    map.put_some("rotation", defence.rotation_mean_ns.map(|ns| scalar(&write_duration(ns))));
    map.done()
}
