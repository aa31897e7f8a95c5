//! Properties of a lab file as they are written.

use super::at::{At, Text, Texts};
use schemars::JsonSchema;
use serde::Deserialize;

/// A claim about the design, by its kind.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PropertyDoc {
    /// Whoever owns a unit of `from` never reaches `to`.
    Isolated(IsolatedDoc),
    /// The flow works.
    Allowed(AllowedDoc),
    /// Every path from `from` to `to` passes a unit of `via`.
    OnlyThrough(OnlyThroughDoc),
    /// No unit of `from` has a blast radius above the bound.
    BlastRadius(BlastRadiusDoc),
    /// Only units of `only` can be reached from external addresses, or can reach them.
    Exposed(ExposedDoc),
    /// Every connection that a unit of `from` can open is to `to`.
    EgressOnlyTo(EgressOnlyToDoc),
    /// Every connection that can be opened is one of `flows`: least privilege.
    Only(OnlyDoc),
    /// Every connection that can be opened can be opened in another design.
    Within(WithinDoc),
    /// The same connections can be opened as in another design.
    Equal(EqualDoc),
    /// With every allow rule taken to match nothing, no connection reaches or leaves a unit.
    DefaultDeny(DefaultDenyDoc),
    /// No unit has more entries, or exits, than so many.
    Surface(SurfaceDoc),
    /// No rule is hidden by rules that go before it.
    NoShadowedRules(NoShadowedRulesDoc),
    /// Without any one rule some connection would have another verdict.
    NoRedundantRules(NoRedundantRulesDoc),
    /// No verdict is in doubt because rules of equal rank disagree.
    NoUndefinedOrder(NoUndefinedOrderDoc),
}

impl PropertyDoc {
    /// The path of the other design that the claim is about, where it is about one.
    pub(super) fn reference(&self) -> Option<&Text> {
        match self {
            PropertyDoc::Within(given) => Some(&given.design),
            PropertyDoc::Equal(given) => Some(&given.design),
            _ => None,
        }
    }

    /// The parts that every claim has.
    pub(super) fn asked(&self) -> Asked<'_> {
        match self {
            PropertyDoc::Isolated(given) => given.asked(),
            PropertyDoc::Allowed(given) => given.asked(),
            PropertyDoc::OnlyThrough(given) => given.asked(),
            PropertyDoc::BlastRadius(given) => given.asked(),
            PropertyDoc::Exposed(given) => given.asked(),
            PropertyDoc::EgressOnlyTo(given) => given.asked(),
            PropertyDoc::Only(given) => given.asked(),
            PropertyDoc::Within(given) => given.asked(),
            PropertyDoc::Equal(given) => given.asked(),
            PropertyDoc::DefaultDeny(given) => given.asked(),
            PropertyDoc::Surface(given) => given.asked(),
            PropertyDoc::NoShadowedRules(given) => given.asked(),
            PropertyDoc::NoRedundantRules(given) => given.asked(),
            PropertyDoc::NoUndefinedOrder(given) => given.asked(),
        }
    }
}

// Every claim comes with the question that it is asked under.
macro_rules! claim {
    ($(#[$about:meta])* $name:ident { $($(#[$note:meta])* $field:ident : $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub(super) struct $name {
            $($(#[$note])* pub(super) $field: $type,)*
            /// The name, unique in the design; the kind and a number where it is absent.
            pub(super) id: Option<String>,
            /// Which ports count: `policy` or `service`.
            pub(super) view: Option<Text>,
            /// What carries an attacker on: `any`, `service`, `exploitable` or `either-way`.
            pub(super) pivot: Option<Text>,
            /// What still enforces: `intact`, `own-agent-void` or `controller-void`.
            pub(super) trust: Option<Text>,
            /// The most connections that an attacker may string together; 1 for direct reach.
            pub(super) hops: Option<At<u32>>,
            /// Whether units that do not exist yet are meant, too; `isolated` only.
            pub(super) ever: Option<At<bool>>,
            /// Why it is claimed.
            pub(super) reason: Option<String>,
            /// Who answers for it.
            pub(super) owner: Option<String>,
            /// The change that brought it.
            pub(super) ticket: Option<String>,
        }

        impl $name {
            fn asked(&self) -> Asked<'_> {
                Asked {
                    id: self.id.as_deref(),
                    view: self.view.as_ref(),
                    pivot: self.pivot.as_ref(),
                    trust: self.trust.as_ref(),
                    hops: self.hops.as_ref(),
                    ever: self.ever.as_ref(),
                    notes: [&self.reason, &self.owner, &self.ticket],
                }
            }
        }
    };
}

/// The parts that every claim has.
pub(super) struct Asked<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) view: Option<&'a Text>,
    pub(super) pivot: Option<&'a Text>,
    pub(super) trust: Option<&'a Text>,
    pub(super) hops: Option<&'a At<u32>>,
    pub(super) ever: Option<&'a At<bool>>,
    /// Reason, owner, ticket.
    pub(super) notes: [&'a Option<String>; 3],
}

