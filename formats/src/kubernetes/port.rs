//! Protocols, ports and address ranges, as every kind of object writes them.

use super::manifest::Manifest;
use crate::yaml::Node;
use ipnet::IpNet;
use seglab_policy::{AddressSet, Diagnostic, Transport};

/// The protocol of this name, TCP where none is given.
pub(super) fn protocol(
    manifest: &Manifest<'_>,
    name: Option<&str>,
    node: &Node,
    report: &mut Vec<Diagnostic>,
) -> Option<Transport> {
    match name {
        None | Some("TCP") => Some(Transport::Tcp),
        Some("UDP") => Some(Transport::Udp),
        Some("SCTP") => Some(Transport::Sctp),
        Some(other) => {
            let place = node.nearest(&["protocol"]).span;
            let message = format!("in `{}`, `{other}` is no protocol", manifest.title());
            report.push(
                Diagnostic::error("invalid-protocol", message, Some(place))
                    .with_help("the protocols are `TCP`, `UDP` and `SCTP`, in capitals"),
            );
            None
        }
    }
}

/// A port number, which is 1 to 65535.
pub(super) fn port(manifest: &Manifest<'_>, number: i32, node: &Node, report: &mut Vec<Diagnostic>) -> Option<u16> {
    let port = u16::try_from(number).ok().filter(|port| *port != 0);
    if port.is_none() {
        let message = format!("in `{}`, `{number}` is no port", manifest.title());
        report.push(
            Diagnostic::error("invalid-port", message, Some(node.span)).with_help("ports are numbers from 1 to 65535"),
        );
    }
    port
}

/// The ports from `first` to `last`, given at `last_node`.
pub(super) fn range(
    manifest: &Manifest<'_>,
    first: u16,
    last: u16,
    last_node: &Node,
    report: &mut Vec<Diagnostic>,
) -> Option<(u16, u16)> {
    if first <= last {
        return Some((first, last));
    }
    let message = format!("in `{}`, the last port `{last}` is below the first, `{first}`", manifest.title());
    report.push(
        Diagnostic::error("invalid-port-range", message, Some(last_node.span)).with_help("exchange or correct them"),
    );
    None
}

/// An address range.
pub(super) fn net(manifest: &Manifest<'_>, text: &str, node: &Node, report: &mut Vec<Diagnostic>) -> Option<IpNet> {
    let Ok(net) = text.parse::<IpNet>() else {
        let message = format!("in `{}`, `{text}` is no address range", manifest.title());
        report.push(
            Diagnostic::error("invalid-cidr", message, Some(node.span))
                .with_help("write an address, a slash and the number of fixed bits, such as 10.0.0.0/8"),
        );
        return None;
    };
    if net.trunc() != net {
        let message = format!("in `{}`, `{text}` means all of `{}`", manifest.title(), net.trunc());
        report.push(Diagnostic::warning("cidr-host-bits", message, Some(node.span)).with_help(format!(
            "write `{}`, or `{}` for the one address",
            net.trunc(),
            IpNet::from(net.addr())
        )));
    }
    Some(net.trunc())
}

/// An address range with its exceptions taken out; an exception outside the range, or all of it, is an error.
pub(super) fn net_without(
    manifest: &Manifest<'_>,
    cidr: &str,
    except: &[String],
    node: &Node,
    report: &mut Vec<Diagnostic>,
) -> Option<AddressSet> {
    let whole = net(manifest, cidr, node.nearest(&["cidr"]), report)?;
    let mut set = AddressSet::from_net(whole);
    for (position, text) in except.iter().enumerate() {
        let place = node.item("except", position);
        let exception = net(manifest, text, place, report)?;
        if !whole.contains(&exception) || whole == exception {
            let message = format!("in `{}`, the exception `{text}` is not a part of `{cidr}`", manifest.title());
            report.push(
                Diagnostic::error("exception-outside", message, Some(place.span))
                    .with_related("what it is taken from", Some(node.nearest(&["cidr"]).span))
                    .with_help("remove the exception, or correct one of the two ranges"),
            );
            return None;
        }
        set = set.difference(&AddressSet::from_net(exception));
    }
    Some(set)
}
