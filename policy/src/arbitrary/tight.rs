//! Policies in which one rule decides: what a judge gets wrong about it shows in the verdict.
//!
//! One point that meets the target carries one tier with one *pivot*, a rule that either matches the target by
//! several features at once or fails to by exactly one. Whatever stands around it (tiers before and after, what
//! happens otherwise, further points) says the opposite, out of scope, passed, or overridden.

use super::draw::Draw;
use super::features::Feature;
use super::inventory::provenance;
use super::near::{hinge, surely};
use super::rules;
use super::target::{End, Target};
use crate::{
    Action, Directions, Draft, EnforcementPoint, Header, Level, Mode, Order, Placement, PointKind, Rule, Rulebook,
    RulebookId, Scope, Selector, Tier,
};

/// Features that keep the pivot from matching.
const MISSES: [Feature; 10] = [
    Feature::DestinationPorts,
    Feature::SourcePorts,
    Feature::Transports,
    Feature::IcmpTypes,
    Feature::Addresses,
    Feature::Exceptions,
    Feature::CoversExternal,
    Feature::RuleSelectors,
    Feature::RuleDirections,
    Feature::Negation,
];

/// Features by which the pivot matches, or may.
const HITS: [Feature; 9] = [
    Feature::NamedPorts,
    Feature::PortRanges,
    Feature::ProtocolNumbers,
    Feature::Ipv6,
    Feature::KnownAddresses,
    Feature::AddressesWithin,
    Feature::CoversAll,
    Feature::SharedAddresses,
    Feature::UnmodelledPeers,
];

/// Features that take a point's denial away, or whose neutral form allows.
const DENIALS: [Feature; 9] = [
    Feature::Kinds,
    Feature::Controllers,
    Feature::Modes,
    Feature::PointDirections,
    Feature::HostExemption,
    Feature::Default,
    Feature::AtUnits,
    Feature::Between,
    Feature::Around,
];

/// Features that show where points allow.
const ALLOWANCES: [Feature; 5] =
    [Feature::Stateless, Feature::Spaces, Feature::Routes, Feature::ExternalPaths, Feature::ExternalSources];

/// What the one deciding rule is to do.
struct Plan<'a> {
    wishes: &'a [Feature],
    /// Whether the pivot is to match the target.
    matches: bool,
    /// What the pivot says.
    action: Action,
}

impl Plan<'_> {
    fn wishes(&self, feature: Feature) -> bool {
        self.wishes.contains(&feature)
    }

    /// What everything but the pivot says.
    fn opposite(&self) -> Action {
        if self.action == Action::Allow { Action::Deny } else { Action::Allow }
    }

    fn wished_of(&self, features: &[Feature]) -> impl Iterator<Item = Feature> {
        self.wishes.iter().copied().filter(|wish| features.contains(wish))
    }
}

/// Fills in rulebooks and the points that carry them.
pub(super) fn fill(draw: &mut Draw, draft: &mut Draft, target: &Target, wishes: &[Feature]) {
    let wished = |features: &[Feature]| wishes.iter().any(|wish| features.contains(wish));
    let matches = if wished(&HITS) { draw.chance(80) } else { !wished(&MISSES) && draw.chance(60) };
    let denied = wished(&DENIALS) || draw.chance(50);
    let allowed = wished(&ALLOWANCES);
    let denies = denied && !allowed;
    // A later deny shows the order of a tier where an earlier allow wins.
    let denies = denies && (wished(&DENIALS) || !wished(&[Feature::FirstMatch, Feature::AllowUnion]));
    let action = if matches == denies { Action::Deny } else { Action::Allow };
    let action = if wished(&[Feature::AllowUnion]) { Action::Allow } else { action };
    let plan = Plan { wishes, matches, action };
    let main = rulebook(draw, &plan, target);
    draft.rulebooks = vec![main, beside(draw, &plan, target)];
    let mut points = vec![main_point(draw, &plan, target)];
    if plan.wishes(Feature::Series) || draw.chance(40) {
        let mut second = rules::point(draw, 1, 2, target);
        second.rulebook = RulebookId(1);
        points.insert(0, second);
    }
    for (at, point) in points.iter_mut().enumerate() {
        point.name = format!("point {at}");
    }
    draft.points = points;
}

