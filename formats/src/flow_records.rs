//! Flow records as CSV: who opened a connection to whom, a line each, as collectors and cloud providers write them down.
//!
//! The first line names the columns, in any order and among any others: the source's and the destination's address, the
//! protocol, and the ports. They go by the names that NetFlow and IPFIX collectors (`srcaddr`, `sourceIPv4Address`, `sa`),
//! AWS' flow logs (`dstport`), Zeek (`id.orig_h`) and people (`Source IP`) give them, in whatever case. Lines are replayed in
//! their order, as often as they stand there.
//!
//! ```
//! use seglab_formats::{File, flow_records};
//! let text = "srcaddr,dstaddr,protocol,dstport,bytes\n10.0.0.1,10.0.0.2,6,443,1200\n".to_owned();
//! let flows = flow_records::read(&File { path: "flows.csv".to_owned(), text })?;
//! assert_eq!(flows.len(), 1);
//! # Ok::<(), seglab_formats::Rejected>(())
//! ```

use crate::{File, Rejected};
use seglab_policy::{Diagnostic, Family, Header, ICMP_V4, ICMP_V6, SourceId, Span, Transport};
use std::net::IpAddr;

/// A connection that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// Who opened it.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// Its header; messages of ICMP are echo requests, for records seldom say more.
    pub header: Header,
}

/// The most errors of one file that are listed.
const ERRORS_MAX: usize = 100;

/// A column by its names, as they are when case, spaces and punctuation are taken away.
struct Column {
    /// What to call it.
    name: &'static str,
    others: &'static [&'static str],
}

const SOURCE: Column = Column {
    name: "srcaddr",
    others: &[
        "src",
        "source",
        "sourceaddress",
        "srcip",
        "sourceip",
        "sourceipv4address",
        "sourceipv6address",
        "idorigh",
        "sa",
    ],
};
const DESTINATION: Column = Column {
    name: "dstaddr",
    others: &[
        "dst",
        "dest",
        "destination",
        "destinationaddress",
        "dstip",
        "destip",
        "destinationip",
        "destinationipv4address",
        "destinationipv6address",
        "idresph",
        "da",
    ],
};
const PROTOCOL: Column = Column { name: "protocol", others: &["proto", "protocolidentifier", "ipprotocol", "pr"] };
const SOURCE_PORT: Column =
    Column { name: "srcport", others: &["sport", "sourceport", "sourcetransportport", "idorigp", "sp"] };
const DESTINATION_PORT: Column = Column {
    name: "dstport",
    others: &["dport", "destport", "destinationport", "destinationtransportport", "idrespp", "dp", "port"],
};

impl Column {
    fn is(&self, name: &str) -> bool {
        let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        bare == self.name || self.others.contains(&bare.as_str())
    }
}

/// Where the cells stand that are looked at.
struct Columns {
    source: usize,
    destination: usize,
    protocol: usize,
    source_port: Option<usize>,
    destination_port: Option<usize>,
}

/// What is wrong with a cell, and what to do.
type Trouble = (usize, String, &'static str);

/// Reads flow records.
///
/// # Errors
/// A column that is missing, every line whose cells cannot be read, with their places, and a file without flows.
pub fn read(file: &File) -> Result<Vec<FlowRecord>, Rejected> {
    let text = file.text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
    let at = |line: u64, column: usize| {
        let [line, column] = [u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX)];
        Some(Span { source: SourceId(0), line, column })
    };
    let rejected = |diagnostics| Rejected { diagnostics, sources: vec![file.source()] };
    let header = reader.headers().cloned().unwrap_or_default();
    let columns = columns(&header).map_err(|message| {
        let help = "name in the first line `srcaddr`, `dstaddr`, `protocol`, `srcport` and `dstport`";
        rejected(vec![Diagnostic::error("missing-key", message, at(1, 1)).with_help(help)])
    })?;
    let (mut flows, mut errors) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let error = match record {
            Ok(record) => match flow(&record, &columns) {
                Ok(flow) => {
                    flows.push(flow);
                    continue;
                }
                Err((cell, message, help)) => {
                    let line = record.position().map_or(1, csv::Position::line);
                    let raw = usize::try_from(line - 1).ok().and_then(|at| text.lines().nth(at)).unwrap_or_default();
                    Diagnostic::error("invalid-value", message, at(line, column(raw, cell))).with_help(help)
                }
            },
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                let message = match error.kind() {
                    csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                        format!("the line has {len} of {expected_len} cells")
                    }
                    _ => "the file is not CSV in UTF-8".to_owned(),
                };
                let help = "give every line as many cells as the first";
                Diagnostic::error("invalid-csv", message, at(line, 1)).with_help(help)
            }
        };
        errors.push(error);
        if errors.len() >= ERRORS_MAX {
            break;
        }
    }
    if flows.is_empty() && errors.is_empty() {
        let help = "write a connection a line: `10.0.0.1,10.0.0.2,tcp,50000,443`";
        errors.push(Diagnostic::error("nothing-to-read", "there are no flows in the file", None).with_help(help));
    }
    if errors.is_empty() { Ok(flows) } else { Err(rejected(errors)) }
}