claim!(
    /// `from` never reaches `to`.
    IsolatedDoc {
        /// Units that an attacker starts from, or external addresses.
        from: Texts,
        /// What must stay out of reach.
        to: Texts,
        /// Services of the last hop that count; any where it is absent.
        service: Option<Texts>,
        /// Several of them.
        services: Option<Texts>,
    }
);
claim!(
    /// Every connection from `from` to `to` works.
    AllowedDoc {
        /// Who opens the connections.
        from: Texts,
        /// To whom.
        to: Texts,
        /// On which service.
        service: Option<Texts>,
        /// On which services.
        services: Option<Texts>,
    }
);
claim!(
    /// `to` is reached from `from` through `via` only.
    OnlyThroughDoc {
        /// Units that an attacker starts from, or external addresses.
        from: Texts,
        /// What may be reached through `via` only.
        to: Texts,
        /// The waypoint: a selector.
        via: Text,
        /// Services of the last hop that count; any where it is absent.
        service: Option<Texts>,
        /// Several of them.
        services: Option<Texts>,
    }
);
claim!(
    /// The blast radius of every unit of `from` stays within a bound.
    BlastRadiusDoc {
        /// The units whose blast radius is taken: a selector.
        from: Text,
        /// The bound: units as `2`, a share of all units as `25%`, or weighed as `criticality 7`.
        at_most: Text,
        /// What of the blast radii is bounded: `max`, `mean` or a percentile as `p95`; max where it is absent.
        of: Option<Text>,
    }
);
claim!(
    /// Only `only` is exposed; exactly one of `from` and `to`.
    ExposedDoc {
        /// External addresses from which units are reached: `internet`, `external` or ranges.
        from: Option<Texts>,
        /// External addresses that units reach.
        to: Option<Texts>,
        /// The units that may be exposed: a selector.
        only: Text,
        /// The service on which they may; any where it is absent.
        service: Option<Texts>,
        /// The services on which they may.
        services: Option<Texts>,
    }
);

claim!(
    /// Units of `from` open connections to `to` only.
    EgressOnlyToDoc {
        /// The units: a selector.
        from: Text,
        /// To whom they may open connections.
        to: Texts,
        /// On which service; any where it is absent.
        service: Option<Texts>,
        /// On which services.
        services: Option<Texts>,
    }
);
claim!(
    /// What is listed is all that is possible.
    OnlyDoc {
        /// The connections that may be possible.
        flows: Vec<At<FlowDoc>>,
        /// Only connections between two units of it are meant: a selector; every connection where it is absent.
        among: Option<Text>,
    }
);
claim!(
    /// This design allows no more than another.
    WithinDoc {
        /// The other design: the path of a lab file, or of manifests, relative to this file.
        design: Text,
    }
);
claim!(
    /// This design allows what another does.
    EqualDoc {
        /// The other design: the path of a lab file, or of manifests, relative to this file.
        design: Text,
    }
);
claim!(
    /// Nothing passes that no rule allows.
    DefaultDenyDoc {
        /// The units: a selector.
        units: Text,
        /// `ingress`: what reaches them, `egress`: what leaves them, or `both`; both where it is absent.
        directions: Option<Text>,
    }
);
claim!(
    /// Who can connect to a unit, and to whom it can; at least one of the bounds.
    SurfaceDoc {
        /// The units: a selector.
        units: Text,
        /// The most that can connect to each: other units, named external sources, and one for all addresses.
        entries_at_most: Option<At<u32>>,
        /// The most to which each can connect.
        exits_at_most: Option<At<u32>>,
    }
);

claim!(
    /// Rules that others hide.
    NoShadowedRulesDoc {
        /// The rulebook that is meant; every one where it is absent.
        policy: Option<Text>,
    }
);
claim!(
    /// Rules that change nothing.
    NoRedundantRulesDoc {
        /// The rulebook that is meant; every one where it is absent.
        policy: Option<Text>,
    }
);
claim!(
    /// Rules whose order is not defined.
    NoUndefinedOrderDoc {
        /// The rulebook that is meant; every one where it is absent.
        policy: Option<Text>,
    }
);

/// Connections from somebody to somebody.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FlowDoc {
    /// Who opens them.
    pub(super) from: Texts,
    /// To whom.
    pub(super) to: Texts,
    /// On which service; any where it is absent.
    pub(super) service: Option<Texts>,
    /// On which services.
    pub(super) services: Option<Texts>,
}
