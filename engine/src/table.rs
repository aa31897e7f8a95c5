//! Tables: what one rulebook says in one direction, by class of source and class of destination.
//!
//! The classes of a table are coarser than identities: they tell apart only what the rules of this rulebook and
//! direction tell apart, and sources are classed apart from destinations. A table takes the first of three forms that
//! has room: *dense*, a profile for every pair of classes; *hashed*, a profile for every pair that some rule singles
//! out and one for each pair of groups of classes otherwise; *listed*, no profiles at all, the rules of both classes
//! merged anew for each connection.

use crate::column::Column;
use crate::profile::Profiles;
use crate::service::{Predicate, Resolved};
use crate::tier_plan::{Matched, Plan};
use rustc_hash::FxHashMap;
use seglab_policy::{Header, Outcomes};

/// What one rulebook says in one direction.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) sources: ClassMap,
    pub(crate) destinations: ClassMap,
    pub(crate) form: Form,
}

/// From identity to class of a table.
#[derive(Clone, Debug)]
pub(crate) enum ClassMap {
    /// Everything is in class 0.
    One,
    /// The class of each identity.
    Dense(Column<u32>),
    /// Most are in one class; the others are listed, by identity.
    Sparse { usual: u32, others: Vec<(u32, u32)> },
}

/// How a table finds its answer.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    Dense { width: u32, profiles: Column<u32> },
    Hashed(Box<Hashed>),
    Listed(Box<Listed>),
}

/// Profiles of pairs that some rule singles out, and of pairs of groups.
#[derive(Clone, Debug)]
pub(crate) struct Hashed {
    pub(crate) singled_out: FxHashMap<u64, u32>,
    pub(crate) source_group: Column<u32>,
    pub(crate) destination_group: Column<u32>,
    pub(crate) width: u32,
    pub(crate) usual: Column<u32>,
}

/// The rules that match the classes of a table, and how they combine.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) plan: Plan,
    /// The services of each rule of the plan.
    pub(crate) services: Vec<u32>,
    pub(crate) everywhere: Vec<Matched>,
    pub(crate) sources: Column<ClassRules>,
    pub(crate) destinations: Column<ClassRules>,
}

/// The rules that match one class on one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClassRules {
    /// Those that match it whatever is on the other side.
    pub(crate) alone: Vec<Matched>,
    /// Those whose other side must match, too.
    pub(crate) paired: Vec<Matched>,
    /// Whether this side leaves each tier in scope.
    pub(crate) scope: Vec<bool>,
    /// What port names stand for; of destinations only.
    pub(crate) names: u32,
}

/// What a lookup needs beyond the table.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) profiles: &'a Profiles,
    pub(crate) lists: &'a Column<Vec<Predicate>>,
    pub(crate) names: &'a Column<Column<Resolved>>,
}

impl ClassMap {
    /// The map of the smallest size.
    pub(crate) fn new(class_of: Column<u32>, classes: usize) -> Self {
        if classes <= 1 {
            return ClassMap::One;
        }
        let mut sizes = Column::filled(0u32, classes);
        class_of.iter().for_each(|&class| sizes[class] += 1);
        let usual = (0u32..).zip(sizes.iter()).max_by_key(|&(class, size)| (size, std::cmp::Reverse(class)));
        let usual = usual.map_or(0, |(class, _)| class);
        if (class_of.len() - sizes[usual] as usize) * 4 > class_of.len() {
            return ClassMap::Dense(class_of);
        }
        let others = (0u32..).zip(class_of.iter().copied()).filter(|&(_, class)| class != usual).collect();
        ClassMap::Sparse { usual, others }
    }