/// What another point carries: mostly nothing that matters.
fn beside(draw: &mut Draw, plan: &Plan<'_>, target: &Target) -> Rulebook {
    let mut book = rules::rulebook(draw, 1, target);
    if plan.wishes(Feature::Series) || draw.chance(75) {
        book.tiers.iter_mut().for_each(|tier| {
            tier.otherwise = Action::Pass;
            tier.rules.retain(|rule| rule.action != Action::Deny);
        });
        (book.default_allow, book.stateful) = (true, true);
    }
    book
}

fn rulebook(draw: &mut Draw, plan: &Plan<'_>, target: &Target) -> Rulebook {
    let mut tiers = Vec::new();
    if plan.wishes(Feature::Scope) || draw.chance(22) {
        tiers.push(out_of_scope(draw, plan, target));
    }
    if plan.wishes(Feature::Pass) || draw.chance(22) {
        tiers.push(passing(draw, plan));
    }
    if tiers.is_empty() && (plan.wishes(Feature::Tiers) || draw.chance(15)) {
        tiers.push(Tier { name: String::new(), rules: Vec::new(), ..out_of_scope(draw, plan, target) });
    }
    tiers.push(pivotal(draw, plan, target));
    if draw.chance(25) {
        let last = rules::rulebook(draw, 0, target).tiers;
        tiers.extend(last.into_iter().take(1));
    }
    for (at, tier) in tiers.iter_mut().enumerate() {
        tier.name = format!("tier {at}");
    }
    let decides_before = tiers.last().is_some_and(|tier| tier.otherwise != Action::Pass);
    let default = if plan.wishes(Feature::Otherwise) && decides_before { plan.action } else { plan.opposite() };
    Rulebook {
        name: "book 0".to_owned(),
        tiers,
        default_allow: default == Action::Allow,
        stateful: !plan.wishes(Feature::Stateless) && draw.chance(65),
    }
}

/// A tier that would decide the other way round, were the target in its scope.
fn out_of_scope(draw: &mut Draw, plan: &Plan<'_>, target: &Target) -> Tier {
    let rule = surely(draw, plan.action_if_other());
    let not = |draw: &mut Draw, end: &End| match end.labels.iter().next() {
        Some((key, value)) if draw.chance(70) => Selector::NotIn { key: key.clone(), values: vec![value.clone()] },
        _ => Selector::Named("nobody".to_owned()),
    };
    let scope = Scope::Units {
        egress: draw.list(0, 1, |draw| not(draw, &target.source)),
        ingress: draw.list(0, 1, |draw| not(draw, &target.destination)),
    };
    let order = draw.pick([Order::FirstMatch, Order::FirstMatchUndefinedTies, Order::DenyOverrides]);
    Tier { name: String::new(), order, scope, otherwise: Action::Pass, rules: vec![rule] }
}

impl Plan<'_> {
    /// What the main tier comes to.
    fn outcome(&self) -> Action {
        if self.matches { self.action } else { self.opposite() }
    }

    /// The opposite of what the main tier comes to.
    fn action_if_other(&self) -> Action {
        if self.matches { self.opposite() } else { self.action }
    }
}

/// A tier that passes by a rule, and would decide the other way round otherwise.
fn passing(draw: &mut Draw, plan: &Plan<'_>) -> Tier {
    let otherwise = plan.action_if_other();
    let order = draw.pick([Order::FirstMatch, Order::FirstMatchUndefinedTies, Order::DenyOverrides]);
    let rules = vec![surely(draw, Action::Pass)];
    Tier { name: String::new(), order, scope: Scope::Everything, otherwise, rules }
}

fn order(draw: &mut Draw, plan: &Plan<'_>) -> Order {
    let wished = |feature, order| plan.wishes(feature).then_some(order);
    wished(Feature::AllowUnion, Order::AllowUnion)
        .or(wished(Feature::FirstMatch, Order::FirstMatch))
        .or(wished(Feature::Priority, Order::FirstMatch))
        .or(wished(Feature::UndefinedTies, Order::FirstMatchUndefinedTies))
        .or(wished(Feature::DenyOverrides, Order::DenyOverrides))
        .filter(|&order| order != Order::AllowUnion || plan.action == Action::Allow)
        .unwrap_or_else(|| {
            let order =
                draw.pick([Order::FirstMatch, Order::FirstMatchUndefinedTies, Order::DenyOverrides, Order::AllowUnion]);
            if order == Order::AllowUnion && plan.action != Action::Allow { Order::DenyOverrides } else { order }
        })
}

