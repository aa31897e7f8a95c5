//! Enforcement points: where they stand, what they see, and when they count.

use crate::fixture::*;
use seglab_policy::*;

fn zones(book: Rulebook, placement: Placement) -> Draft {
    let mut draft = trio(book);
    for (unit, zone) in draft.units.iter_mut().zip([Some("dmz"), Some("lan"), None]) {
        unit.interfaces[0].place.zone = zone.map(str::to_owned);
    }
    let mut inside = unit("web-2", "10.0.0.4");
    inside.interfaces[0].place.zone = Some("dmz".to_owned());
    draft.units.push(inside);
    draft.points = vec![point("wall", PointKind::Appliance, placement, 0)];
    draft
}

/// "judges a connection once per direction it stands for: `egress` at the source, `ingress` at the destination".
#[test]
fn at_units() {
    let mut draft = trio(book(Vec::new()));
    draft.points[0].placement = Placement::Units(Selector::label("app", "web"));
    check(
        draft.clone(),
        &[
            ("web", "db", "tcp/80", "denied: host egress default"),
            ("db", "web", "tcp/80", "denied: host ingress default"),
            ("db", "dev", "tcp/80", "allowed"),
        ],
    );
    draft.points[0].directions = Directions::only(Direction::Ingress);
    check(draft, &[("web", "db", "tcp/80", "allowed"), ("db", "web", "tcp/80", "denied: host ingress default")]);
}

/// "or `forward` in between": an appliance sees "what crosses it, blind inside a subnet".
#[test]
fn between_places() {
    let denied = "denied: wall forward default";
    check(
        zones(book(Vec::new()), Placement::Between(Level::Zone)),
        &[
            ("web", "db", "tcp/80", denied),
            ("web", "web-2", "tcp/80", "allowed"),
            ("web", "dev", "tcp/80", denied),
            ("web", "8.8.8.8", "tcp/80", denied),
            ("dev", "8.8.8.8", "tcp/80", "allowed"),
        ],
    );
    check(zones(book(Vec::new()), Placement::Between(Level::Site)), &[("web", "db", "tcp/80", "allowed")]);
}

/// On the edge of one place: `egress` on the way out, `ingress` on the way in, `forward` both ways.
#[test]
fn around_a_place() {
    let around = || Placement::Around(Level::Zone, "dmz".to_owned());
    check(
        zones(book(Vec::new()), around()),
        &[
            ("web", "db", "tcp/80", "denied: wall egress default"),
            ("db", "web", "tcp/80", "denied: wall forward default"),
            ("8.8.8.8", "web", "tcp/80", "denied: wall forward default"),
            ("web", "web-2", "tcp/80", "allowed"),
            ("db", "dev", "tcp/80", "allowed"),
        ],
    );
    let mut inbound = zones(book(Vec::new()), around());
    inbound.points[0].directions = Directions::only(Direction::Ingress);
    check(inbound, &[("web", "db", "tcp/80", "allowed"), ("db", "web", "tcp/80", "denied: wall ingress default")]);
}

/// "every enforcing point on that path allows it"; "Its `allow` ends that point only."
#[test]
fn points_in_series() {
    let mut draft = trio(native(vec![allow(Peer::Anyone, Peer::Anyone, Service::Any)]));
    draft.rulebooks.push(Rulebook { name: "second".to_owned(), ..native(vec![allow(app("web"), app("db"), tcp(80))]) });
    draft.points.push(point("cloud", PointKind::Cloud, Placement::Units(Selector::Everything), 1));
    check(draft, &[("web", "db", "tcp/80", "allowed"), ("web", "db", "tcp/81", "denied: cloud egress default")]);
}

/// "Modes: `off`, `listen` (learn only), `alert` (judge, report, let through), `enforce`", and "`--as-if-enforced`
/// asks the other question".
#[test]
fn modes() {
    let as_if = Assume { as_if_enforced: true, ..Assume::business() };
    for mode in [Mode::Off, Mode::Listen, Mode::Alert, Mode::Enforce] {
        let mut draft = trio(book(Vec::new()));
        draft.points[0].mode = mode;
        let denied = "denied: host egress default";
        check(draft.clone(), &[("web", "db", "tcp/80", if mode == Mode::Enforce { denied } else { "allowed" })]);
        check_under(as_if, draft, &[("web", "db", "tcp/80", denied)]);
    }
}

