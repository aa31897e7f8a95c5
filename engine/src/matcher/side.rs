//! One side of connections: endpoints that no rule, scope, placement or path tells apart there are one class.
//!
//! Sources are classed apart from destinations, over the rules of all points together, for a rule that speaks of a
//! unit as a destination says nothing of it as a source.

use crate::blueprint::{Blueprint, Interned, ScopeSide};
use crate::column::Column;
use crate::crossing::Station;
use crate::partition::{Partition, classes_of};
use crate::population::Matches;

/// What is true of an endpoint on one side, beyond what rules match it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Stand {
    /// It is no unit's.
    pub(super) external: bool,
    pub(super) station: Station,
    pub(super) space: u32,
    /// Some path leads from it to external addresses if it is a source, or from them to it.
    pub(super) outside: bool,
    /// Something that is not modelled touches it.
    pub(super) touched: bool,
    /// What port names stand for at it; of destinations only.
    pub(super) names: u32,
}

/// The classes of one side.
pub(super) struct Side {
    /// The class of each endpoint.
    pub(super) class_of: Column<u32>,
    pub(super) stands: Column<Stand>,
    /// What each peer matches on this side, by the number of the peer.
    pub(super) peers: Column<Matched>,
    /// The classes of each scope on this side, ascending.
    pub(super) scopes: Column<Vec<u32>>,
}

/// Whom a peer matches on one side.
pub(super) enum Matched {
    /// Everybody; possibly, if not for certain.
    Everybody { certain: bool },
    /// These classes, ascending, each with its certainty.
    Classes(Vec<(u32, bool)>),
}

impl Matched {
    /// How many of `all` classes are matched.
    pub(super) fn count(&self, all: usize) -> usize {
        match self {
            Matched::Everybody { .. } => all,
            Matched::Classes(classes) => classes.len(),
        }
    }
}

impl Side {
    /// Classes the endpoints below `endpoints.len()` by where they stand and by all that rules say of this side.
    pub(super) fn new(
        side: ScopeSide,
        endpoints: &Column<Stand>,
        blueprints: &Column<Blueprint>,
        interned: &Interned,
    ) -> Self {
        let mut used = Column::filled(false, interned.peers.len());
        let mut scoped = Column::filled(false, interned.scopes.len());
        for blueprint in blueprints.iter() {
            blueprint.rules.iter().for_each(|rule| used[rule.peer(side)] = true);
            let scopes = blueprint.scopes.iter().flatten().filter(|scope| scope.side == side);
            scopes.for_each(|scope| scoped[scope.units] = true);
        }
        let mut partition = Partition::new(endpoints.len());
        partition.split_by(|endpoint| endpoints[endpoint]);
        for (matches, _) in interned.peers.iter().zip(used.iter()).filter(|(_, used)| **used) {
            if let Matches::Some(members) = matches {
                partition.split(own(&members.certain, endpoints));
                partition.split(own(&members.possible, endpoints));
            }
        }
        for (units, _) in interned.scopes.iter().zip(scoped.iter()).filter(|(_, used)| **used) {
            partition.split(units);
        }
        let mut stands = Column::filled(Stand::default(), partition.len());
        let class_of = partition.into_classes();
        for (stand, &class) in endpoints.iter().zip(class_of.iter()) {
            stands[class] = *stand;
        }
        let convert = |(matches, used): (&Matches, &bool)| match matches {
            Matches::Everything { certain } => Matched::Everybody { certain: *certain },
            Matches::Some(_) if !used => Matched::Classes(Vec::new()),
            Matches::Some(members) => {
                let certain =
                    classes_of(&class_of, own(&members.certain, endpoints)).into_iter().map(|class| (class, true));
                let possible =
                    classes_of(&class_of, own(&members.possible, endpoints)).into_iter().map(|class| (class, false));
                let mut classes: Vec<(u32, bool)> = certain.chain(possible).collect();
                classes.sort_unstable();
                Matched::Classes(classes)
            }
        };
        let peers = interned.peers.iter().zip(used.iter()).map(convert).collect();
        let scopes = interned.scopes.iter().zip(scoped.iter());
        let scopes =
            scopes.map(|(units, used)| if *used { classes_of(&class_of, units) } else { Vec::new() }).collect();
        Self { class_of, stands, peers, scopes }
    }

    /// The number of classes.
    pub(super) fn len(&self) -> usize {
        self.stands.len()
    }
}

/// The members that have an address or may have one: named external sources follow behind them.
fn own<'m>(members: &'m [u32], endpoints: &Column<Stand>) -> &'m [u32] {
    members.get(..members.partition_point(|&endpoint| (endpoint as usize) < endpoints.len())).unwrap_or_default()
}
