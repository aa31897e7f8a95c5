//! The checker: whether a certificate proves its claim.

use crate::certificate::{Certificate, Units};
use crate::design::Design;
use crate::design::claim::{Claim, Claimed};
use crate::judge::{EGRESS, FORWARD, INGRESS};
use crate::newcomers;
use crate::refusal::{Obligation, Refusal};
use crate::sets::{Bits, Region};
use crate::world::{Check, World};

/// What a certificate proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// `property` or `need`.
    pub section: &'static str,
    /// The property's id, or the position of the need.
    pub name: String,
    /// How many rules and defaults were shown not to refute the claim, over all that was asked.
    pub obligations: u64,
    /// How many edges between components of a blast radius were checked.
    pub edges: u64,
}

/// The question that a certificate is to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Every declared point enforces, whatever its mode.
    pub as_if_enforced: bool,
    /// Units declared `trusted` cannot be owned.
    pub honour_trusted: bool,
}

/// Checks certificates of one design. What it works out of the design serves all of them.
pub struct Judge<'d> {
    world: World<'d>,
}

impl<'d> Judge<'d> {
    /// A judge of certificates of a design.
    ///
    /// # Errors
    /// [`Refusal::TooMuch`] if the design is larger than what a check may take.
    pub fn new(design: &'d Design) -> Result<Self, Refusal> {
        World::new(design).map(|world| Judge { world })
    }

    /// Checks one certificate.
    ///
    /// # Errors
    /// Why the certificate does not prove that its claim holds.
    pub fn check(&self, certificate: &str, question: Question) -> Result<Accepted, Refusal> {
        self.check_without(certificate, question, None)
    }

    /// As [`Judge::check`], with an obligation taken out: what tests ask, to see each of them needed.
    pub(crate) fn check_without(
        &self,
        certificate: &str,
        question: Question,
        without: Option<Obligation>,
    ) -> Result<Accepted, Refusal> {
        let certificate = Certificate::read(certificate)?;
        self.world.start();
        let design = self.world.design;
        let mut of_section = design.claims.iter().filter(|claimed| claimed.section == certificate.section);
        let Some(claimed) = of_section.nth(certificate.position) else {
            return Err(Refusal::NoSuch { kind: "claim" });
        };
        if certificate.by.iter().any(|(point, _)| *point >= design.points.len()) {
            return Err(Refusal::NoSuch { kind: "point" });
        }
        let edges = certificate.nodes.iter().flat_map(|node| &node.next);
        let edges = edges.fold(0u64, |all, (first, last)| all.saturating_add((last - first) as u64).saturating_add(1));
        let by = certificate.by.clone();
        let checker = Checker { world: &self.world, claimed, certificate: &certificate, by, without };
        checker.settle(question)?;
        let obligations = self.world.obligations.get();
        Ok(Accepted { section: claimed.section, name: claimed.name.clone(), obligations, edges })
    }
}

/// One certificate under check.
pub(crate) struct Checker<'w, 'd> {
    pub(crate) world: &'w World<'d>,
    pub(crate) claimed: &'w Claimed,
    pub(crate) certificate: &'w Certificate,
    /// Points and directions that are asked, in this order.
    pub(crate) by: Vec<(usize, usize)>,
    pub(crate) without: Option<Obligation>,
}

