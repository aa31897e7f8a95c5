//! From header to service class: one read for the protocol, one for the destination port, and two more only where
//! rules look at source ports.

use super::numbers::Numbers;
use super::packet::HeaderFields;
use crate::column::{Column, id};
use crate::service_class::Classifier;
use seglab_policy::{Family, Header, Transport};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Headers to service classes.
#[derive(Clone, Debug)]
pub(super) struct HeaderTable {
    /// By protocol number: where its destination ports start, and [`BY_PORT`] if they are told apart.
    pub(super) protocols: Vec<u32>,
    /// The service class of each destination port; where rules look at source ports, its row in `cells`.
    pub(super) destinations: Arc<Numbers>,
    pub(super) by_source: Option<BySource>,
}

/// The bit of a protocol that says that its ports are told apart.
pub(super) const BY_PORT: u32 = 1 << 31;

/// Where a port of a protocol is.
#[inline]
fn place(protocols: &[u32], protocol: u8, port: u16) -> usize {
    let held = protocols.get(usize::from(protocol)).copied().unwrap_or(0);
    let port = if held & BY_PORT == 0 { 0 } else { u32::from(port) };
    (held & !BY_PORT).wrapping_add(port) as usize
}

/// Where rules look at source ports.
#[derive(Clone, Debug)]
pub(super) struct BySource {
    pub(super) protocols: Vec<u32>,
    /// The column of each source port in `cells`.
    pub(super) sources: Numbers,
    pub(super) width: u32,
    pub(super) cells: Numbers,
}

impl HeaderTable {
    /// The table of what `classifier` classifies; `None` if destination ports and source ports make more than 2^16 rows.
    pub(super) fn new(classifier: &Classifier, family: Family) -> Option<Self> {
        let transports = Transport::ALL.map(|transport| (transport, classifier.source_ports(transport)));
        let minds_sources = transports.iter().any(|(_, (samples, _))| samples.len() > 1);
        let class = |header: Header| u16::try_from(classifier.classify(header)).unwrap_or(u16::MAX);
        let mut rows = Rows::default();
        let mut protocols = vec![0; 256];
        let mut destinations: Vec<u32> = Vec::new();
        for (number, ports) in (0u8..=255).zip(&mut protocols) {
            let fields =
                |destination_port, source_port| HeaderFields { source_port, destination_port, protocol: number };
            let of_transport = transports.iter().find(|(transport, _)| transport.number() == number);
            let samples = of_transport.map_or(&[0][..], |(_, (samples, _))| samples.as_slice());
            let mut row = |port: u16| {
                let classes = samples.iter().map(|&from| class(fields(port, from).header(family)));
                if minds_sources { rows.number(classes.collect()) } else { Some(class(fields(port, 0).header(family))) }
            };
            let mut own: Vec<u16> = match of_transport {
                // What is true of a port of a class is true of every other one.
                Some((transport, _)) => {
                    let (samples, class_of) = classifier.destination_ports(*transport);
                    let of_class: Column<u16> = samples.into_iter().map(row).collect::<Option<Vec<u16>>>()?.into();
                    match class_of.len() {
                        0 => vec![of_class[0]],
                        _ => class_of.iter().map(|&class| of_class[class.into()]).collect(),
                    }
                }
                None if is_icmp(fields(0, 0).header(family)) && classifier.minds_messages() => {
                    (0..=u16::MAX).map(row).collect::<Option<_>>()?
                }
                None => vec![row(0)?],
            };
            let alike = own.windows(2).all(|pair| pair.first() == pair.last());
            let first = u32::try_from(destinations.len()).ok()?;
            *ports = if alike { first } else { first | BY_PORT };
            own.truncate(if alike { 1 } else { own.len() });
            destinations.extend(own.into_iter().map(u32::from));
        }
        let by_source = minds_sources.then(|| BySource::new(&transports, rows.known));
        Some(Self { protocols, destinations: Arc::new(destinations.into()), by_source })
    }

    /// Shares what is the same in another table.
    pub(super) fn share(&mut self, other: &Self) {
        if self.destinations == other.destinations {
            self.destinations = other.destinations.clone();
        }
    }

    /// The service class of a header.
    #[inline]
    pub(super) fn class(&self, fields: HeaderFields) -> u32 {
        let found = self.destinations.at(place(&self.protocols, fields.protocol, fields.destination_port));
        match &self.by_source {
            None => found,
            Some(by_source) => by_source.class(found, fields),
        }
    }

    /// The bytes of each table that classing a header reads.
    pub(super) fn reads(&self) -> Vec<usize> {
        let mut reads = vec![size_of_val(self.protocols.as_slice()), self.destinations.bytes()];
        if let Some(by_source) = &self.by_source {
            reads.extend([
                size_of_val(by_source.protocols.as_slice()),
                by_source.sources.bytes(),
                by_source.cells.bytes(),
            ]);
        }
        reads
    }

    /// The bytes that the table takes.
    pub(super) fn bytes(&self) -> usize {
        let by_source = self.by_source.as_ref().map_or(0, |by_source| {
            size_of_val(by_source.protocols.as_slice()) + by_source.sources.bytes() + by_source.cells.bytes()
        });
        // What several tables share is counted once.
        let destinations = self.destinations.bytes() / Arc::strong_count(&self.destinations);
        size_of_val(self.protocols.as_slice()) + destinations + by_source
    }
}

fn is_icmp(header: Header) -> bool {
    matches!(header, Header::Icmp { .. })
}

/// What destination ports say of every class of source ports, each combination once.
#[derive(Default)]
struct Rows {
    known: BTreeMap<Vec<u16>, u16>,
}

impl Rows {
    /// The number of a row; `None` if there are too many.
    fn number(&mut self, classes: Vec<u16>) -> Option<u16> {
        if let Some(&known) = self.known.get(&classes) {
            return Some(known);
        }
        let next = u16::try_from(self.known.len()).ok()?;
        self.known.insert(classes, next);
        Some(next)
    }
}

/// For each transport a source port of each class, and the class of every source port.
type SourcePorts<'a> = (Transport, (Vec<u16>, &'a Column<u16>));

impl BySource {
    fn new(transports: &[SourcePorts<'_>], rows: BTreeMap<Vec<u16>, u16>) -> Self {
        let mut protocols = vec![0; 256];
        // The first entry is that of protocols without source ports.
        let mut sources = vec![0];
        for (transport, (_, class_of)) in transports.iter().filter(|(_, (samples, _))| samples.len() > 1) {
            let first = u32::try_from(sources.len()).unwrap_or(u32::MAX);
            if let Some(ports) = protocols.get_mut(usize::from(transport.number())) {
                *ports = first | BY_PORT;
            }
            sources.extend(class_of.iter().map(|&class| u32::from(class)));
        }
        let width = rows.keys().map(Vec::len).max().unwrap_or(1);
        let mut cells: Vec<u32> = vec![0; rows.len() * width];
        for (classes, row) in rows {
            let start = usize::from(row) * width;
            for (cell, class) in cells.iter_mut().skip(start).zip(classes) {
                *cell = class.into();
            }
        }
        Self { protocols, sources: sources.into(), width: id(width), cells: cells.into() }
    }

    #[inline]
    fn class(&self, row: u32, fields: HeaderFields) -> u32 {
        let column = self.sources.at(place(&self.protocols, fields.protocol, fields.source_port));
        self.cells.at(row.wrapping_mul(self.width).wrapping_add(column) as usize)
    }
}
