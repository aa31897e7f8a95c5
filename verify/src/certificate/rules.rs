//! Claims about rules: for each rule a connection that shows what it does.

use crate::lateral::Attack;
use crate::properties::{RuleWitness, Settings};
use crate::reach::Verifier;
use seglab_policy::{Endpoint, Header, Property};

impl Verifier<'_> {
    pub(super) fn prove_rules(
        &mut self,
        property: &Property,
        settings: &Settings,
        rulebook: Option<&str>,
        redundant: bool,
    ) -> Vec<String> {
        let witnesses = self.rule_witnesses(Attack::of(property, settings), rulebook, redundant);
        witnesses.iter().map(line).collect()
    }
}

fn line(witness: &RuleWitness) -> String {
    let RuleWitness { rule, direction, source, destination, header } = witness;
    let direction = direction.map_or_else(|| "-".to_owned(), |direction| direction.to_string());
    let header = match header {
        Header::Transport { protocol, source_port, destination_port } => {
            format!("{protocol} {destination_port} {source_port}")
        }
        Header::Icmp { kind, code } => format!("icmp {kind} {code}"),
        Header::Other(number) => format!("protocol {number}"),
    };
    let (book, tier, at) = (rule.rulebook.0, rule.tier, rule.rule);
    format!("witness {book} {tier} {at} {direction} {} {} {header}", place(*source), place(*destination))
}

fn place(end: Endpoint) -> String {
    match end {
        Endpoint::Unit { unit, interface } => format!("unit {} {interface}", unit.0),
        Endpoint::External(address) => format!("external {address}"),
        Endpoint::Source(source) => format!("source {}", source.0),
    }
}
