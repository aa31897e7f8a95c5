//! What is surprising in manifests that are valid: each surprise with its place and what to do about it.

use super::index::Index;
use super::manifest::list;
use super::namespace::Namespaces;
use super::policy::{NamedPort, Policy, PolicyTier};
use super::selector::{NAMESPACE_NAME, in_namespace, key, namespace_key, questions};
use super::service::Service;
use seglab_policy::{Action, Diagnostic, Direction, NAMESPACE_PREFIX, Peer, Span, Unit, count};
use std::collections::{BTreeMap, BTreeSet};

/// What there is to look at.
pub(super) struct Input<'a> {
    /// The policies.
    pub(super) policies: &'a [Policy],
    /// The services.
    pub(super) services: &'a [Service],
    /// The namespaces.
    pub(super) namespaces: &'a Namespaces,
    /// The units.
    pub(super) units: Index<'a>,
}

/// Every surprise.
pub(super) fn surprises(input: &Input<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for policy in input.policies {
        let kind = policy.kind();
        let alike = input.policies.iter().filter(|other| other.kind() == kind).count();
        found.extend(opens_everything(policy).into_iter().map(|one| one.with_among(alike, kind)));
    }
    if input.units.units().is_empty() {
        found.extend(input.no_units());
        return found;
    }
    for policy in input.policies {
        if let Some(idle) = input.subject_without_units(policy) {
            // Nothing else that is odd about a policy without effect has one.
            found.push(idle);
            continue;
        }
        found.extend(input.peers_without_units(policy));
        found.extend(policy.named_ports.iter().filter_map(|port| input.unknown_port(policy, port)));
    }
    found.extend(input.services.iter().filter_map(|service| input.service_without_units(service)));
    found.extend(input.namespaces_without_policy());
    found.extend(input.namespaces_without_labels());
    found
}

/// A rule without peers and without ports lets everything through. In a policy that looks as if it were to restrict
/// something, that is rarely meant.
fn opens_everything(policy: &Policy) -> Vec<Diagnostic> {
    let first = |direction| policy.opens.iter().find(|(of, _)| *of == direction);
    let mut found = Vec::new();
    if !policy.restrictive {
        return found;
    }
    if let Some((_, span)) = first(Direction::Egress) {
        let message = format!(
            "`{}` opens all egress: the pods that it selects may connect to anything, the internet included",
            policy.title
        );
        found.push(
            Diagnostic::warning("opens-all-egress", message, Some(*span))
                .with_help("name the destinations under `to`; `egress: []` with the type `Egress` opens nothing"),
        );
    }
    if let Some((_, span)) = first(Direction::Ingress) {
        let message = format!(
            "`{}` opens all ingress: anything, the internet included, may connect to the pods that it selects, on \
             every port",
            policy.title
        );
        found.push(
            Diagnostic::warning("opens-all-ingress", message, Some(*span))
                .with_help("name the sources under `from`, or at least the `ports`"),
        );
    }
    found
}

