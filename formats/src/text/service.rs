//! Services: `any`, `tcp/443`, `udp/1000-2000,3000`, `tcp/443 from 1024-65535`, `tcp/http`, `icmp/8/0`, `proto/50`.

use super::{TextError, nearest};
use seglab_policy::{Family, IntervalSet, Service, Transport};
use std::ops::Range;

/// Reads a service.
///
/// ```
/// use seglab_formats::text::service;
/// assert_eq!(service("tcp/443,80")?.to_string(), "tcp/80,443");
/// assert_eq!(service("tcp/70000").unwrap_err().range, 4..9);
/// # Ok::<(), seglab_formats::text::TextError>(())
/// ```
///
/// # Errors
/// What is wrong, and where in the text.
pub fn service(text: &str) -> Result<Service, TextError> {
    let (start, trimmed) = trimmed(text);
    read(trimmed).map_err(|error| error.shifted(start))
}

/// Reads a transport protocol with one port or one range of ports: what a unit listens on, `tcp/8000-8010`.
///
/// # Errors
/// What is wrong, and where in the text.
pub fn transport_ports(text: &str) -> Result<(Transport, u16, u16), TextError> {
    let whole = 0..text.chars().count();
    let Service::Ports { protocol, ports, source_ports } = service(text)? else {
        return Err(TextError::new(format!("`{text}` is not a port of TCP, UDP or SCTP"), whole)
            .with_help("write `tcp/443`, or a range as `tcp/8000-8010`"));
    };
    match ports.ranges() {
        &[(first, last)] if source_ports.is_full() => Ok((protocol, first, last)),
        _ => Err(TextError::new(format!("`{text}` is more than one range of ports"), whole)
            .with_help("list each range on its own: `[tcp/80, tcp/443]`")),
    }
}

/// Reads ports: `80,443,8000-8999`.
///
/// # Errors
/// What is wrong, and where in the text.
pub fn ports(text: &str) -> Result<IntervalSet<u16>, TextError> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for piece in text.split(',') {
        let place = start..start + piece.chars().count();
        start = place.end + 1;
        let (first, last) = piece.split_once('-').unwrap_or((piece, piece));
        let (from, to) = (port(first.trim(), &place)?, port(last.trim(), &place)?);
        if from > to {
            return Err(TextError::new(format!("the last port of `{}` is below the first", piece.trim()), place)
                .with_help(format!("write `{to}-{from}`")));
        }
        ranges.push((from, to));
    }
    Ok(IntervalSet::from_ranges(ranges))
}

fn port(text: &str, place: &Range<usize>) -> Result<u16, TextError> {
    text.parse().map_err(|_| {
        TextError::new(format!("`{text}` is not a port"), place.clone()).with_help("ports are numbers from 0 to 65535")
    })
}

