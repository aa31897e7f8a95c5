//! A certificate, read from its text.

use crate::design::{Address, Ranges, address, address_range};
use crate::fields::{Fields, Read, lines};
use crate::judge::{EGRESS, FORWARD, INGRESS, RuleAt};
use crate::newcomers::Part;
use std::net::IpAddr;

/// The first line.
const HEADER: &str = "seglab-certificate 1";

/// Units by their positions, as ranges that ascend and are apart.
pub(crate) type Units = Vec<(usize, usize)>;

#[derive(Default)]
pub(crate) struct Certificate {
    pub(crate) design: String,
    pub(crate) section: String,
    pub(crate) position: usize,
    pub(crate) claim: String,
    pub(crate) as_if_enforced: bool,
    pub(crate) trusted: bool,
    /// Points and directions in which they judge: those that stop what must not pass.
    pub(crate) by: Vec<(usize, usize)>,
    pub(crate) attacks: Vec<Attack>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) choices: Vec<Choice>,
    pub(crate) witnesses: Vec<Witness>,
}

/// Attacks from any of the starts, and what they may own after each connection.
pub(crate) struct Attack {
    pub(crate) units: Units,
    pub(crate) externals: Ranges,
    pub(crate) named: Vec<usize>,
    pub(crate) layers: Vec<Layer>,
}

/// What may be owned after so many connections.
pub(crate) struct Layer {
    pub(crate) units: Units,
    pub(crate) credentials: Vec<String>,
    /// Units that do not exist yet: all with such parts in common.
    pub(crate) newcomers: Vec<Vec<Part>>,
}

/// Units, and the nodes that hold all that one connection, or the loss of a host, leads to from them.
pub(crate) struct Node {
    /// Their hosts may be owned.
    pub(crate) hosted: bool,
    pub(crate) units: Units,
    pub(crate) next: Units,
}

/// One end of several that is enough for some units.
pub(crate) struct Choice {
    /// The end is where connections come from.
    pub(crate) is_source: bool,
    pub(crate) end: End,
    pub(crate) units: Units,
}

pub(crate) enum End {
    Unit(usize),
    External(Address),
}

/// A connection that shows what a rule does.
pub(crate) struct Witness {
    pub(crate) rule: RuleAt,
    /// Where the rule decides it: in this direction.
    pub(crate) direction: Option<usize>,
    pub(crate) from: Place,
    pub(crate) to: Place,
    pub(crate) header: Header,
}

/// Where a connection begins or ends.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Interface(usize, usize),
    External(Address),
    Source(usize),
}

#[derive(Clone, Copy)]
pub(crate) enum Header {
    /// Protocol, port at the destination, port at the source.
    Ports(u32, u16, u16),
    /// Type and code.
    Icmp(u8, u8),
    Other(u8),
}

impl Certificate {
    pub(crate) fn read(text: &str) -> Read<Certificate> {
        let mut certificate = Certificate::default();
        let mut seen = 0;
        lines(text, HEADER, |keyword, mut f| {
            certificate.line(keyword, &mut f, seen)?;
            seen += 1;
            f.end()
        })?;
        Ok(certificate)
    }

    fn line(&mut self, keyword: &str, f: &mut Fields<'_>, seen: usize) -> Read<()> {
        match (seen, keyword) {
            (0, "design") => self.design = f.word()?.to_owned(),
            (1, "claim") => {
                self.section = f.choice([("property", "property"), ("need", "need")])?.to_owned();
                (self.position, self.claim) = (f.number()?, f.word()?.to_owned());
            }
            (2, "question") => {
                self.as_if_enforced = f.choice([("as-declared", false), ("as-if-enforced", true)])?;
                self.trusted = f.choice([("anybody", false), ("all-but-trusted", true)])?;
            }
            (3, "by") => self.by = f.list(|f| Ok((f.number()?, direction(f)?)))?,
            (4.., "attack") => {
                let units = f.list(Fields::range)?;
                ascending(&units, f)?;
                let externals = f.list(address_range)?;
                self.attacks.push(Attack { units, externals, named: f.list(Fields::number)?, layers: Vec::new() });
            }
            (4.., "layer") => {
                let units = f.list(Fields::range)?;
                ascending(&units, f)?;
                let credentials = f.list(Fields::string)?;
                let Some(attack) = self.attacks.last_mut() else { return f.refuse("an attack before its layers") };
                attack.layers.push(Layer { units, credentials, newcomers: Vec::new() });
            }
            (4.., "newcomers") => {
                let parts = f.list(part)?;
                let layer = self.attacks.last_mut().and_then(|attack| attack.layers.last_mut());
                let Some(layer) = layer else { return f.refuse("a layer before its units to come") };
                layer.newcomers.push(parts);
            }
            (4.., "node") => {
                let hosted = f.choice([("plain", false), ("hosted", true)])?;
                let (units, next) = (f.list(Fields::range)?, f.list(Fields::range)?);
                ascending(&units, f)?;
                ascending(&next, f)?;
                self.nodes.push(Node { hosted, units, next });
            }
            (4.., "choose") => {
                let is_source = f.choice([("from", true), ("to", false)])?;
                let end = match f.choice([("unit", true), ("external", false)])? {
                    true => End::Unit(f.number()?),
                    false => End::External(address(f.number::<IpAddr>()?)),
                };
                let units = f.list(Fields::range)?;
                ascending(&units, f)?;
                self.choices.push(Choice { is_source, end, units });
            }
            (4.., "witness") => {
                let rule = (f.number()?, f.number()?, f.number()?);
                let direction = if f.absent() { None } else { Some(direction(f)?) };
                let (from, to, header) = (place(f)?, place(f)?, header(f)?);
                self.witnesses.push(Witness { rule, direction, from, to, header });
            }
            _ => return f.refuse("a line that may stand here"),
        }
        Ok(())
    }
}

fn direction(f: &mut Fields<'_>) -> Read<usize> {
    f.choice([("egress", EGRESS), ("forward", FORWARD), ("ingress", INGRESS)])
}

fn part(f: &mut Fields<'_>) -> Read<Part> {
    Ok(match f.word()? {
        "lacks" => Part::Lacks(f.string()?),
        "other" => Part::Other(f.string()?),
        "is" => Part::Is(f.string()?, f.string()?),
        "owner" => Part::Owner(f.optional()?),
        "host" => Part::Host(f.optional_number()?),
        _ => return f.refuse("what units to come have in common"),
    })
}

fn place(f: &mut Fields<'_>) -> Read<Place> {
    Ok(match f.word()? {
        "unit" => Place::Interface(f.number()?, f.number()?),
        "external" => Place::External(address(f.number::<IpAddr>()?)),
        "source" => Place::Source(f.number()?),
        _ => return f.refuse("an endpoint"),
    })
}

fn header(f: &mut Fields<'_>) -> Read<Header> {
    Ok(match f.word()? {
        "tcp" => Header::Ports(0, f.number()?, f.number()?),
        "udp" => Header::Ports(1, f.number()?, f.number()?),
        "sctp" => Header::Ports(2, f.number()?, f.number()?),
        "icmp" => Header::Icmp(f.number()?, f.number()?),
        "protocol" => Header::Other(f.number()?),
        _ => return f.refuse("a header"),
    })
}

/// Ranges that ascend name nothing twice, so what they name is no more than there is.
fn ascending(ranges: &Units, f: &Fields<'_>) -> Read<()> {
    let apart = ranges.iter().zip(ranges.iter().skip(1)).all(|(a, b)| a.1 < b.0);
    if apart { Ok(()) } else { f.refuse("ranges that ascend") }
}
