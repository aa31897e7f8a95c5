//! What the parts of a design have to agree on.

use super::{DesignError, Draft};
use crate::address::AddressSet;
use crate::flow::Need;
use crate::rule::Action;
use crate::source::Span;
use crate::tier::Order;
use crate::unit::{Address, Unit, UnitId};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Names that two things of one kind have.
pub(super) fn check_names(draft: &Draft, errors: &mut Vec<DesignError>) {
    fn unique<'a>(
        kind: &'static str,
        names: impl Iterator<Item = (&'a String, Option<Span>)>,
        errors: &mut Vec<DesignError>,
    ) {
        let mut seen: BTreeMap<&str, Option<Span>> = BTreeMap::new();
        for (name, span) in names {
            if let Some(first) = seen.insert(name, span) {
                errors.push(DesignError::DuplicateName { kind, name: name.clone(), span, first });
            }
        }
    }
    unique("units", draft.units.iter().map(|unit| (&unit.name, unit.provenance.span)), errors);
    unique("external sources", draft.external_sources.iter().map(|source| (&source.name, None)), errors);
    unique("segments", draft.segments.iter().map(|segment| (&segment.name, None)), errors);
    unique("rulebooks", draft.rulebooks.iter().map(|book| (&book.name, None)), errors);
    unique("enforcement points", draft.points.iter().map(|point| (&point.name, point.provenance.span)), errors);
    unique("controllers", draft.controllers.iter().map(|one| (&one.name, one.provenance.span)), errors);
    unique("services", draft.stations.iter().map(|one| (&one.name, one.provenance.span)), errors);
    unique("properties", draft.properties.iter().map(|claim| (&claim.id, claim.provenance.span)), errors);
    let craft = &draft.tradecraft;
    unique("exploits", craft.exploits.iter().map(|one| (&one.vulnerability, one.provenance.span)), errors);
    unique("escalations", craft.escalations.iter().map(|one| (&one.name, one.provenance.span)), errors);
    unique("releases", draft.releases.iter().map(|one| (&one.name, one.provenance.span)), errors);
    unique("attackers", draft.attackers.iter().map(|one| (&one.name, one.provenance.span)), errors);
}

/// Rulebooks and tiers that are spoken of and are not there, and rules that their tiers cannot have.
pub(super) fn check_rulebooks(draft: &Draft, errors: &mut Vec<DesignError>) {
    for point in &draft.points {
        if draft.rulebooks.get(point.rulebook.0 as usize).is_none() {
            let name = format!("#{}", point.rulebook.0);
            errors.push(DesignError::UnknownName { kind: "rulebook", name, span: point.provenance.span });
        }
    }
    for tier in draft.choices.iter().flat_map(|choice| &choice.tiers) {
        let book = draft.rulebooks.get(tier.rulebook.0 as usize);
        if book.is_none_or(|book| book.tiers.get(tier.tier as usize).is_none()) {
            let name = format!("#{}/{}", tier.rulebook.0, tier.tier);
            errors.push(DesignError::UnknownName { kind: "tier", name, span: None });
        }
    }
    for tier in draft.rulebooks.iter().flat_map(|book| &book.tiers).filter(|tier| tier.order == Order::AllowUnion) {
        for rule in tier.rules.iter().filter(|rule| rule.action != Action::Allow) {
            let span = rule.provenance.span;
            errors.push(DesignError::NotAnAllow { tier: tier.name.clone(), action: rule.action, span });
        }
    }
}