    #[inline]
    fn class(&self, identity: u32) -> u32 {
        match self {
            ClassMap::One => 0,
            ClassMap::Dense(class_of) => class_of[identity],
            ClassMap::Sparse { usual, others } => {
                let at = others.binary_search_by_key(&identity, |&(other, _)| other);
                at.ok().and_then(|at| others.get(at)).map_or(*usual, |&(_, class)| class)
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            ClassMap::One => 0,
            ClassMap::Dense(class_of) => class_of.bytes(),
            ClassMap::Sparse { others, .. } => others.len() * size_of::<(u32, u32)>(),
        }
    }
}

impl Table {
    /// What the rulebook says between two identities of a header, whose service class is given where headers are
    /// classified.
    #[inline]
    pub(crate) fn outcomes(
        &self,
        source: u32,
        destination: u32,
        header: Header,
        class: u32,
        context: Context<'_>,
    ) -> Outcomes {
        let (source, destination) = (self.sources.class(source), self.destinations.class(destination));
        match &self.form {
            Form::Dense { width, profiles } => context.profiles.outcomes(profiles[source * width + destination], class),
            Form::Hashed(hashed) => context.profiles.outcomes(hashed.profile(source, destination), class),
            Form::Listed(listed) => listed.outcomes(source, destination, header, context),
        }
    }

    /// The bytes that the table takes, profiles not counted.
    pub(crate) fn bytes(&self) -> usize {
        let form = match &self.form {
            Form::Dense { profiles, .. } => profiles.bytes(),
            Form::Hashed(hashed) => {
                let pairs = hashed.singled_out.capacity() * (size_of::<(u64, u32)>() + 1);
                pairs + hashed.source_group.bytes() + hashed.destination_group.bytes() + hashed.usual.bytes()
            }
            Form::Listed(listed) => listed.bytes(),
        };
        self.sources.bytes() + self.destinations.bytes() + form
    }
}

impl Hashed {
    /// The key of a pair.
    #[inline]
    pub(crate) fn key(source: u32, destination: u32) -> u64 {
        u64::from(source) << 32 | u64::from(destination)
    }

    #[inline]
    fn profile(&self, source: u32, destination: u32) -> u32 {
        if let Some(&profile) = self.singled_out.get(&Self::key(source, destination)) {
            return profile;
        }
        self.usual[self.source_group[source] * self.width + self.destination_group[destination]]
    }
}

impl Listed {
    /// The rules that match a pair of classes, in ascending order.
    pub(crate) fn matched(&self, source: u32, destination: u32) -> Vec<Matched> {
        let (from, to) = (&self.sources[source], &self.destinations[destination]);
        let mut matched = self.everywhere.clone();
        matched.extend(&from.alone);
        matched.extend(&to.alone);
        let mut candidates = to.paired.iter().peekable();
        for ours in &from.paired {
            while candidates.next_if(|theirs| theirs.rule < ours.rule).is_some() {}
            if let Some(theirs) = candidates.next_if(|theirs| theirs.rule == ours.rule) {
                matched.push(Matched { rule: ours.rule, certain: ours.certain && theirs.certain });
            }
        }
        matched.sort_unstable();
        matched
    }

    /// True if a tier is in scope between two classes.
    pub(crate) fn in_scope(&self, source: u32, destination: u32, tier: u32) -> bool {
        let holds = |rules: &ClassRules| rules.scope.get(tier as usize).copied().unwrap_or(true);
        holds(&self.sources[source]) && holds(&self.destinations[destination])
    }

    fn outcomes(&self, source: u32, destination: u32, header: Header, context: Context<'_>) -> Outcomes {
        let names = &context.names[self.destinations[destination].names];
        let services = |rule: u32| {
            let list = self.services.get(rule as usize).map(|&list| &context.lists[list]);
            u64::from(list.is_some_and(|list| list.iter().any(|predicate| predicate.matches(header, names))))
        };
        let matched = self.matched(source, destination);
        let outcome = self.plan.judge(&matched, |tier| self.in_scope(source, destination, tier), services);
        Outcomes { allow: outcome.allow & 1 != 0, deny: outcome.deny & 1 != 0 }
    }

    /// The bytes that the lists take.
    pub(crate) fn bytes(&self) -> usize {
        let entries = |classes: &Column<ClassRules>| {
            let listed = |rules: &ClassRules| {
                (rules.alone.len() + rules.paired.len()) * size_of::<Matched>() + rules.scope.len()
            };
            classes.iter().map(listed).sum::<usize>() + classes.bytes()
        };
        entries(&self.sources) + entries(&self.destinations) + self.everywhere.len() * size_of::<Matched>()
    }
}
