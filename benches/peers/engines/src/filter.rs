//! Wirefilter, by the crate `wirefilter-engine`: labels, addresses, protocol and port are fields, a rule is an expression
//! with sets (`in { … }`) that is compiled by itself, as firewall rules are that this engine was made for, and they are asked
//! in their order, denials first. What is told apart most often stands first in an expression, so that most end there.

use crate::subject::{Subject, Traffic, address, ranges, traffic};
use seglab_policy::{Covers, Peer, Rule, Selector, Unit};
use std::collections::BTreeSet;
use std::net::IpAddr;
use wirefilter::{ExecutionContext, Filter, LhsValue, Scheme, Type};

pub(crate) struct Filters {
    /// With whether they deny; compiled and asked in this order.
    filters: Vec<(bool, Filter<'static>)>,
    contexts: Vec<ExecutionContext<'static>>,
}

/// Keys of labels that rules look at.
fn keys(selector: &Selector, into: &mut BTreeSet<String>) {
    match selector {
        Selector::Everything | Selector::Named(_) => {}
        Selector::In { key, .. } | Selector::NotIn { key, .. } => _ = into.insert(key.clone()),
        Selector::Exists(key) | Selector::Absent(key) => _ = into.insert(key.clone()),
        Selector::All(parts) | Selector::AnyOf(parts) => parts.iter().for_each(|part| keys(part, into)),
        Selector::Not(inner) => keys(inner, into),
    }
}

/// A selector as conditions that all have to hold, of the fields of one end.
fn selected(end: &str, selector: &Selector) -> Vec<String> {
    match selector {
        Selector::Everything => Vec::new(),
        Selector::In { key, values } => match values.as_slice() {
            [one] => vec![format!("{end}.{key} == \"{one}\"")],
            many => {
                let many: Vec<String> = many.iter().map(|value| format!("\"{value}\"")).collect();
                vec![format!("{end}.{key} in {{ {} }}", many.join(" "))]
            }
        },
        // A label that a unit lacks is the empty word.
        Selector::Exists(key) => vec![format!("{end}.{key} != \"\"")],
        Selector::All(parts) => parts.iter().flat_map(|part| selected(end, part)).collect(),
        other => unreachable!("a company has no selector `{other}`"),
    }
}

/// A peer as conditions; `None` if no unit has them.
fn peer(end: &str, peer: &Peer) -> Option<Vec<String>> {
    match peer {
        Peer::Anyone => Some(Vec::new()),
        Peer::Units(selector) => Some(selected(end, selector)),
        Peer::Addresses { covers: Covers::External, .. } | Peer::Unmodelled(_) => None,
        Peer::Addresses { set, covers } => {
            let range = |(first, last)| format!("{first}..{last}");
            let ranges: Vec<String> = ranges(set, *covers).into_iter().map(range).collect();
            (!ranges.is_empty()).then(|| vec![format!("{end}.address in {{ {} }}", ranges.join(" "))])
        }
    }
}

fn service(one: &Traffic) -> Option<String> {
    let protocol = format!("protocol == \"{}\"", one.protocol?);
    let range =
        |&(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}..{last}") };
    let ranges: Vec<String> = one.ranges.iter().map(range).collect();
    Some(match one.ranges.as_slice() {
        [] => protocol,
        [(first, last)] if first == last => format!("(port == {first} && {protocol})"),
        _ => format!("(port in {{ {} }} && {protocol})", ranges.join(" ")),
    })
}

fn expression(rule: &Rule) -> Option<String> {
    let services = traffic(rule);
    if services.is_empty() {
        return None;
    }
    let services: Option<Vec<String>> = services.iter().map(service).collect();
    let mut conditions = Vec::new();
    if let Some(services) = services {
        conditions.push(if services.len() == 1 { services.concat() } else { format!("({})", services.join(" || ")) });
    }
    conditions.extend(peer("destination", &rule.to)?);
    conditions.extend(peer("source", &rule.from)?);
    Some(conditions.join(" && "))
}

impl Filters {
    pub(crate) fn new(subject: &Subject) -> Self {
        let mut labels = BTreeSet::new();
        for peer in subject.design().rules().flat_map(|(_, rule)| [&rule.from, &rule.to]) {
            if let Peer::Units(selector) = peer {
                keys(selector, &mut labels);
            }
        }
        let mut scheme = Scheme::default();
        for end in ["source", "destination"] {
            scheme.add_field(format!("{end}.address"), Type::Ip).expect("a field");
            for key in &labels {
                scheme.add_field(format!("{end}.{key}"), Type::Bytes).expect("a field");
            }
        }
        scheme.add_field("protocol".to_owned(), Type::Bytes).expect("a field");
        scheme.add_field("port".to_owned(), Type::Int).expect("a field");
        // Filters borrow their scheme; both live as long as the run.
        let scheme: &'static Scheme = Box::leak(Box::new(scheme));
        let compile = |(denies, rule): (bool, &Rule)| {
            let text = expression(rule)?;
            let parsed = scheme.parse(&text).unwrap_or_else(|error| panic!("{error}"));
            Some((denies, parsed.compile()))
        };
        let filters = subject.rules_denials_first().into_iter().filter_map(compile).collect();
        let contexts = subject.asked().map(|(from, to, protocol, port)| {
            let mut context = ExecutionContext::new(scheme);
            let mut set = |field: &str, value: LhsValue<'static>| {
                context.set_field_value(field, value).unwrap_or_else(|error| panic!("{field}: {error}"));
            };
            for (end, unit) in [("source", from), ("destination", to)] {
                set(&format!("{end}.address"), IpAddr::from(address(unit).expect("an IPv4 address")).into());
                for key in &labels {
                    set(&format!("{end}.{key}"), label(unit, key).into());
                }
            }
            let protocol: &'static str = Box::leak(protocol.into_boxed_str());
            set("protocol", protocol.into());
            set("port", i32::from(port).into());
            context
        });
        let contexts = contexts.collect();
        Self { filters, contexts }
    }
}

/// The value of a label, as long as the run.
fn label(unit: &Unit, key: &str) -> &'static str {
    unit.labels.get(key).map_or("", |value| Box::leak(value.clone().into_boxed_str()))
}

impl crate::Peer for Filters {
    fn allows(&mut self, at: usize) -> bool {
        let context = &self.contexts[at];
        let first = self.filters.iter().find(|(_, filter)| filter.execute(context).expect("the same scheme"));
        first.is_some_and(|(denies, _)| !denies)
    }
}