/// "agent […] void when the unit is owned", "host […] void only when the host is owned", and nothing else is.
#[test]
fn trust_in_agents_and_hosts() {
    let draft = |kind| {
        let mut draft = trio(book(Vec::new()));
        draft.points[0].kind = kind;
        draft.points[0].placement = Placement::Units(Selector::label("app", "web"));
        draft
    };
    let (out, back) = ("denied: host egress default", "denied: host ingress default");
    let attack = Assume::attack(Trust::OwnAgentVoid);
    let clients = Assume::attack_on_clients(Trust::OwnAgentVoid);
    let host_owned = Assume { host_owned: true, ..attack };
    for (kind, assume, outward, inward) in [
        (PointKind::Agent, Assume::business(), out, back),
        (PointKind::Agent, Assume::attack(Trust::Intact), out, back),
        (PointKind::Agent, attack, "allowed", back),
        (PointKind::Agent, clients, out, "allowed"),
        (PointKind::Host, attack, out, back),
        (PointKind::Host, host_owned, "allowed", back),
        (PointKind::Cloud, host_owned, out, back),
        (PointKind::Appliance, host_owned, out, back),
    ] {
        println!("{kind} {assume:?}");
        check_under(assume, draft(kind), &[("web", "db", "tcp/80", outward), ("db", "web", "tcp/80", inward)]);
    }
}

/// `controller-void`: no point holds whose policy a controller distributes.
#[test]
fn trust_in_controllers() {
    let mut draft = trio(book(Vec::new()));
    let denied = "denied: host egress default";
    check_under(Assume::attack(Trust::ControllerVoid), draft.clone(), &[("web", "db", "tcp/80", denied)]);
    draft.points[0].controller = Some("manager".to_owned());
    check_under(Assume::attack(Trust::ControllerVoid), draft.clone(), &[("web", "db", "tcp/80", "allowed")]);
    check_under(Assume::attack(Trust::OwnAgentVoid), draft, &[("web", "db", "tcp/80", denied)]);
}

/// "A unit with […] its own node, are always allowed", where the point says so, and with no other unit.
#[test]
fn hosts_are_exempt() {
    let mut draft = trio(book(Vec::new()));
    draft.units[0].host = Some("db".to_owned());
    let denied = "denied: host egress default";
    check(draft.clone(), &[("web", "db", "tcp/80", denied)]);
    draft.points[0].exempts_host = true;
    check(
        draft,
        &[
            ("web", "db", "tcp/80", "allowed"),
            ("db", "web", "tcp/80", "allowed"),
            ("dev", "db", "tcp/80", denied),
            ("web", "dev", "tcp/80", denied),
        ],
    );
}

/// "Replies pass through stateful points; a *stateless* point judges the reply too"; "a TCP connection whose reply is
/// blocked is listed as *one-way*".
#[test]
fn stateless() {
    let request = || allow(app("web"), app("db"), tcp(80));
    let reply = |first| {
        let source_ports = IntervalSet::single(80);
        let ports = IntervalSet::from_ranges([(first, 65535)]);
        allow(app("db"), app("web"), Service::Ports { protocol: Transport::Tcp, ports, source_ports })
    };
    let draft = |stateful, rules| trio(Rulebook { stateful, ..native(rules) });
    let web = ("web", "db", "tcp/80");
    check(draft(true, vec![request()]), &[(web.0, web.1, web.2, "allowed")]);
    check(draft(false, vec![request()]), &[(web.0, web.1, web.2, "one-way")]);
    check(
        draft(false, vec![request(), reply(1024)]),
        &[
            (web.0, web.1, web.2, "allowed"),
            ("web", "db", "tcp/80 from 1024", "allowed"),
            ("web", "db", "tcp/80 from 1023", "one-way"),
        ],
    );
    // "An answer to an ICMP request is of another type; what has no answer has none to block."
    let echo = Service::Icmp { family: Family::V4, kind: Some(8), code: None };
    let icmp = || vec![allow(app("web"), app("db"), echo.clone()), allow(app("web"), app("db"), Service::Protocol(47))];
    check(
        draft(false, icmp()),
        &[("web", "db", "icmp/8/0", "one-way"), ("web", "db", "proto/47", "allowed without reply")],
    );
    let unsure = allow(Peer::Unmodelled("x".to_owned()), app("web"), Service::Any);
    check(draft(false, vec![request(), unsure]), &[(web.0, web.1, web.2, "reply unknown")]);
}

/// An owned unit's agent is void for the reply, too: it stands at the same end.
#[test]
fn trust_holds_for_replies() {
    let mut draft = trio(Rulebook { stateful: false, ..native(vec![allow(app("web"), app("db"), tcp(80))]) });
    draft.points[0].kind = PointKind::Agent;
    draft.points[0].placement = Placement::Units(Selector::label("app", "web"));
    let web = [("web", "db", "tcp/80", "one-way")];
    check(draft.clone(), &web);
    check_under(Assume::attack(Trust::OwnAgentVoid), draft.clone(), &[("web", "db", "tcp/80", "allowed")]);
    check_under(Assume::attack_on_clients(Trust::OwnAgentVoid), draft, &web);
}
