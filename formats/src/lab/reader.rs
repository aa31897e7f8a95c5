//! Reading the texts of a lab file against the units and segments that they speak of.

use super::at::{At, Text, Texts};
use super::names::{Names, UnitIndex};
use super::notes::Notes;
use crate::text::{self, suggestion};
use seglab_policy::{
    AddressSet, Assumption, Calibration, Covers, Direction, Directions, Input, Part, Peer, Provenance, Reference,
    Selector, Service,
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that the readers of the parts of a lab file share.
pub(super) struct Reader<'a> {
    pub(super) notes: Notes<'a>,
    pub(super) names: Names,
    pub(super) index: UnitIndex<'a>,
    pub(super) assumptions: Vec<Assumption>,
    /// The names of the rulebooks, once they are read.
    pub(super) rulebooks: Vec<String>,
    /// The designs that claims hold this one against, by their paths as they are written.
    pub(super) references: &'a BTreeMap<String, Reference>,
    /// What stands where the design does not say it.
    pub(super) calibration: &'a Calibration,
    /// What of it does.
    pub(super) calibrated: BTreeSet<Input>,
}

impl Reader<'_> {
    /// Notes an assumption, once.
    pub(super) fn assume(&mut self, id: &str, text: impl Into<String>) {
        let assumption = Assumption { id: id.to_owned(), text: text.into() };
        if !self.assumptions.contains(&assumption) {
            self.assumptions.push(assumption);
        }
    }

    /// A number that the design does not say, in the unit of its measure, and as it is written.
    pub(super) fn calibrated(&mut self, of: Input) -> (f64, String) {
        self.calibrated.insert(of);
        (self.calibration.input(of), self.calibration.quantity(Part::Input(of)).to_string())
    }

    /// Where a value is written, and what its writers say of it: reason, owner, ticket.
    pub(super) fn provenance<T>(&self, at: &At<T>, [reason, owner, ticket]: [&Option<String>; 3]) -> Provenance {
        Provenance {
            span: Some(self.notes.span(at)),
            object: None,
            reason: reason.clone(),
            owner: owner.clone(),
            ticket: ticket.clone(),
        }
    }

    /// A selector; one that selects nothing gets a warning.
    pub(super) fn selector(&mut self, given: &Text) -> Option<Selector> {
        let selector = self.notes.parsed(given, text::selector(&given.value, &self.names))?;
        self.warn_if_nothing(given, &selector, false);
        Some(selector)
    }

    /// Where units that do not exist yet are meant, only what looks like a slip gets a warning.
    fn warn_if_nothing(&mut self, given: &Text, selector: &Selector, ever: bool) {
        // A selector that says `none` means it.
        if *selector != Selector::nothing() && self.index.selects_nothing(selector) {
            let units = seglab_policy::count(self.index.units().len() as u64, "unit", "units");
            let message = format!("`{}` selects 0 of {units}", given.value);
            let near = self.near_label(selector);
            if ever && near.is_none() {
                return;
            }
            let help = near.unwrap_or_else(|| "correct it, or remove it".to_owned());
            self.notes.warning("selects-nothing", given, message, &help);
        }
    }

    /// The label that units carry and that comes nearest to the first one that none of them carries.
    fn near_label(&self, selector: &Selector) -> Option<String> {
        let units = self.index.units();
        match selector {
            Selector::In { key, values } => {
                let known: BTreeSet<&str> =
                    units.iter().filter_map(|unit| unit.labels.get(key)).map(String::as_str).collect();
                if known.is_empty() {
                    let keys = units.iter().flat_map(|unit| unit.labels.keys()).map(String::as_str);
                    return text::nearest(key, keys).map(|near| format!("did you mean the label `{near}`?"));
                }
                let value = values.iter().find(|value| !known.contains(value.as_str()))?;
                text::nearest(value, known).map(|near| format!("did you mean `{key}={near}`?"))
            }
            Selector::All(parts) | Selector::AnyOf(parts) => parts.iter().find_map(|part| self.near_label(part)),
            _ => None,
        }
    }

    /// A peer, or several that are meant together.
    pub(super) fn peer(&mut self, given: &Texts) -> Option<Peer> {
        self.peer_of(given, false)
    }

    /// As [`Self::peer`]; `ever`: it may mean units that do not exist yet.
    pub(super) fn peer_of(&mut self, given: &Texts, ever: bool) -> Option<Peer> {
        let mut peers = Vec::new();
        let mut whole = true;
        for one in given.iter() {
            match self.notes.parsed(one, text::peer(&one.value, &self.names)) {
                Some(Peer::Units(selector)) => {
                    self.warn_if_nothing(one, &selector, ever);
                    peers.push(Peer::Units(selector));
                }
                Some(peer) => peers.push(peer),
                None => whole = false,
            }
        }
        if !whole {
            return None;
        }
        let joined = join(peers);
        if joined.is_none() {
            let help = "units and addresses are different peers: write a rule of its own for each";
            self.notes.error("invalid-value", &given.place(), "the list does not make one peer", help);
        }
        joined
    }

    /// Peers that are addresses: what `exposed` speaks of.
    pub(super) fn external_addresses(&mut self, given: &Texts) -> Option<AddressSet> {
        match self.peer(given)? {
            Peer::Addresses { set, .. } => Some(set),
            Peer::Anyone => Some(AddressSet::full()),
            Peer::Units(_) | Peer::Unmodelled(_) => {
                let help = "write `internet`, `external` or address ranges";
                self.notes.error("invalid-value", &given.place(), "exposure is towards external addresses", help);
                None
            }
        }
    }

    /// The services under `service` or `services`; any service where both are absent.
    pub(super) fn services(&mut self, service: Option<&Texts>, services: Option<&Texts>) -> Option<Vec<Service>> {
        let given = match (service, services) {
            (None, None) => return Some(vec![Service::Any]),
            (Some(_), Some(other)) => {
                let help = "put all of them into `services: [...]`";
                self.notes.error("invalid-value", &other.place(), "both `service` and `services` are given", help);
                return None;
            }
            (Some(given), None) | (None, Some(given)) => given,
        };
        let mut whole = true;
        let mut read = Vec::new();
        for one in given.iter() {
            match self.notes.parsed(one, text::service(&one.value)) {
                Some(service) => read.push(service),
                None => whole = false,
            }
        }
        if whole && read.is_empty() {
            let help = "list services, or leave the key out for any service";
            self.notes.warning("matches-nothing", &given.place(), "no service is listed: nothing is matched", help);
        }
        whole.then_some(read)
    }

    /// The directions of an `at`.
    pub(super) fn directions(&mut self, given: Option<&Texts>, absent: Directions) -> Option<Directions> {
        let Some(given) = given else { return Some(absent) };
        let mut directions = Directions::default();
        for one in given.iter() {
            match self.one_of(
                one,
                "a direction",
                &Direction::ALL.map(|direction| (direction.to_string(), direction)),
            )? {
                Direction::Egress => directions.egress = true,
                Direction::Forward => directions.forward = true,
                Direction::Ingress => directions.ingress = true,
            }
        }
        Some(directions)
    }

    /// The value of the name that is given, of those that there are.
    pub(super) fn one_of<T: Copy>(&mut self, given: &Text, what: &str, known: &[(String, T)]) -> Option<T> {
        if let Some((_, value)) = known.iter().find(|(name, _)| *name == given.value) {
            return Some(*value);
        }
        let help = suggestion(&given.value, known.iter().map(|(name, _)| name.as_str())).unwrap_or_default();
        self.notes.error("invalid-value", given, format!("`{}` is not {what}", given.value), &help);
        None
    }

    /// True if some unit that the peer may be declares a port of the name.
    pub(super) fn has_named_port(&self, to: &Peer, name: &str) -> bool {
        let declares =
            |at: usize| self.index.units().get(at).is_some_and(|unit| unit.named_ports(name).next().is_some());
        match to {
            Peer::Units(selector) => self.index.select(selector).into_iter().any(declares),
            Peer::Addresses { covers: Covers::External, .. } => false,
            Peer::Anyone | Peer::Unmodelled(_) | Peer::Addresses { covers: Covers::All, .. } => {
                (0..self.index.units().len()).any(declares)
            }
        }
    }

    /// A chance from 0 to 1.
    pub(super) fn probability(&mut self, given: &At<f64>) -> Option<f64> {
        if (0.0..=1.0).contains(&given.value) {
            return Some(given.value);
        }
        let message = format!("`{}` is not a probability", given.value);
        self.notes.error("invalid-value", given, message, "give a number from 0 to 1");
        None
    }

    /// A duration. \[ns\]
    pub(super) fn duration(&mut self, given: &Text) -> Option<u64> {
        self.notes.parsed(given, text::duration_ns(&given.value))
    }
}

/// The one peer that several peers of a list are; `None` if they are of different kinds.
fn join(peers: Vec<Peer>) -> Option<Peer> {
    let mut peers = peers.into_iter();
    let Some(first) = peers.next() else { return Some(Peer::Units(Selector::nothing())) };
    let Some(second) = peers.next() else { return Some(first) };
    let rest = std::iter::once(second).chain(peers);
    match first {
        Peer::Units(first) => {
            let mut parts = vec![first];
            for peer in rest {
                let Peer::Units(selector) = peer else { return None };
                parts.push(selector);
            }
            Some(Peer::Units(Selector::AnyOf(parts)))
        }
        Peer::Addresses { mut set, covers } => {
            for peer in rest {
                match peer {
                    Peer::Addresses { set: more, covers: same } if same == covers => set = set.union(&more),
                    _ => return None,
                }
            }
            Some(Peer::Addresses { set, covers })
        }
        Peer::Anyone | Peer::Unmodelled(_) => None,
    }
}
