//! Units, their interfaces and listeners.

use super::at::{At, Text, TextOr};
use super::document::{InterfaceDoc, ListenerDoc, UnitDoc};
use super::notes::Notes;
use crate::text::{TextError, suggestion, transport_ports};
use seglab_policy::{
    Address, DEFAULT_SPACE, Family, Interface, Listener, Login, Place, Provenance, Transport, Unit, Vulnerability,
};

/// More replicas than this are a slip of the pen.
const REPLICAS_MAX: u32 = 100_000;

/// The units that an entry describes: one, or its replicas.
pub(super) fn units(doc: &At<UnitDoc>, notes: &mut Notes<'_>) -> Vec<Unit> {
    let Some(unit) = unit(doc, notes) else { return Vec::new() };
    let Some(replicas) = &doc.value.replicas else { return vec![unit] };
    if replicas.value == 0 || replicas.value > REPLICAS_MAX {
        let message = format!("`{}` is not a number of replicas", replicas.value);
        notes.error("invalid-value", replicas, message, "give a number from 1 to 100000, or remove the unit");
        return Vec::new();
    }
    let known = |interface: &&Interface| matches!(interface.address, Address::Known(_)) && !interface.shared;
    let count = replicas.value as usize;
    let addresses = unit.interfaces.iter().filter(known).count();
    if addresses != 0 && (addresses != count || unit.interfaces.len() != count) {
        let replicas_given = seglab_policy::count(count as u64, "replica", "replicas");
        let addresses = seglab_policy::count(addresses as u64, "address", "addresses");
        let message = format!("{replicas_given} and {addresses}");
        let help = "give each replica one address, or one block that all of their addresses are drawn within";
        notes.error("invalid-value", replicas, message, help);
        return Vec::new();
    }
    (0..count)
        .map(|at| {
            let mut replica = unit.clone();
            replica.name = format!("{}#{}", unit.name, at + 1);
            replica.owner = Some(unit.owner.clone().unwrap_or_else(|| unit.name.clone()));
            if addresses != 0 {
                replica.interfaces = unit.interfaces.get(at).cloned().into_iter().collect();
            }
            replica
        })
        .collect()
}

fn unit(doc: &At<UnitDoc>, notes: &mut Notes<'_>) -> Option<Unit> {
    let given = &doc.value;
    if given.name.value.trim().is_empty() {
        notes.error("invalid-value", &given.name, "the unit has no name", "give it one that is unique in the design");
        return None;
    }
    let vulnerabilities = given.vulnerabilities.iter().filter_map(|one| {
        let (protocol, port) = single_port(&one.value.service, notes)?;
        Some(Vulnerability { name: one.value.name.clone(), protocol, port })
    });
    let vulnerabilities = vulnerabilities.collect();
    let logins = given.logins.iter().filter_map(|one| {
        let (protocol, port) = single_port(&one.value.service, notes)?;
        Some(Login { credential: one.value.credential.clone(), protocol, port })
    });
    let logins = logins.collect();
    Some(Unit {
        name: given.name.value.clone(),
        owner: given.owner.clone(),
        labels: given.labels.0.iter().map(|(key, value)| (key.value.clone(), value.clone())).collect(),
        interfaces: interfaces(given, notes)?,
        listeners: given.listens.iter().filter_map(|one| listener(one, notes)).collect(),
        host: given.host.clone(),
        criticality: given.critical,
        image: given.image.clone(),
        vulnerabilities,
        credentials: given.credentials.clone(),
        logins,
        can_host_agent: given.agent.unwrap_or(true),
        provenance: Provenance::at(notes.span(doc)),
    })
}

