//! Rules, tiers and rulebooks.

use crate::fixture::*;
use seglab_policy::*;

fn by(object: &str, priority: i64, rule: Rule) -> Rule {
    Rule { priority, provenance: Provenance { object: Some(object.to_owned()), ..Provenance::default() }, ..rule }
}

fn of(order: Order, rules: Vec<Rule>) -> Draft {
    trio(book(vec![tier(order, rules)]))
}

/// "`first-match` (priority, then position)".
#[test]
fn first_match() {
    let rules = || vec![deny(app("web"), app("db"), tcp(80)), allow(app("web"), Peer::Anyone, Service::Any)];
    check(
        of(Order::FirstMatch, rules()),
        &[("web", "db", "tcp/80", "denied: host egress 0/0"), ("web", "db", "tcp/81", "allowed")],
    );
    let mut reversed = rules();
    reversed.reverse();
    check(of(Order::FirstMatch, reversed), &[("web", "db", "tcp/80", "allowed")]);
    let mut by_priority = rules();
    by_priority[0].priority = 9;
    check(of(Order::FirstMatch, by_priority), &[("web", "db", "tcp/80", "allowed")]);
}

/// "A matching deny decides, else a matching allow, else a matching pass", whatever the position and priority.
#[test]
fn deny_overrides() {
    let mut rules = vec![
        rule(Action::Pass, Peer::Anyone, Peer::Anyone, &[Service::Any]),
        allow(app("web"), Peer::Anyone, Service::Any),
        deny(app("web"), app("db"), tcp(80)),
    ];
    rules[2].priority = 9;
    check(
        of(Order::DenyOverrides, rules),
        &[
            ("web", "db", "tcp/80", "denied: host egress 0/2"),
            ("web", "db", "tcp/81", "allowed"),
            ("dev", "db", "tcp/81", "denied: host egress default"),
        ],
    );
}

/// "`allow-union`": any allow suffices, and there is nothing else to it.
#[test]
fn allow_union() {
    let rules = vec![allow(app("web"), app("db"), tcp(80)), allow(app("web"), app("db"), tcp(81))];
    check(
        of(Order::AllowUnion, rules),
        &[
            ("web", "db", "tcp/80", "allowed"),
            ("web", "db", "tcp/81", "allowed"),
            ("web", "db", "tcp/82", "denied: host egress default"),
        ],
    );
    let refused = Design::new(of(Order::AllowUnion, vec![deny(Peer::Anyone, Peer::Anyone, Service::Any)]));
    assert!(matches!(refused.unwrap_err()[..], [DesignError::NotAnAllow { .. }]));
}

/// "Equal priority whose order matters […]: the verdicts it touches are `unknown`"; inside one object the order is
/// defined, and where both say the same it does not matter.
#[test]
fn undefined_ties() {
    let one = |rule| by("one", 5, rule);
    let other = |rule| by("other", 5, rule);
    let ties = Order::FirstMatchUndefinedTies;
    let anyone = |service| (Peer::Anyone, Peer::Anyone, service);
    let allow = |service| {
        let (from, to, service) = anyone(service);
        allow(from, to, service)
    };
    let deny = |service| {
        let (from, to, service) = anyone(service);
        deny(from, to, service)
    };
    check(
        of(ties, vec![one(allow(tcp(80))), other(deny(tcp(80))), other(deny(tcp(81))), one(allow(tcp(82)))]),
        &[
            ("web", "db", "tcp/80", "unknown: 0/0"),
            ("web", "db", "tcp/81", "denied: host egress 0/2"),
            ("web", "db", "tcp/82", "allowed"),
        ],
    );
    check(of(ties, vec![one(allow(tcp(80))), one(deny(tcp(80)))]), &[("web", "db", "tcp/80", "allowed")]);
    check(of(ties, vec![one(allow(tcp(80))), other(allow(tcp(80)))]), &[("web", "db", "tcp/80", "allowed")]);
    check(of(ties, vec![one(allow(tcp(80))), by("other", 6, deny(tcp(80)))]), &[("web", "db", "tcp/80", "allowed")]);
}