fn columns(header: &csv::StringRecord) -> Result<Columns, String> {
    let find = |column: &Column| header.iter().position(|name| column.is(name));
    let need = |column: &Column| {
        find(column).ok_or_else(|| {
            let there: Vec<String> = header.iter().map(|name| format!("`{name}`")).collect();
            format!("the column `{}` is missing among {}", column.name, there.join(", "))
        })
    };
    Ok(Columns {
        source: need(&SOURCE)?,
        destination: need(&DESTINATION)?,
        protocol: need(&PROTOCOL)?,
        source_port: find(&SOURCE_PORT),
        destination_port: find(&DESTINATION_PORT),
    })
}

fn flow(record: &csv::StringRecord, columns: &Columns) -> Result<FlowRecord, Trouble> {
    let cell = |at: usize| record.get(at).unwrap_or_default();
    let address = |at: usize| {
        let help = "write an IPv4 or IPv6 address";
        cell(at).parse::<IpAddr>().map_err(|_| (at, format!("`{}` is not an address", cell(at)), help))
    };
    let (source, destination) = (address(columns.source)?, address(columns.destination)?);
    if source.is_ipv4() != destination.is_ipv4() {
        let message = format!("`{destination}` is not of the family of `{source}`");
        return Err((columns.destination, message, "a connection has one IP family"));
    }
    let protocol = protocol(cell(columns.protocol)).ok_or_else(|| {
        let message = format!("`{}` is not a protocol", cell(columns.protocol));
        (columns.protocol, message, "write `tcp`, `udp`, `sctp`, `icmp` or a number from 0 to 255")
    })?;
    let port = |at: Option<usize>, otherwise: Option<u16>| {
        let text = at.map(cell).filter(|text| !matches!(*text, "" | "-"));
        let at = at.unwrap_or(columns.protocol);
        match (text, otherwise) {
            (Some(text), _) => {
                text.parse().map_err(|_| (at, format!("`{text}` is not a port"), "write a number from 0 to 65535"))
            }
            (None, Some(port)) => Ok(port),
            (None, None) => {
                Err((at, "the connection has no destination port".to_owned(), "add it in a column `dstport`"))
            }
        }
    };
    let header = match Transport::ALL.into_iter().find(|transport| transport.number() == protocol) {
        Some(transport) => Header::Transport {
            protocol: transport,
            // A port that clients draw: dialects that look at it are few.
            source_port: port(columns.source_port, Some(49152))?,
            destination_port: port(columns.destination_port, None)?,
        },
        None if matches!(protocol, ICMP_V4 | ICMP_V6) => {
            Header::Icmp { kind: if Family::of(source) == Family::V6 { 128 } else { 8 }, code: 0 }
        }
        None => Header::Other(protocol),
    };
    Ok(FlowRecord { source, destination, header })
}

fn protocol(text: &str) -> Option<u8> {
    let named = Transport::ALL.into_iter().find(|transport| transport.to_string().eq_ignore_ascii_case(text));
    match (named, text.to_ascii_lowercase().as_str()) {
        (Some(transport), _) => Some(transport.number()),
        (None, "icmp") => Some(ICMP_V4),
        (None, "icmp6" | "icmpv6" | "ipv6-icmp") => Some(ICMP_V6),
        (None, number) => number.parse().ok(),
    }
}

/// The column of a cell in its line, counted from 1; of a line with quotes, which move cells about, the first.
fn column(raw: &str, cell: usize) -> usize {
    if raw.contains('"') {
        return 1;
    }
    let before: usize = raw.split(',').take(cell).map(|cell| cell.chars().count() + 1).sum();
    let spaces = raw.split(',').nth(cell).map_or(0, |cell| cell.chars().take_while(|c| c.is_whitespace()).count());
    before + spaces + 1
}
