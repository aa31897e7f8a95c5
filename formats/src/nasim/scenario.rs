//! A scenario as it is written, checked, every part with its place.

use crate::text::suggestion;
use crate::yaml::{Node, Resolved, Value};
use seglab_policy::{Diagnostic, Privilege, Span};
use std::collections::{BTreeMap, BTreeSet};

/// The most hosts that are read.
const HOSTS_MAX: u64 = 100_000;

/// A host: its subnet, from 1 on, and its number in it, from 0 on.
pub(super) type HostAddress = (u32, u32);

/// Something and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// A scenario that holds together.
pub(super) struct Scenario {
    /// Linked subnets, the smaller number first; 0 is the internet.
    pub(super) links: BTreeSet<(u32, u32)>,
    pub(super) services: Vec<String>,
    pub(super) exploits: Vec<Way>,
    pub(super) escalations: Vec<Way>,
    pub(super) subnet_scan_cost: f64,
    pub(super) hosts: BTreeMap<HostAddress, Placed<Host>>,
    /// The services that the firewall lets through from one subnet to another.
    pub(super) firewall: BTreeMap<(u32, u32), Placed<Vec<String>>>,
    pub(super) sensitive: BTreeMap<HostAddress, f64>,
}

/// What is on a host.
pub(super) struct Host {
    pub(super) os: String,
    pub(super) services: Vec<String>,
    pub(super) processes: Vec<String>,
    /// The services that its own firewall denies to others.
    pub(super) denies: BTreeMap<HostAddress, Placed<Vec<String>>>,
}

/// An exploit or an escalation.
pub(super) struct Way {
    pub(super) name: String,
    /// The service of an exploit, the process of an escalation; `None` for any.
    pub(super) software: Option<String>,
    pub(super) os: Option<String>,
    pub(super) probability: f64,
    pub(super) cost: f64,
    pub(super) gives: Privilege,
    pub(super) span: Span,
}

const KEYS: [&str; 15] = [
    "subnets",
    "topology",
    "sensitive_hosts",
    "os",
    "services",
    "processes",
    "exploits",
    "privilege_escalation",
    "service_scan_cost",
    "os_scan_cost",
    "subnet_scan_cost",
    "process_scan_cost",
    "host_configurations",
    "firewall",
    "step_limit",
];

impl Scenario {
    /// Reads a document; what is wrong with it goes into the report.
    pub(super) fn read(root: &Node, report: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut reader = Reader { report };
        if !reader.is_mapping(root, "a scenario") {
            return None;
        }
        reader.known_keys(root, &KEYS);
        let subnets = reader.required(root, "subnets").and_then(|node| reader.subnets(node));
        let names = ["os", "services", "processes"]
            .map(|key| reader.required(root, key).map(|node| reader.names(node, key)).unwrap_or_default());
        let [systems, services, processes] = &names;
        let ways = |reader: &mut Reader<'_>, key: &str, software: &str, known: &[String]| {
            let node = reader.required(root, key);
            node.map(|node| reader.ways(node, (software, known), systems)).unwrap_or_default()
        };
        let exploits = ways(&mut reader, "exploits", "service", services);
        let escalations = ways(&mut reader, "privilege_escalation", "process", processes);
        let costs = ["subnet_scan_cost", "service_scan_cost", "os_scan_cost", "process_scan_cost"]
            .map(|key| reader.required(root, key).and_then(|node| reader.number_from_zero(node, key)));
        if let Some(limit) = root.get("step_limit").filter(|node| !node.is_null()) {
            reader.number_from_zero(limit, "step_limit");
        }
        let subnets = subnets?;
        let links = reader.required(root, "topology").map(|node| reader.links(node, &subnets));
        let hosts = reader.required(root, "host_configurations").map(|node| reader.hosts(node, &subnets, &names));
        let sensitive = reader.required(root, "sensitive_hosts").map(|node| reader.sensitive(node, &subnets));
        let firewall = reader.required(root, "firewall");
        let (links, hosts) = (links?, hosts?);
        let firewall = reader.firewall(firewall?, &subnets, &links, services);
        let scenario = Scenario {
            links,
            services: services.clone(),
            exploits,
            escalations,
            subnet_scan_cost: costs.first().copied().flatten()?,
            hosts,
            firewall,
            sensitive: sensitive?,
        };
        Some(scenario)
    }
}

