//! What network policies of every kind come to: rules, and what there is to check about them once the units are known.

use super::manifest::Manifest;
use seglab_policy::{Action, Direction, Directions, Peer, Provenance, Rule, Selector, Service, Span, Transport};

/// A policy that has been read.
pub(super) struct Policy {
    /// Kind, namespace and name.
    pub(super) title: String,
    /// The namespace that it stands in; `None` for cluster-wide ones.
    pub(super) namespace: Option<String>,
    /// Its name in the file.
    pub(super) span: Span,
    /// Whom it applies to.
    pub(super) subject: Selector,
    /// Where that is written.
    pub(super) subject_span: Span,
    /// What it belongs to.
    pub(super) tier: PolicyTier,
    /// The directions in which it isolates its subject; of a [`PolicyTier::Namespaced`] policy only.
    pub(super) isolates: Directions,
    /// Its rules.
    pub(super) rules: Vec<Rule>,
    /// The selectors among its peers, with their places.
    pub(super) peers: Vec<(Selector, Span)>,
    /// The ports that it knows by name.
    pub(super) named_ports: Vec<NamedPort>,
    /// Rules that let everything through, with their places.
    pub(super) opens: Vec<(Direction, Span)>,
    /// True if it looks as if it were to restrict something: it selects pods by label, or has other rules.
    pub(super) restrictive: bool,
}

impl Policy {
    /// Its kind: `NetworkPolicy`.
    pub(super) fn kind(&self) -> &str {
        self.title.split(' ').next().unwrap_or_default()
    }
}

/// The tier of the rulebook that a policy belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PolicyTier {
    /// Before NetworkPolicy.
    Admin,
    /// NetworkPolicy.
    Namespaced,
    /// After NetworkPolicy.
    Baseline,
}

/// A port by name, in a rule.
pub(super) struct NamedPort {
    /// The protocol, where the rule names one.
    pub(super) protocol: Option<Transport>,
    /// The name.
    pub(super) name: String,
    /// Where it is written.
    pub(super) span: Span,
    /// What its rule does.
    pub(super) action: Action,
    /// The destinations of its rule.
    pub(super) to: Vec<Peer>,
}

impl Policy {
    /// A policy without rules.
    pub(super) fn new(
        manifest: &Manifest<'_>,
        tier: PolicyTier,
        namespace: Option<&str>,
        subject: Selector,
        subject_span: Span,
    ) -> Self {
        Self {
            title: manifest.title(),
            namespace: namespace.map(str::to_owned),
            span: manifest.span(),
            subject,
            subject_span,
            tier,
            isolates: Directions::default(),
            rules: Vec::new(),
            peers: Vec::new(),
            named_ports: Vec::new(),
            opens: Vec::new(),
            restrictive: false,
        }
    }

    /// Adds what one entry under `ingress` or `egress` says: a rule for every peer.
    pub(super) fn add(&mut self, entry: RuleEntry) {
        let RuleEntry { direction, action, priority, peers, services, ports, provenance } = entry;
        for (name, protocol, span) in ports {
            let to = match direction {
                Direction::Egress => peers.iter().map(|(peer, _)| peer.clone()).collect(),
                Direction::Forward | Direction::Ingress => vec![Peer::Units(self.subject.clone())],
            };
            self.named_ports.push(NamedPort { protocol, name, span, action, to });
        }
        for (peer, span) in peers {
            if let Peer::Units(selector) = &peer {
                self.peers.push((selector.clone(), span));
            }
            let subject = Peer::Units(self.subject.clone());
            let (from, to) = match direction {
                Direction::Egress => (subject, peer),
                Direction::Forward | Direction::Ingress => (peer, subject),
            };
            self.rules.push(Rule {
                directions: Directions::only(direction),
                from,
                to,
                services: services.clone(),
                action,
                priority,
                provenance: Provenance { span: Some(span), ..provenance.clone() },
            });
        }
    }
}

/// One entry under `ingress` or `egress`.
pub(super) struct RuleEntry {
    /// The direction.
    pub(super) direction: Direction,
    /// What it does.
    pub(super) action: Action,
    /// The priority of its policy.
    pub(super) priority: i64,
    /// The other side, each with its place.
    pub(super) peers: Vec<(Peer, Span)>,
    /// The services.
    pub(super) services: Vec<Service>,
    /// Names of ports among the services, with protocol and place.
    pub(super) ports: Vec<(String, Option<Transport>, Span)>,
    /// The provenance of its rules but for the place, which is their peer's.
    pub(super) provenance: Provenance,
}
