//! From header to service class: one read for the protocol, one for the destination port, and two more only where
//! rules look at source ports.

use super::packet::HeaderFields;
use crate::column::Column;
use crate::service_class::Classifier;
use seglab_policy::{Family, Header, Transport};
use std::collections::BTreeMap;

/// Headers to service classes.
#[derive(Clone, Debug)]
pub(super) struct HeaderTable {
    /// By protocol number: where its destination ports start, and which of their bits count.
    pub(super) protocols: Vec<Ports>,
    /// The service class of each destination port; where rules look at source ports, its row in `cells`.
    pub(super) destinations: Vec<u16>,
    by_source: Option<BySource>,
}

/// The ports of a protocol in a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) first: u32,
    pub(super) mask: u32,
}

/// Where rules look at source ports.
#[derive(Clone, Debug)]
struct BySource {
    protocols: Vec<Ports>,
    /// The column of each source port in `cells`.
    sources: Vec<u16>,
    width: usize,
    cells: Vec<u16>,
}

impl HeaderTable {
    /// The table of what `classifier` classifies; `None` if destination ports and source ports make more than 2^16 rows.
    pub(super) fn new(classifier: &Classifier, family: Family) -> Option<Self> {
        let transports = Transport::ALL.map(|transport| (transport, classifier.source_ports(transport)));
        let minds_sources = transports.iter().any(|(_, (samples, _))| samples.len() > 1);
        let class = |header: Header| u16::try_from(classifier.classify(header)).unwrap_or(u16::MAX);
        let mut rows = Rows::default();
        let mut protocols = vec![Ports::default(); 256];
        let mut destinations = Vec::new();
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
            *ports = Ports { first, mask: if alike { 0 } else { u16::MAX.into() } };
            own.truncate(if alike { 1 } else { own.len() });
            destinations.extend(own);
        }
        let by_source = minds_sources.then(|| BySource::new(&transports, rows.known));
        Some(Self { protocols, destinations, by_source })
    }

    /// The service class of a header.
    #[inline]
    pub(super) fn class(&self, fields: HeaderFields) -> u32 {
        let ports = self.protocols.get(usize::from(fields.protocol)).copied().unwrap_or_default();
        let at = ports.first.wrapping_add(u32::from(fields.destination_port) & ports.mask);
        let found = self.destinations.get(at as usize).copied().unwrap_or(0);
        match &self.by_source {
            None => found.into(),
            Some(by_source) => by_source.class(found, fields),
        }
    }

    /// The bytes of each table that classing a header reads.
    pub(super) fn reads(&self) -> Vec<usize> {
        let mut reads = vec![size_of_val(self.protocols.as_slice()), size_of_val(self.destinations.as_slice())];
        if let Some(by_source) = &self.by_source {
            reads.extend([
                size_of_val(by_source.protocols.as_slice()),
                size_of_val(by_source.sources.as_slice()),
                size_of_val(by_source.cells.as_slice()),
            ]);
        }
        reads
    }

    /// The bytes that the table takes.
    pub(super) fn bytes(&self) -> usize {
        let by_source = self.by_source.as_ref().map_or(0, |by_source| {
            by_source.protocols.len() * size_of::<Ports>()
                + (by_source.sources.len() + by_source.cells.len()) * size_of::<u16>()
        });
        self.protocols.len() * size_of::<Ports>() + self.destinations.len() * size_of::<u16>() + by_source
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
        let mut protocols = vec![Ports::default(); 256];
        // The first entry is that of protocols without source ports.
        let mut sources = vec![0];
        for (transport, (_, class_of)) in transports.iter().filter(|(_, (samples, _))| samples.len() > 1) {
            let first = u32::try_from(sources.len()).unwrap_or(u32::MAX);
            if let Some(ports) = protocols.get_mut(usize::from(transport.number())) {
                *ports = Ports { first, mask: u16::MAX.into() };
            }
            sources.extend(class_of.iter());
        }
        let width = rows.keys().map(Vec::len).max().unwrap_or(1);
        let mut cells = vec![0; rows.len() * width];
        for (classes, row) in rows {
            let start = usize::from(row) * width;
            for (cell, class) in cells.iter_mut().skip(start).zip(classes) {
                *cell = class;
            }
        }
        Self { protocols, sources, width, cells }
    }

    #[inline]
    fn class(&self, row: u16, fields: HeaderFields) -> u32 {
        let ports = self.protocols.get(usize::from(fields.protocol)).copied().unwrap_or_default();
        let at = ports.first.wrapping_add(u32::from(fields.source_port) & ports.mask);
        let column = self.sources.get(at as usize).copied().unwrap_or(0);
        self.cells.get(usize::from(row) * self.width + usize::from(column)).copied().unwrap_or(0).into()
    }
}
