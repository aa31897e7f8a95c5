//! The rulebook of a cluster, and the point that carries it.

use super::policy::{Policy, PolicyTier};
use super::selector::every_pod;
use seglab_policy::{Action, EnforcementPoint, Order, Placement, Rulebook, RulebookId, Scope, Tier};
use std::collections::BTreeSet;

/// The name of the rulebook, of its point, and of what distributes it.
pub(super) const NAME: &str = "kubernetes";

/// The position of the tier of `NetworkPolicy`.
pub(super) const NETWORK_POLICY: u32 = 1;

/// The tiers of a cluster, in their order.
///
/// Administrators' rules carry their subject, so that their tiers are in scope everywhere and pass what no rule
/// matches. A `NetworkPolicy` isolates whom it selects, in the directions that it is of.
pub(super) fn rulebook(policies: Vec<Policy>) -> Rulebook {
    let first_match = |name: &str| Tier {
        name: name.to_owned(),
        order: Order::FirstMatchUndefinedTies,
        scope: Scope::Everything,
        otherwise: Action::Pass,
        rules: Vec::new(),
    };
    let mut admin = first_match("admin");
    let mut baseline = first_match("baseline");
    let mut namespaced = Vec::new();
    let (mut egress, mut ingress) = (BTreeSet::new(), BTreeSet::new());
    for policy in policies {
        match policy.tier {
            PolicyTier::Admin => admin.rules.extend(policy.rules),
            PolicyTier::Baseline => baseline.rules.extend(policy.rules),
            PolicyTier::Namespaced => {
                namespaced.extend(policy.rules);
                if policy.isolates.egress {
                    egress.insert(policy.subject.clone());
                }
                if policy.isolates.ingress {
                    ingress.insert(policy.subject);
                }
            }
        }
    }
    let network_policy = Tier {
        name: "network-policy".to_owned(),
        order: Order::AllowUnion,
        scope: Scope::Units { egress: egress.into_iter().collect(), ingress: ingress.into_iter().collect() },
        otherwise: Action::Deny,
        rules: namespaced,
    };
    Rulebook {
        name: NAME.to_owned(),
        // The second is `NETWORK_POLICY`.
        tiers: vec![admin, network_policy, baseline],
        default_allow: true,
        stateful: true,
    }
}

/// The network plug-in, at every pod.
pub(super) fn point(rulebook: RulebookId) -> EnforcementPoint {
    EnforcementPoint {
        placement: Placement::Units(every_pod()),
        exempts_host: true,
        controller: Some(NAME.to_owned()),
        ..EnforcementPoint::ideal(NAME, rulebook)
    }
}