impl Input<'_> {
    fn count(&self) -> String {
        format!("0 of {}", count(self.units.units().len() as u64, "pod", "pods"))
    }

    fn no_units(&self) -> Option<Diagnostic> {
        let first = self.policies.iter().map(|policy| policy.span).min()?;
        let count = match self.policies.len() {
            1 => "the policy has".to_owned(),
            many => format!("{many} policies have"),
        };
        let message = format!("no pods were read: {count} nobody to select");
        Some(
            Diagnostic::warning("no-pods", message, Some(first))
                .with_help("read the manifests of the workloads together with the policies"),
        )
    }

    fn subject_without_units(&self, policy: &Policy) -> Option<Diagnostic> {
        if self.units.selects_any(&policy.subject) {
            return None;
        }
        if let Some(namespace) = &policy.namespace
            && !self.units.selects_any(&in_namespace(namespace))
        {
            let message =
                format!("`{}` stands in the namespace `{namespace}`, in which there are no pods", policy.title);
            return Some(
                Diagnostic::warning("namespace-without-pods", message, Some(policy.span))
                    .with_help("correct the namespace, or read the manifests of its workloads, too"),
            );
        }
        let message = format!("`{}` selects {} and has no effect", policy.title, self.count());
        Some(
            Diagnostic::warning("selects-nothing", message, Some(policy.subject_span))
                .with_help("compare the selector with the labels of the pods that it is meant for"),
        )
    }

    fn peers_without_units(&self, policy: &Policy) -> Vec<Diagnostic> {
        let mut seen = BTreeSet::new();
        let idle =
            policy.peers.iter().filter(|(selector, span)| !self.units.selects_any(selector) && seen.insert(*span));
        idle.map(|(_, span)| {
            let message = format!("a peer of `{}` selects {}", policy.title, self.count());
            Diagnostic::warning("peer-selects-nothing", message, Some(*span))
                .with_help("correct the selector, or read the manifests of the pods that it is meant for, too")
        })
        .collect()
    }

    /// A named port is resolved at the destination. Where none of the destinations has it, the rule matches nothing:
    /// an allow that does not, and, worse, a deny that does not.
    fn unknown_port(&self, policy: &Policy, port: &NamedPort) -> Option<Diagnostic> {
        let has_it = |unit: &Unit| {
            unit.named_ports(&port.name).any(|(protocol, _)| port.protocol.is_none_or(|wanted| wanted == protocol))
        };
        let known = port.to.iter().any(|peer| match peer {
            Peer::Units(selector) => self.units.selected(selector).any(has_it),
            Peer::Anyone | Peer::Addresses { .. } | Peer::Unmodelled(_) => self.units.units().iter().any(has_it),
        });
        if known {
            return None;
        }
        let NamedPort { name, span, action, .. } = port;
        let (code, effect) = match action {
            Action::Deny => ("unknown-port-denied", "the deny stops nothing, and what it was to stop stays open"),
            Action::Allow => ("unknown-port", "the rule allows nothing"),
            Action::Pass => ("unknown-port", "the rule passes nothing on"),
        };
        let message =
            format!("`{}` speaks of a port called `{name}`, which no destination has: {effect}", policy.title);
        let help = match action {
            Action::Deny => "write the number of the port: a deny by name fails open",
            Action::Allow | Action::Pass => "correct the name, or give it to a port of the destination's containers",
        };
        Some(Diagnostic::warning(code, message, Some(*span)).with_help(help))
    }

    fn service_without_units(&self, service: &Service) -> Option<Diagnostic> {
        let selector = service.selector.as_ref().filter(|selector| !self.units.selects_any(selector))?;
        let in_place =
            if self.units.selects_any(&in_namespace(&service.namespace)) { "" } else { " of its empty namespace" };
        let mut asked = BTreeSet::new();
        questions(selector, &mut asked);
        let looked_at = asked.into_iter().filter_map(key).filter(|key| !key.starts_with(NAMESPACE_PREFIX));
        let message = format!(
            "the Service `{}/{}` selects no pod{in_place} by {}",
            service.namespace,
            service.name,
            list(looked_at)
        );
        Some(
            Diagnostic::warning("service-selects-nothing", message, Some(service.span))
                .with_help("correct its selector, or read the manifests of its pods, too"),
        )
    }

    /// The units of each namespace.
    fn by_namespace(&self) -> BTreeMap<&str, Vec<&Unit>> {
        let mut found: BTreeMap<&str, Vec<&Unit>> = BTreeMap::new();
        for unit in self.units.units() {
            if let Some(namespace) = unit.labels.get(&namespace_key(NAMESPACE_NAME)) {
                found.entry(namespace).or_default().push(unit);
            }
        }
        found
    }

    fn namespaces_without_policy(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (namespace, units) in self.by_namespace() {
            let covered = self.policies.iter().any(|policy| match policy.tier {
                PolicyTier::Namespaced => policy.namespace.as_deref() == Some(namespace),
                PolicyTier::Admin | PolicyTier::Baseline => units.iter().any(|unit| policy.subject.matches(unit)),
            });
            if covered {
                continue;
            }
            let place: Option<Span> =
                self.namespaces.span(namespace).or(units.first().and_then(|unit| unit.provenance.span));
            let pods = count(units.len() as u64, "pod", "pods");
            let message =
                format!("no policy looks at the namespace `{namespace}`: its {pods} may be reached by anyone");
            found.push(
                Diagnostic::warning("namespace-without-policy", message, place)
                    .with_help("start with a NetworkPolicy that selects every pod and allows nothing"),
            );
        }
        found
    }

    /// Selectors of namespaces by label cannot be answered for a namespace that no object describes.
    fn namespaces_without_labels(&self) -> Option<Diagnostic> {
        let mut asked = BTreeSet::new();
        for policy in self.policies {
            questions(&policy.subject, &mut asked);
            policy.peers.iter().for_each(|(selector, _)| questions(selector, &mut asked));
        }
        let name = namespace_key(NAMESPACE_NAME);
        let asked: BTreeSet<&str> =
            asked.into_iter().filter_map(key).filter(|key| key.starts_with(NAMESPACE_PREFIX) && *key != name).collect();
        let namespaces = self.by_namespace();
        let unknown: Vec<&str> = namespaces.keys().copied().filter(|name| !self.namespaces.contains(name)).collect();
        if asked.is_empty() || unknown.is_empty() {
            return None;
        }
        let first = namespaces.get(unknown.first().copied()?)?.first()?.provenance.span;
        let labels = asked.into_iter().map(|key| key.trim_start_matches(NAMESPACE_PREFIX));
        let message = format!(
            "policies ask for the labels {} of namespaces, and no Namespace object was read for {}: they count as \
             having none of them",
            list(labels),
            list(unknown)
        );
        Some(
            Diagnostic::warning("namespace-labels-unknown", message, first)
                .with_help("read the Namespace objects, too"),
        )
    }
}
