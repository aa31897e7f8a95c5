//! What manifests are held to when nobody has said anything else: the claims that a design makes which has no lab file.
//!
//! Both follow from what the manifests themselves declare. Whoever may be reached from the internet is named by an
//! Ingress, a Route, or a Service that is published; whoever may reach it names the ranges. A policy that opens more than
//! that without naming it is what nobody sees in review.

use super::service::Service;
use seglab_policy::{
    AddressSet, Claim, Covers, ExternalSource, Family, Peer, Property, Provenance, Rulebook, Selector,
    Service as Services,
};

/// The names of the claims; a lab file that makes claims of its own replaces them.
pub(crate) const EXPECTATIONS: [&str; 2] =
    ["internet-reaches-only-what-is-published", "internet-egress-to-named-ranges-only"];

/// The claims that manifests imply.
pub(super) fn expectations(services: &[Service], sources: &[ExternalSource], rulebook: &Rulebook) -> Vec<Property> {
    let published = services.iter().filter(|service| service.published).filter_map(|service| service.selector.clone());
    let routed = sources.iter().flat_map(|source| &source.entries).map(|entry| entry.to.clone());
    let mut only: Vec<Selector> = published.chain(routed).collect();
    only.sort();
    only.dedup();
    let internet = AddressSet::internet();
    let unnamed = internet.difference(&named_ranges(rulebook));
    let [inbound, outbound] = EXPECTATIONS;
    vec![
        exposed(inbound, internet, true, Selector::AnyOf(only)),
        exposed(outbound, unnamed, false, Selector::nothing()),
    ]
}

fn exposed(id: &str, external: AddressSet, inbound: bool, only: Selector) -> Property {
    let provenance = Provenance {
        reason: Some("expected of manifests that no lab file says anything else about".to_owned()),
        ..Provenance::default()
    };
    let claim = Claim::Exposed { external, inbound, only, services: vec![Services::Any] };
    Property { provenance, ..Property::new(id, claim) }
}

/// The ranges that policies name, those that are all of a family left out: to name everything is to name nothing.
fn named_ranges(rulebook: &Rulebook) -> AddressSet {
    let mut named = AddressSet::empty();
    for rule in rulebook.tiers.iter().flat_map(|tier| &tier.rules) {
        if let Peer::Addresses { set, covers: Covers::External | Covers::All } = &rule.to
            && !Family::ALL.into_iter().any(|family| set.covers_family(family))
        {
            named = named.union(set);
        }
    }
    named
}