/// The tier with the deciding rule.
fn pivotal(draw: &mut Draw, plan: &Plan<'_>, target: &Target) -> Tier {
    let order = order(draw, plan);
    let mut pivot = pivot(draw, plan, target);
    let mut rules = Vec::new();
    match order {
        Order::AllowUnion if plan.wishes(Feature::AllowUnion) || draw.chance(60) => {
            rules.push(Rule { services: Vec::new(), ..surely(draw, Action::Allow) });
            rules.push(pivot);
        }
        Order::FirstMatch if plan.wishes(Feature::Priority) || plan.wishes(Feature::FirstMatch) || draw.chance(60) => {
            // The winner is followed by its opposite; where the pivot does not match, the winner is the rule after it.
            let mut priorities = [0, 0, 0];
            if plan.wishes(Feature::Priority) || draw.chance(35) {
                priorities = [-5, 0, 5];
            }
            let winners = [plan.opposite(), plan.action].map(|action| surely(draw, action));
            rules.push(pivot);
            rules.extend(winners.into_iter().take(if plan.matches { 1 } else { 2 }));
            rules.iter_mut().zip(priorities).for_each(|(rule, priority)| rule.priority = priority);
        }
        Order::FirstMatchUndefinedTies if plan.wishes(Feature::UndefinedTies) || draw.chance(45) => {
            pivot.provenance.object = Some("x".to_owned());
            let mut other = surely(draw, plan.opposite());
            other.provenance.object = Some("y".to_owned());
            rules.extend([pivot, other]);
        }
        Order::DenyOverrides if plan.wishes(Feature::DenyOverrides) || draw.chance(50) => {
            let (first, second) = if plan.action == Action::Deny {
                (surely(draw, Action::Allow), pivot)
            } else {
                // An allow decides only where no deny does.
                (pivot, Rule { services: Vec::new(), ..surely(draw, Action::Deny) })
            };
            rules.extend([first, second]);
        }
        _ => rules.push(pivot),
    }
    // A deny that did not match may have turned any verdict; an allow only where no deny stands against it.
    let turns = match order {
        Order::FirstMatch | Order::FirstMatchUndefinedTies => true,
        Order::DenyOverrides => plan.outcome() == Action::Allow,
        Order::AllowUnion => plan.outcome() == Action::Deny,
    };
    if turns {
        for at in 0..draw.between(1, 3) {
            rules.insert(0, missed(draw, plan, target, at == 0));
        }
    }
    if draw.chance(20) {
        rules.push(rules::rule(draw, order, target));
    }
    let pass = plan.wishes(Feature::Default) || (!plan.wishes(Feature::Otherwise) && draw.chance(45));
    let otherwise = if pass { Action::Pass } else { plan.opposite() };
    Tier { name: String::new(), order, scope: scope(draw, target), otherwise, rules }
}

/// A rule that goes before all others and would turn the verdict, but for one feature does not match.
fn missed(draw: &mut Draw, plan: &Plan<'_>, target: &Target, as_wished: bool) -> Rule {
    let possible: Vec<Feature> = MISSES.into_iter().filter(|&feature| keeps_apart(feature, target)).collect();
    let perhaps = |feature: &Feature| matches!(feature, Feature::RuleDirections | Feature::RuleSelectors);
    let wished: Vec<Feature> =
        plan.wished_of(&MISSES).filter(|feature| perhaps(feature) || possible.contains(feature)).collect();
    let feature = draw.of(&wished).filter(|_| as_wished).or_else(|| draw.of(&possible));
    let mut rule = Rule { priority: -6, ..surely(draw, plan.action_if_other()) };
    rule.provenance.object = Some("x".to_owned());
    hinge(draw, target, feature.unwrap_or(Feature::Negation), &mut rule);
    rule
}