impl Checker<'_, '_> {
    fn settle(&self, question: Question) -> Check<()> {
        let certificate = self.certificate;
        self.require(Obligation::Design, certificate.design == self.world.design.digest, || {
            certificate.design.clone()
        })?;
        self.require(Obligation::Claim, certificate.claim == self.claimed.digest, || certificate.claim.clone())?;
        let asked = Question { as_if_enforced: certificate.as_if_enforced, honour_trusted: certificate.trusted };
        self.require(Obligation::Question, asked == question, || format!("{asked:?}"))?;
        match &self.claimed.claim {
            Claim::Isolated { from, to, services } => self.isolated(*from, *to, *services),
            Claim::IsolatedEver { from, to, services } => self.isolated_ever(*from, *to, *services),
            Claim::OnlyThrough { from, to, via, services } => self.only_through(*from, *to, via, *services),
            Claim::BlastRadius { from, bound } => self.blast_radius(from, bound),
            Claim::Confined { meant, listed, without_allows } => self.confined(meant, listed, *without_allows),
            Claim::Surface { units, entries, exits } => self.surface(units, *entries, *exits),
            Claim::Within { other, equal } => self.within(other, *equal),
            Claim::Allowed { from, to, services } => self.allowed(*from, *to, *services),
            Claim::NoShadowedRules { rulebook } => self.no_shadowed_rules(rulebook.as_deref()),
            Claim::NoRedundantRules { rulebook } => self.no_redundant_rules(rulebook.as_deref()),
            Claim::NoUndefinedOrder { rulebook } => self.no_undefined_order(rulebook.as_deref()),
        }
    }

    /// The same check of another world, of which every point is asked: first those that guard destinations.
    pub(crate) fn in_world<'a>(&'a self, world: &'a World<'a>) -> Checker<'a, 'a> {
        let points = 0..world.design.points.len();
        let by =
            [INGRESS, FORWARD, EGRESS].into_iter().flat_map(|direction| points.clone().map(move |at| (at, direction)));
        Checker { world, claimed: self.claimed, certificate: self.certificate, by: by.collect(), without: self.without }
    }

    /// Refuses unless an obligation is met.
    pub(crate) fn require(&self, obligation: Obligation, met: bool, shown_by: impl FnOnce() -> String) -> Check<()> {
        if met || self.without == Some(obligation) {
            return Ok(());
        }
        Err(Refusal::Unmet { obligation, shown_by: shown_by() })
    }

    /// The endpoints of units that the certificate names.
    pub(crate) fn units(&self, units: &Units) -> Check<Bits> {
        let count = self.world.design.existing();
        if units.last().is_some_and(|(_, last)| *last >= count) {
            return Err(Refusal::NoSuch { kind: "unit" });
        }
        self.world.spend((self.world.bound / 64) as u64 + 1)?;
        Ok(self.world.of_units(units.iter().flat_map(|(first, last)| *first..=*last)))
    }

    /// What is not modelled, with the endpoints that it touches.
    pub(crate) fn unmodelled(&self) -> Vec<(&str, Bits)> {
        let touched = |selector| self.world.selected_units(std::slice::from_ref(selector));
        self.world.design.unmodelled.iter().map(|(what, selector)| (what.as_str(), touched(selector))).collect()
    }

    /// True if a region holds a connection between different ends.
    pub(crate) fn apart(&self, region: &Region) -> bool {
        let of = |ends: &Bits| {
            let mut units = ends.iter().map(|end| self.world.unit_of.get(end).copied());
            let first = units.next()?;
            let is_one = |unit: &usize| !self.world.is_new(*unit);
            Some(first.filter(is_one).filter(|_| units.all(|unit| unit == first)))
        };
        match (of(&region.from), of(&region.to)) {
            (Some(from), Some(to)) => from.is_none() || from != to,
            _ => false,
        }
    }

    /// One of the ends of a set, to print.
    pub(crate) fn name(&self, ends: &Bits) -> String {
        let name = |end: usize| {
            let at = self.world.unit_of.get(end).copied();
            match at.and_then(|at| self.world.design.units.get(at)) {
                Some(unit) if at.is_some_and(|at| self.world.is_new(at)) => newcomers::described(unit),
                Some(unit) => unit.name.clone(),
                None => format!("external endpoint {end}"),
            }
        };
        ends.iter().next().map_or_else(|| "nobody".to_owned(), name)
    }

    /// A connection of a region, to print.
    pub(crate) fn connection(&self, region: &Region) -> String {
        let destination = region.to.iter().find(|to| {
            let unit = |end: usize| self.world.unit_of.get(end);
            region.from.iter().next().is_some_and(|from| unit(from).is_none() || unit(from) != unit(*to))
        });
        let to = Bits::of(destination.or(region.to.iter().next()));
        format!("{} -> {}", self.name(&region.from), self.name(&to))
    }
}