/// "its *scope*, the units it applies to in each direction; […] Out of scope: pass."
#[test]
fn scope() {
    let scoped = Tier {
        scope: Scope::Units {
            egress: vec![Selector::label("app", "dev")],
            ingress: vec![Selector::label("app", "db")],
        },
        otherwise: Action::Deny,
        ..tier(Order::AllowUnion, vec![allow(app("web"), app("db"), tcp(80))])
    };
    let draft = trio(Rulebook { default_allow: true, ..book(vec![scoped]) });
    check(
        draft.clone(),
        &[
            ("web", "db", "tcp/80", "allowed"),
            ("web", "db", "tcp/81", "denied: host ingress otherwise 0"),
            ("dev", "web", "tcp/81", "denied: host egress otherwise 0"),
            ("web", "dev", "tcp/81", "allowed"),
            ("db", "web", "tcp/81", "allowed"),
        ],
    );
    // "selectors of sources […] of destinations; in `forward` none".
    let mut between = draft;
    for (unit, zone) in between.units.iter_mut().zip(["a", "b", "c"]) {
        unit.interfaces[0].place.zone = Some(zone.to_owned());
    }
    between.points = vec![point("link", PointKind::Appliance, Placement::Between(Level::Zone), 0)];
    check(between, &[("web", "db", "tcp/81", "allowed")]);
}

/// "and what happens in scope when no rule decides: `pass`, `deny` or `allow`".
#[test]
fn otherwise() {
    for (otherwise, expected) in [
        (Action::Allow, "allowed"),
        (Action::Deny, "denied: host egress otherwise 0"),
        (Action::Pass, "denied: host egress 1/0"),
    ] {
        let first = Tier { otherwise, ..tier(Order::FirstMatch, vec![allow(Peer::Anyone, Peer::Anyone, tcp(81))]) };
        let second = tier(Order::FirstMatch, vec![deny(Peer::Anyone, Peer::Anyone, Service::Any)]);
        check(
            trio(book(vec![first, second])),
            &[("web", "db", "tcp/80", expected), ("web", "db", "tcp/81", "allowed")],
        );
    }
}

/// "`Pass` leaves the tier": later rules of the tier, and what it does otherwise, are not asked.
#[test]
fn pass() {
    let pass = rule(Action::Pass, app("web"), Peer::Anyone, &[Service::Any]);
    let rest = deny(Peer::Anyone, Peer::Anyone, Service::Any);
    let first = Tier { otherwise: Action::Deny, ..tier(Order::FirstMatch, vec![pass, rest]) };
    let second = tier(Order::FirstMatch, vec![allow(Peer::Anyone, Peer::Anyone, Service::Any)]);
    check(
        trio(book(vec![first, second])),
        &[("web", "db", "tcp/80", "allowed"), ("dev", "db", "tcp/80", "denied: host egress 0/1")],
    );
}

/// "a default for after the last one".
#[test]
fn default() {
    check(trio(book(Vec::new())), &[("web", "db", "tcp/80", "denied: host egress default")]);
    let open = Rulebook { default_allow: true, ..book(Vec::new()) };
    check(trio(open), &[("web", "db", "tcp/80", "allowed")]);
}

/// "direction (ingress: the subject is the destination; egress: the source)".
#[test]
fn directions() {
    let ingress =
        Rule { directions: Directions::only(Direction::Ingress), ..deny(Peer::Anyone, Peer::Anyone, tcp(80)) };
    let draft = trio(Rulebook { default_allow: true, ..native(vec![ingress]) });
    check(draft, &[("web", "db", "tcp/80", "denied: host ingress 0/0"), ("web", "8.8.8.8", "tcp/80", "allowed")]);
}

/// "a peer kind that we don't know: the verdicts it touches are `unknown`", and no others.
#[test]
fn unmodelled_peers() {
    let strange = Peer::Unmodelled("sameLabels".to_owned());
    let first = tier(Order::FirstMatch, vec![rule(Action::Pass, app("web"), Peer::Anyone, &[Service::Any])]);
    let rules = vec![
        deny(app("web"), app("dev"), Service::Any),
        deny(strange, app("db"), tcp(80)),
        allow(app("web"), Peer::Anyone, Service::Any),
    ];
    check(
        trio(book(vec![first, tier(Order::FirstMatch, rules)])),
        &[
            // The rule that passed for sure is not what the doubt is about.
            ("web", "db", "tcp/80", "unknown: 1/1"),
            ("web", "db", "tcp/81", "allowed"),
            ("web", "dev", "tcp/80", "denied: host egress 1/0"),
        ],
    );
}