/// True if a rule that hinges on the feature surely misses the target.
fn keeps_apart(feature: Feature, target: &Target) -> bool {
    let has_ports = matches!(target.header, Header::Transport { .. });
    let is_icmp = matches!(target.header, Header::Icmp { .. });
    match feature {
        Feature::DestinationPorts | Feature::SourcePorts | Feature::Transports => has_ports,
        Feature::IcmpTypes => is_icmp,
        Feature::CoversExternal => target.source.unit.is_some() || target.destination.unit.is_some(),
        Feature::RuleSelectors | Feature::RuleDirections => false,
        _ => true,
    }
}

/// A scope that the target is in.
fn scope(draw: &mut Draw, target: &Target) -> Scope {
    let fits = |draw: &mut Draw, end: &End| {
        draw.of(&end.names).filter(|_| draw.chance(50)).map_or(Selector::Everything, Selector::Named)
    };
    if draw.chance(70) {
        return Scope::Everything;
    }
    let (egress, ingress) = (vec![fits(draw, &target.source)], vec![fits(draw, &target.destination)]);
    Scope::Units { egress, ingress }
}

fn pivot(draw: &mut Draw, plan: &Plan<'_>, target: &Target) -> Rule {
    let mut pivot = Rule { provenance: provenance(draw), ..surely(draw, plan.action) };
    let hinges: Vec<Feature> = if plan.matches {
        let mut hits: Vec<Feature> = plan.wished_of(&HITS).collect();
        hits.extend((0..2).filter_map(|_| if draw.chance(60) { draw.of(&HITS) } else { None }));
        hits
    } else {
        let wished = plan.wished_of(&MISSES).next();
        wished.or_else(|| draw.of(&MISSES)).into_iter().collect()
    };
    // The first, which is wished for, comes last and keeps what it changes.
    for feature in hinges.into_iter().rev() {
        hinge(draw, target, feature, &mut pivot);
    }
    pivot
}

/// A point that meets the target and enforces.
fn main_point(draw: &mut Draw, plan: &Plan<'_>, target: &Target) -> EnforcementPoint {
    let mut point = rules::point(draw, 0, 1, target);
    let apart = |level: &Level| level.of(&target.source.place) != level.of(&target.destination.place);
    let levels: Vec<Level> = [Level::Site, Level::Zone, Level::Subnet].into_iter().filter(apart).collect();
    let around = |level: Level| {
        let ends = [&target.source, &target.destination];
        ends.into_iter().find_map(|end| level.of(&end.place)).map(|name| Placement::Around(level, name.to_owned()))
    };
    let level = draw.of(&levels);
    let at_unit = |end: &End| end.unit.and_then(|_| end.names.first()).cloned();
    let ends =
        if draw.chance(50) { [&target.source, &target.destination] } else { [&target.destination, &target.source] };
    let units = Placement::Units(ends.into_iter().find_map(at_unit).map_or(Selector::Everything, Selector::Named));
    let voidable = plan.wishes(Feature::Kinds) || plan.wishes(Feature::AtUnits);
    let between = plan.wishes(Feature::Between) || draw.chance(25);
    point.placement = match level {
        Some(level) if between && !voidable => Placement::Between(level),
        Some(level) if !voidable && (plan.wishes(Feature::Around) || draw.chance(30)) => around(level).unwrap_or(units),
        _ if draw.chance(20) => Placement::Units(Selector::Everything),
        _ => units,
    };
    point.kind = match point.placement {
        Placement::Units(_) if plan.wishes(Feature::Kinds) => draw.pick([PointKind::Agent, PointKind::Host]),
        Placement::Units(_) => draw.pick([PointKind::Agent, PointKind::Host, PointKind::Cloud]),
        Placement::Between(_) | Placement::Around(..) => PointKind::Appliance,
    };
    point.mode = if plan.wishes(Feature::Modes) || draw.chance(7) { Mode::Alert } else { Mode::Enforce };
    point.controller = (plan.wishes(Feature::Controllers) || draw.chance(20)).then(|| "controller".to_owned());
    point.exempts_host = plan.wishes(Feature::HostExemption) || draw.chance(25);
    point.directions = if plan.wishes(Feature::PointDirections) || draw.chance(7) {
        Directions { egress: draw.chance(35), forward: draw.chance(20), ingress: draw.chance(35) }
    } else {
        Directions::ALL
    };
    point
}