fn read(text: &str) -> Result<Service, TextError> {
    let (protocol, rest) = match text.find(['/', ' ']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let after = protocol.chars().count();
    match protocol.to_ascii_lowercase().as_str() {
        "any" if rest.is_empty() => Ok(Service::Any),
        "any" => Err(TextError::new("`any` takes no ports", after..after + rest.chars().count())
            .with_help("write one service for each protocol: `[tcp/53, udp/53]`, or `port/NAME` for a named port")),
        "tcp" => transport(Transport::Tcp, rest, after),
        "udp" => transport(Transport::Udp, rest, after),
        "sctp" => transport(Transport::Sctp, rest, after),
        "icmp" => icmp(Family::V4, rest, after),
        "icmpv6" => icmp(Family::V6, rest, after),
        "port" => match rest.strip_prefix('/').map(|name| (name, is_name(name))) {
            Some((name, true)) => Ok(Service::NamedPort { protocol: None, name: name.to_owned() }),
            _ => Err(TextError::new("`port/` takes the name of a port", 0..after + rest.chars().count())
                .with_help("write `port/http`; a port by its number needs its protocol: `tcp/443`")),
        },
        "proto" => number(rest, after).map(Service::protocol),
        _ => Err(unknown_protocol(text, protocol)),
    }
}

fn unknown_protocol(text: &str, protocol: &str) -> TextError {
    const KNOWN: [&str; 8] = ["any", "tcp", "udp", "sctp", "icmp", "icmpv6", "port", "proto"];
    let length = protocol.chars().count();
    if text.is_empty() {
        return TextError::new("the service is empty", 0..0).with_help("write `any`, or as `tcp/443`");
    }
    let error = TextError::new(format!("`{protocol}` is not a protocol"), 0..length);
    let backwards = text.split_once('/').filter(|(_, after)| KNOWN.contains(&after.to_ascii_lowercase().as_str()));
    if let Some((port, protocol)) = backwards {
        return error.with_help(format!("the protocol comes first: `{}/{port}`", protocol.to_ascii_lowercase()));
    }
    if protocol.chars().all(|c| c.is_ascii_digit() || "-,".contains(c)) {
        return error
            .with_help(format!("a port needs its protocol: `tcp/{protocol}`; a protocol number is `proto/50`"));
    }
    match nearest(protocol, KNOWN) {
        Some(near) => error.with_help(format!("did you mean `{near}`?")),
        None => error.with_help("write `tcp/443`, `udp/53`, `sctp`, `icmp/8`, `icmpv6`, `proto/50` or `any`"),
    }
}

/// What follows a transport protocol: ports or the name of a port, and source ports.
fn transport(protocol: Transport, rest: &str, start: usize) -> Result<Service, TextError> {
    let (destination, source) = match rest.find(" from ") {
        Some(at) => {
            let (before, after) = rest.split_at(at);
            (before, Some(after.trim_start_matches(" from ")))
        }
        None => (rest, None),
    };
    let end = start + rest.chars().count();
    let source_ports = match source {
        None => IntervalSet::full(),
        Some(source) => ports(source).map_err(|error| error.shifted(end - source.chars().count()))?,
    };
    let full = || Service::Ports { protocol, ports: IntervalSet::full(), source_ports: source_ports.clone() };
    let Some(named) = destination.strip_prefix('/') else {
        return if destination.is_empty() {
            Ok(full())
        } else {
            Err(TextError::new(format!("unexpected `{}`", destination.trim()), start..end)
                .with_help(format!("write `{protocol}/443`, or `{protocol}/443 from 1024-65535`")))
        };
    };
    let place = start + 1..start + destination.chars().count();
    if named.is_empty() || named == "*" {
        return Err(TextError::new("the port is missing", start..place.end)
            .with_help(format!("write `{protocol}/443`, or `{protocol}` alone for every port")));
    }
    if named.chars().all(|c| c.is_ascii_digit() || "-, ".contains(c)) {
        let ports = ports(named).map_err(|error| error.shifted(start + 1))?;
        return Ok(Service::Ports { protocol, ports, source_ports });
    }
    if !is_name(named) {
        return Err(TextError::new(format!("`{named}` is neither ports nor the name of a port"), place)
            .with_help(format!("write ports as `{protocol}/80,443,8000-8999`")));
    }
    if source.is_some() {
        return Err(TextError::new("a named port takes no source ports", place).with_help("write the port's number"));
    }
    Ok(Service::NamedPort { protocol: Some(protocol), name: named.to_owned() })
}

/// True for what a port may be called.
fn is_name(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn icmp(family: Family, rest: &str, start: usize) -> Result<Service, TextError> {
    let all = Service::Icmp { family, kind: None, code: None };
    if rest.is_empty() {
        return Ok(all);
    }
    let end = start + rest.chars().count();
    let wrong = || {
        TextError::new("expected a type and a code of ICMP", start..end)
            .with_help("write `icmp`, `icmp/8` or `icmp/8/0`, each number from 0 to 255")
    };
    let mut pieces = rest.strip_prefix('/').ok_or_else(wrong)?.split('/');
    let mut field = || match pieces.next() {
        None | Some("any") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| wrong()),
    };
    let (kind, code): (Option<u8>, Option<u8>) = (field()?, field()?);
    if pieces.next().is_some() { Err(wrong()) } else { Ok(Service::Icmp { family, kind, code }) }
}

fn number(rest: &str, start: usize) -> Result<u8, TextError> {
    let end = start + rest.chars().count();
    rest.strip_prefix('/').and_then(|number| number.parse().ok()).ok_or_else(|| {
        TextError::new("`proto/` takes the number of an IP protocol", 0..end)
            .with_help("write `proto/50`, the number from 0 to 255")
    })
}

/// A text without the spaces around it, and how many characters of them come first.
pub(super) fn trimmed(text: &str) -> (usize, &str) {
    let start = text.chars().take_while(|c| c.is_whitespace()).count();
    (start, text.trim())
}