/// Reads the parts, and notes what is wrong with them.
struct Reader<'a> {
    report: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn error(&mut self, code: &'static str, node: &Node, message: impl Into<String>, help: impl Into<String>) {
        self.error_at(code, node.span, message, help);
    }

    fn error_at(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.report.push(Diagnostic::error(code, message, Some(span)).with_help(help));
    }

    fn required<'n>(&mut self, node: &'n Node, key: &str) -> Option<&'n Node> {
        let found = node.get(key);
        if found.is_none() {
            self.error("missing-key", node, format!("the key `{key}` is missing"), format!("add `{key}: ...`"));
        }
        found
    }

    fn known_keys(&mut self, node: &Node, known: &[&str]) {
        for entry in node.entries().iter().filter(|entry| !known.contains(&&*entry.key.text)) {
            let help = suggestion(&entry.key.text, known.iter().copied());
            let help = help.unwrap_or_else(|| "remove it".to_owned());
            self.error_at("unknown-key", entry.key.span, format!("unknown key `{}`", entry.key.text), help);
        }
    }

    fn is_mapping(&mut self, node: &Node, what: &str) -> bool {
        let is = matches!(node.value, Value::Mapping(_)) || node.is_null();
        if !is {
            self.error("invalid-value", node, format!("{what} is a mapping"), "write `key: value` lines");
        }
        is
    }

    fn is_list(&mut self, node: &Node, what: &str) -> bool {
        let is = matches!(node.value, Value::Sequence(_));
        if !is {
            self.error("invalid-value", node, format!("{what} is a list"), "write `[first, second]`");
        }
        is
    }

    fn number(&mut self, node: &Node, what: &str) -> Option<f64> {
        let value = match &node.value {
            Value::Scalar(scalar) => match scalar.resolve() {
                Resolved::Number(value) => Some(value as f64),
                Resolved::Negative(value) => Some(value as f64),
                Resolved::Float(value) if value.is_finite() => Some(value),
                _ => None,
            },
            Value::Sequence(_) | Value::Mapping(_) => None,
        };
        if value.is_none() {
            let found = node.text().map_or_else(String::new, |text| format!(", `{text}` is none"));
            self.error("invalid-value", node, format!("`{what}` takes a number{found}"), "write a number");
        }
        value
    }

    fn number_from_zero(&mut self, node: &Node, what: &str) -> Option<f64> {
        let value = self.number(node, what)?;
        if value < 0.0 {
            self.error("out-of-range", node, format!("`{what}` is {value}, below zero"), "write a number from 0 on");
            return None;
        }
        Some(value)
    }

    fn whole(&mut self, node: &Node, what: &str, least: u32) -> Option<u32> {
        let value = match &node.value {
            Value::Scalar(scalar) => match scalar.resolve() {
                Resolved::Number(value) => u32::try_from(value).ok().filter(|value| *value >= least),
                _ => None,
            },
            Value::Sequence(_) | Value::Mapping(_) => None,
        };
        if value.is_none() {
            let found = node.text().map_or_else(String::new, |text| format!(", not `{text}`"));
            let help = format!("write a whole number from {least} on");
            self.error("invalid-value", node, format!("{what} is a whole number from {least} on{found}"), help);
        }
        value
    }

    fn subnets(&mut self, node: &Node) -> Option<Vec<u32>> {
        if !self.is_list(node, "`subnets`") {
            return None;
        }
        let sizes: Vec<Option<u32>> =
            node.items().iter().map(|item| self.whole(item, "the size of a subnet", 1)).collect();
        let sizes: Vec<u32> = sizes.into_iter().collect::<Option<_>>()?;
        let hosts: u64 = sizes.iter().map(|&size| u64::from(size)).sum();
        if hosts == 0 || hosts > HOSTS_MAX {
            let message = format!("the scenario has {hosts} hosts, where 1 to {HOSTS_MAX} are read");
            self.error("out-of-range", node, message, "give the number of hosts of each subnet: `subnets: [1, 5]`");
            return None;
        }
        Some(sizes)
    }

    /// A list of names, none of them twice.
    fn names(&mut self, node: &Node, what: &str) -> Vec<String> {
        if !self.is_list(node, &format!("`{what}`")) {
            return Vec::new();
        }
        let mut names: Vec<String> = Vec::new();
        for item in node.items() {
            match item.text() {
                Some(text) if names.iter().any(|name| name == text) => {
                    self.error("duplicate-name", item, format!("`{text}` is listed twice"), "remove one of them");
                }
                Some(text) if !text.is_empty() => names.push(text.to_owned()),
                _ => self.error("invalid-value", item, format!("`{what}` lists names"), "write a name"),
            }
        }
        names
    }

    /// Names out of those that the scenario declares.
    fn declared(&mut self, node: &Node, what: &str, known: &[String]) -> Vec<String> {
        let names = self.names(node, what);
        for item in node.items() {
            self.is_declared(item, what, known);
        }
        names
    }

    fn is_declared(&mut self, node: &Node, what: &str, known: &[String]) -> bool {
        let Some(text) = node.text() else {
            self.error("invalid-value", node, format!("`{what}` takes a name"), "write a name");
            return false;
        };
        if known.iter().any(|name| name == text) {
            return true;
        }
        let help = suggestion(text, known.iter().map(String::as_str));
        let help = help.unwrap_or_else(|| "declare it at the top of the file".to_owned());
        self.error("unknown-name", node, format!("the scenario has no {what} `{text}`"), help);
        false
    }

    /// A name, or `None` in any case for anything.
    fn name_or_any(&mut self, node: &Node, what: &str, known: &[String]) -> Option<Option<String>> {
        let any = node.is_null() || node.text().is_some_and(|text| text.eq_ignore_ascii_case("none"));
        if any {
            return Some(None);
        }
        self.is_declared(node, what, known).then(|| node.text().map(str::to_owned))
    }

    fn ways(&mut self, node: &Node, software: (&str, &[String]), systems: &[String]) -> Vec<Way> {
        if !self.is_mapping(node, "a list of exploits or escalations") {
            return Vec::new();
        }
        node.entries().iter().filter_map(|entry| self.way(&entry.key.text, &entry.value, software, systems)).collect()
    }

    fn way(&mut self, name: &str, node: &Node, software: (&str, &[String]), systems: &[String]) -> Option<Way> {
        if !self.is_mapping(node, &format!("`{name}`")) {
            return None;
        }
        let (what, known) = software;
        self.known_keys(node, &[what, "os", "prob", "cost", "access"]);
        let [by, os, probability, cost, access] = [what, "os", "prob", "cost", "access"].map(|key| {
            let found = self.required(node, key);
            found.map(|found| (found, found.text()))
        });
        let by = by.and_then(|(node, _)| self.name_or_any(node, what, known));
        let os = os.and_then(|(node, _)| self.name_or_any(node, "os", systems));
        let probability = probability.and_then(|(node, _)| {
            let value = self.number(node, "prob")?;
            let is_one = value > 0.0 && value <= 1.0;
            if !is_one {
                let message = format!("the probability of `{name}` is {value}");
                self.error("out-of-range", node, message, "write a number above 0, to 1");
            }
            is_one.then_some(value)
        });
        let cost = cost.and_then(|(node, _)| self.number_from_zero(node, "cost"));
        let gives = access.and_then(|(node, text)| match text {
            Some("user" | "1") => Some(Privilege::User),
            Some("root" | "2") => Some(Privilege::Root),
            _ => {
                let found = text.map_or_else(String::new, |text| format!("`{text}` "));
                self.error("unknown-name", node, format!("{found}is no access"), "write `user` or `root`");
                None
            }
        });
        if let (Some(None), "service", Some(by)) = (&by, what, node.get(what)) {
            let help = "an exploit goes by a service: name it";
            self.error("missing-name", by, format!("`{name}` names no service"), help);
            return None;
        }
        let span = node.span;
        Some(Way {
            name: name.to_owned(),
            software: by?,
            os: os?,
            probability: probability?,
            cost: cost?,
            gives: gives?,
            span,
        })
    }

    fn links(&mut self, node: &Node, subnets: &[u32]) -> BTreeSet<(u32, u32)> {
        let mut links = BTreeSet::new();
        let size = subnets.len() + 1;
        let help = format!("write {size} rows of {size} numbers, 1 for linked: the internet first, then each subnet");
        if !self.is_list(node, "`topology`") || node.items().len() != size {
            let message = format!("`topology` has {} rows for {size} places", node.items().len());
            self.error("invalid-value", node, message, help);
            return links;
        }
        let mut cells = BTreeMap::new();
        for (row, line) in (0u32..).zip(node.items()) {
            if line.items().len() != size {
                let message = format!("row {row} of `topology` has {} numbers for {size} places", line.items().len());
                self.error("invalid-value", line, message, help.clone());
                return links;
            }
            for (column, cell) in (0u32..).zip(line.items()) {
                match cell.text() {
                    Some("0") => {}
                    Some("1") => {
                        cells.insert((row, column), cell.span);
                    }
                    _ => self.error("invalid-value", cell, "`topology` holds 0 and 1", "write 1 for linked, else 0"),
                }
            }
        }
        for (&(row, column), &span) in &cells {
            if !cells.contains_key(&(column, row)) {
                let message = format!("{row} is linked to {column} and {column} is not to {row}");
                self.error_at("one-way-link", span, message, "a link goes both ways: correct one of the two");
            } else if row < column {
                links.insert((row, column));
            }
        }
        for (place, line) in (1u32..).zip(node.items().iter().skip(1)) {
            if !cells.contains_key(&(place, place)) {
                let cell = line.items().get(place as usize).unwrap_or(line);
                let help = format!("write 1 in column {place} of row {place}");
                self.error("own-subnet", cell, format!("subnet {place} is not linked to itself"), help);
            }
        }
        links
    }

    /// The two numbers of `(1, 0)`.
    fn pair(&mut self, text: &str, span: Span) -> Option<(u32, u32)> {
        let inside = text.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let pair = inside.and_then(|inside| {
            let (first, second) = inside.split_once(',')?;
            Some((first.trim().parse().ok()?, second.trim().parse().ok()?))
        });
        if pair.is_none() {
            self.error_at("invalid-value", span, format!("`{text}` is no pair of numbers"), "write `(1, 0)`");
        }
        pair
    }

    fn host_address(&mut self, text: &str, span: Span, subnets: &[u32]) -> Option<HostAddress> {
        let address = self.pair(text, span)?;
        let size = address.0.checked_sub(1).and_then(|at| subnets.get(at as usize)).copied().unwrap_or_default();
        if address.1 >= size {
            let message = format!("the scenario has no host `{text}`");
            let help = format!("subnets count from 1 to {}, hosts of one from 0 on", subnets.len());
            self.error_at("unknown-name", span, message, help);
            return None;
        }
        Some(address)
    }

    fn hosts(&mut self, node: &Node, subnets: &[u32], names: &[Vec<String>; 3]) -> BTreeMap<HostAddress, Placed<Host>> {
        let mut hosts = BTreeMap::new();
        if !self.is_mapping(node, "`host_configurations`") {
            return hosts;
        }
        for entry in node.entries() {
            let span = entry.key.span;
            let Some(address) = self.host_address(&entry.key.text, span, subnets) else { continue };
            let host = self.host(address, &entry.value, subnets, names);
            if hosts.insert(address, Placed { value: host, span }).is_some() {
                let message = format!("the host `{}` is there twice", entry.key.text);
                self.error_at("duplicate-name", span, message, "remove one of them");
            }
        }
        let all = (1..).zip(subnets).flat_map(|(subnet, &size)| (0..size).map(move |host| (subnet, host)));
        let missing: Vec<HostAddress> = all.filter(|address| !hosts.contains_key(address)).collect();
        if let Some((subnet, host)) = missing.first() {
            let count = seglab_policy::count(missing.len() as u64, "host has", "hosts have");
            let message = format!("{count} no configuration, the first is `({subnet}, {host})`");
            self.error(
                "missing-host",
                node,
                message,
                format!("add `({subnet}, {host}): {{os: ..., services: [...]}}`"),
            );
        }
        hosts
    }

    fn host(&mut self, address: HostAddress, node: &Node, subnets: &[u32], names: &[Vec<String>; 3]) -> Host {
        let [systems, services, processes] = names;
        let mut host = Host { os: String::new(), services: Vec::new(), processes: Vec::new(), denies: BTreeMap::new() };
        if !self.is_mapping(node, "the configuration of a host") {
            return host;
        }
        self.known_keys(node, &["os", "services", "processes", "firewall", "value"]);
        if let Some(os) = self.required(node, "os")
            && self.is_declared(os, "os", systems)
        {
            host.os = os.text().unwrap_or_default().to_owned();
        }
        if let Some(given) = self.required(node, "services") {
            host.services = self.declared(given, "service", services);
        }
        if let Some(given) = self.required(node, "processes") {
            host.processes = self.declared(given, "process", processes);
        }
        if let Some(value) = node.get("value") {
            self.number(value, "value");
        }
        let firewall = node.get("firewall").filter(|node| !node.is_null());
        if let Some(firewall) = firewall.filter(|node| self.is_mapping(node, "the firewall of a host")) {
            for entry in firewall.entries() {
                let span = entry.key.span;
                let Some(from) = self.host_address(&entry.key.text, span, subnets) else { continue };
                let denied = self.declared(&entry.value, "service", services);
                if from == address {
                    let help = "remove it: whoever is on the host needs no connection to it";
                    self.error_at("own-firewall", span, "a host's firewall denies nothing to the host itself", help);
                }
                host.denies.insert(from, Placed { value: denied, span });
            }
        }
        host
    }

    fn sensitive(&mut self, node: &Node, subnets: &[u32]) -> BTreeMap<HostAddress, f64> {
        let mut sensitive = BTreeMap::new();
        if !self.is_mapping(node, "`sensitive_hosts`") {
            return sensitive;
        }
        for entry in node.entries() {
            let address = self.host_address(&entry.key.text, entry.key.span, subnets);
            let Some(value) = self.number(&entry.value, "the value of a host") else { continue };
            if value <= 0.0 || value > f64::from(u32::MAX) {
                let message = format!("the value of the host is {value}");
                self.error("out-of-range", &entry.value, message, "write a number above 0");
                continue;
            }
            if address.is_some_and(|address| sensitive.insert(address, value).is_some()) {
                let message = format!("the host `{}` is there twice", entry.key.text);
                self.error_at("duplicate-name", entry.key.span, message, "remove one of them");
            }
        }
        if node.entries().is_empty() {
            self.error("nothing-to-read", node, "no host is sensitive", "name at least one host and its value");
        }
        sensitive
    }

    fn firewall(
        &mut self,
        node: &Node,
        subnets: &[u32],
        links: &BTreeSet<(u32, u32)>,
        services: &[String],
    ) -> BTreeMap<(u32, u32), Placed<Vec<String>>> {
        let mut firewall = BTreeMap::new();
        if !self.is_mapping(node, "`firewall`") {
            return firewall;
        }
        for entry in node.entries() {
            let span = entry.key.span;
            let Some((from, to)) = self.pair(&entry.key.text, span) else { continue };
            if from.max(to) as usize > subnets.len() {
                let message = format!("the scenario has no subnet {}", from.max(to));
                let help = format!("subnets count from 1 to {}, and 0 is the internet", subnets.len());
                self.error_at("unknown-name", span, message, help);
            }
            let passes = self.declared(&entry.value, "service", services);
            if !links.contains(&(from.min(to), from.max(to))) {
                let message = format!("nothing goes from {from} to {to}: they are not linked");
                let said = Diagnostic::warning("no-link", message, Some(span));
                self.report.push(said.with_help("link them in `topology`, or remove the line"));
            }
            if firewall.insert((from, to), Placed { value: passes, span }).is_some() {
                self.error_at("duplicate-key", span, format!("`({from}, {to})` is there twice"), "remove one of them");
            }
        }
        for &(a, b) in links {
            for (from, to) in [(a, b), (b, a)] {
                if !firewall.contains_key(&(from, to)) {
                    let message = format!("`firewall` says nothing of what goes from {from} to {to}");
                    let help = format!("add `({from}, {to}): []`, with the services that may pass");
                    self.error("missing-key", node, message, help);
                }
            }
        }
        firewall
    }
}