fn interfaces(given: &UnitDoc, notes: &mut Notes<'_>) -> Option<Vec<Interface>> {
    let (inbound, outbound) = match &given.reachable {
        None => (true, true),
        Some(text) => match text.value.as_str() {
            "none" => (false, false),
            "inbound" => (true, false),
            "outbound" => (false, true),
            "both" => (true, true),
            other => {
                let help = suggestion(other, ["none", "inbound", "outbound", "both"]).unwrap_or_default();
                notes.error("invalid-value", text, format!("`{other}` is not a kind of reachability"), &help);
                return None;
            }
        },
    };
    let common = |address| Interface {
        address,
        space: given.space.clone().unwrap_or_else(|| DEFAULT_SPACE.to_owned()),
        place: Place { site: given.site.clone(), zone: given.zone.clone(), subnet: given.subnet.clone() },
        shared: given.shared.unwrap_or(false),
        inbound,
        outbound,
    };
    match (&given.interfaces, given.addresses.as_slice()) {
        (Some(_), [first, ..]) => {
            let help = "move the addresses into `interfaces`, or remove `interfaces`";
            notes.error("invalid-value", first, "the unit has both `addresses` and `interfaces`", help);
            None
        }
        (Some(list), []) => {
            list.iter().map(|one| interface(&one.value, common(Address::Unknown(Family::V4)), notes)).collect()
        }
        (None, []) => Some(vec![common(Address::Unknown(Family::V4))]),
        (None, addresses) => {
            addresses.iter().map(|text| notes.parsed(text, address(&text.value)).map(common)).collect()
        }
    }
}

fn interface(given: &InterfaceDoc, common: Interface, notes: &mut Notes<'_>) -> Option<Interface> {
    let place = |own: &Option<String>, common: Option<String>| own.clone().or(common);
    Some(Interface {
        address: match &given.address {
            Some(text) => notes.parsed(text, address(&text.value))?,
            None => common.address,
        },
        space: given.space.clone().unwrap_or(common.space),
        place: Place {
            site: place(&given.site, common.place.site),
            zone: place(&given.zone, common.place.zone),
            subnet: place(&given.subnet, common.place.subnet),
        },
        shared: given.shared.unwrap_or(common.shared),
        inbound: given.inbound.unwrap_or(common.inbound),
        outbound: given.outbound.unwrap_or(common.outbound),
    })
}

fn address(text: &str) -> Result<Address, TextError> {
    match text {
        "unknown" | "unknown IPv4" => return Ok(Address::Unknown(Family::V4)),
        "unknown IPv6" => return Ok(Address::Unknown(Family::V6)),
        _ => {}
    }
    let read =
        if text.contains('/') { text.parse().map(Address::Within).ok() } else { text.parse().map(Address::Known).ok() };
    read.ok_or_else(|| {
        let what = if text.contains('/') { "a CIDR block" } else { "an IP address" };
        TextError::new(format!("`{text}` is not {what}"), 0..text.chars().count())
            .with_help("write an address `10.0.1.5`, or the block that it is drawn within `10.0.1.0/24`")
    })
}

fn listener(given: &At<TextOr<ListenerDoc>>, notes: &mut Notes<'_>) -> Option<Listener> {
    let (port, name) = match &given.value {
        TextOr::Text(text) => (given.with(text.clone()), None),
        TextOr::More(more) => (more.port.clone(), more.name.clone()),
    };
    let (protocol, first, last) = notes.parsed(&port, transport_ports(&port.value))?;
    if name.is_some() && first != last {
        let help = "name each port on its own: `{port: tcp/8080, name: http}`";
        notes.error("invalid-value", &port, "a name is given to a range of ports", help);
        return None;
    }
    Some(Listener { protocol, first, last, name })
}

pub(super) fn single_port(text: &Text, notes: &mut Notes<'_>) -> Option<(Transport, u16)> {
    let single = transport_ports(&text.value).and_then(|(protocol, first, last)| {
        if first == last {
            return Ok((protocol, first));
        }
        Err(TextError::new(format!("`{}` is a range of ports", text.value), 0..text.value.chars().count())
            .with_help("name the port of the service: `tcp/443`"))
    });
    notes.parsed(text, single)
}