/// What releases speak of and is not there, and rules that their rulebooks cannot take.
pub(super) fn check_releases(draft: &Draft, errors: &mut Vec<DesignError>) {
    if draft.releases.is_empty() {
        return;
    }
    let begun = draft.releases.iter().flat_map(|release| &release.needs);
    let needs: BTreeSet<String> = draft.needs.iter().chain(begun).map(Need::name).collect();
    let added = draft.releases.iter().flat_map(|release| &release.adds).map(|addition| &addition.rule);
    let rules = draft.rulebooks.iter().flat_map(|book| &book.tiers).flat_map(|tier| &tier.rules).chain(added);
    let objects: BTreeSet<&String> = rules.filter_map(|rule| rule.provenance.object.as_ref()).collect();
    for release in &draft.releases {
        let unknown =
            |kind, name: &String| DesignError::UnknownName { kind, name: name.clone(), span: release.provenance.span };
        errors.extend(release.ends.iter().filter(|name| !needs.contains(*name)).map(|name| unknown("need", name)));
        let gone = release.retires.iter().filter(|name| !objects.contains(name));
        errors.extend(gone.map(|name| unknown("object of rules", name)));
        for addition in &release.adds {
            let (rule, span) = (&addition.rule, addition.rule.provenance.span);
            match draft.rulebooks.get(addition.rulebook.0 as usize).map(|book| (book, book.tiers.as_slice())) {
                None => errors.push(unknown("rulebook", &format!("#{}", addition.rulebook.0))),
                Some((_, [tier])) if tier.order == Order::AllowUnion && rule.action != Action::Allow => {
                    errors.push(DesignError::NotAnAllow { tier: tier.name.clone(), action: rule.action, span });
                }
                Some((_, [_])) => {}
                Some((book, tiers)) => {
                    let (release, rulebook) = (release.name.clone(), book.name.clone());
                    errors.push(DesignError::SeveralTiers { release, rulebook, tiers: tiers.len(), span });
                }
            }
        }
    }
}

/// The host of each unit; hosts that are not there, or that run on each other, are errors.
pub(super) fn check_hosts(
    draft: &Draft,
    by_name: &BTreeMap<String, UnitId>,
    errors: &mut Vec<DesignError>,
) -> Vec<Option<UnitId>> {
    let mut hosts = Vec::with_capacity(draft.units.len());
    for unit in &draft.units {
        let host = unit.host.as_ref().and_then(|name| by_name.get(name).copied());
        if let (Some(name), None) = (&unit.host, host) {
            let span = unit.provenance.span;
            errors.push(DesignError::UnknownName { kind: "unit", name: name.clone(), span });
        }
        hosts.push(host);
    }
    for (unit, &host) in draft.units.iter().zip(&hosts) {
        let mut at = host;
        let mut steps = 0;
        while let Some(above) = at {
            steps += 1;
            if steps > hosts.len() {
                errors.push(DesignError::HostCycle { unit: unit.name.clone(), span: unit.provenance.span });
                break;
            }
            at = hosts.get(above.index()).copied().flatten();
        }
    }
    hosts
}

/// Known addresses by address space; two units that share one undeclared are an error.
pub(super) fn check_addresses(draft: &Draft, errors: &mut Vec<DesignError>) -> BTreeMap<String, AddressSet> {
    let mut holders: BTreeMap<&str, BTreeMap<IpAddr, (&Unit, bool)>> = BTreeMap::new();
    for unit in &draft.units {
        if unit.interfaces.is_empty() {
            errors.push(DesignError::NoInterface { unit: unit.name.clone(), span: unit.provenance.span });
        }
        for interface in &unit.interfaces {
            let held = holders.entry(&interface.space).or_default();
            let Address::Known(address) = interface.address else { continue };
            if let Some((other, shared)) = held.insert(address, (unit, interface.shared))
                && !(shared && interface.shared)
            {
                // Units are sorted by name; the second of two is the one that is written later.
                let in_order = unit.provenance.span >= other.provenance.span;
                let (unit, other) = if in_order { (unit, other) } else { (other, unit) };
                errors.push(DesignError::DuplicateAddress {
                    unit: unit.name.clone(),
                    other: other.name.clone(),
                    address,
                    space: interface.space.clone(),
                    span: unit.provenance.span,
                    first: other.provenance.span,
                });
            }
        }
    }
    holders
        .into_iter()
        .map(|(space, held)| (space.to_owned(), AddressSet::from_ranges(held.into_keys().map(|one| (one, one)))))
        .collect()
}
