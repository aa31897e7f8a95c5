//! Properties, in the lab file's own words.

use super::{Map, list, notes, scalar, services, text};
use seglab_policy::{Claim, Covers, Direction, Directions, Flow, Peer, Property, Statistic};

/// The claim with what of its question means something to it: a lab file refuses the rest.
pub(super) fn property(property: &Property) -> String {
    let mut map = Map::default();
    map.put("id", scalar(&property.id));
    claim(&mut map, &property.claim);
    let ever = matches!(property.claim, Claim::IsolatedEver { .. });
    map.put_if(ever, "ever", "true");
    let asks = property.claim.asks();
    map.put_if(asks.view, "view", property.view.to_string());
    map.put_if(asks.pivot, "pivot", property.pivot.to_string());
    map.put_if(asks.trust, "trust", property.trust.to_string());
    map.put_some("hops", property.hops_max.filter(|_| asks.hops).map(|hops| hops.to_string()));
    notes(&mut map, &property.provenance);
    let kind = if ever { "isolated" } else { property.claim.kind() };
    format!("{kind}: {}", map.done())
}

fn claim(map: &mut Map, claim: &Claim) {
    match claim {
        Claim::Isolated { from, to, services: of }
        | Claim::IsolatedEver { from, to, services: of }
        | Claim::Allowed { from, to, services: of } => {
            map.put("from", text(from)).put("to", text(to));
            services(map, of);
        }
        Claim::OnlyThrough { from, to, via, services: of } => {
            map.put("from", text(from)).put("to", text(to)).put("via", text(via));
            services(map, of);
        }
        Claim::BlastRadius { from, at_most, of } => {
            map.put("from", text(from)).put("at-most", text(at_most));
            map.put_if(*of != Statistic::Max, "of", text(of));
        }
        Claim::Exposed { external, inbound, only, services: of } => {
            let addresses = Peer::Addresses { set: external.clone(), covers: Covers::External };
            map.put(if *inbound { "from" } else { "to" }, text(&addresses)).put("only", text(only));
            services(map, of);
        }
        Claim::EgressOnlyTo { from, to, services: of } => {
            map.put("from", text(from)).put("to", text(to));
            services(map, of);
        }
        Claim::Only { flows, among } => {
            map.put("flows", list(flows.iter().map(flow))).put_some("among", among.as_ref().map(text));
        }
        Claim::Within { reference } | Claim::Equal { reference } => {
            map.put("design", scalar(&reference.path));
        }
        Claim::DefaultDeny { units, directions } => {
            map.put("units", text(units)).put("directions", directions_name(*directions));
        }
        Claim::Surface { units, entries_max, exits_max } => {
            map.put("units", text(units));
            map.put_some("entries-at-most", entries_max.map(|most| most.to_string()));
            map.put_some("exits-at-most", exits_max.map(|most| most.to_string()));
        }
        Claim::NoShadowedRules { rulebook }
        | Claim::NoRedundantRules { rulebook }
        | Claim::NoUndefinedOrder { rulebook } => {
            map.put_some("policy", rulebook.as_deref().map(scalar));
        }
    }
}

fn flow(flow: &Flow) -> String {
    let mut map = Map::default();
    map.put("from", text(&flow.from)).put("to", text(&flow.to));
    services(&mut map, &flow.services);
    map.done()
}

fn directions_name(directions: Directions) -> &'static str {
    match (directions.contains(Direction::Ingress), directions.contains(Direction::Egress)) {
        (true, false) => "ingress",
        (false, true) => "egress",
        _ => "both",
    }
}
