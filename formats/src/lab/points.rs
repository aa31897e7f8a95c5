//! Enforcement points.

use super::NATIVE_RULEBOOK;
use super::at::At;
use super::document::{PlacementDoc, PointDoc};
use super::reader::Reader;
use crate::text::suggestion;
use seglab_policy::{
    Directions, EnforcementPoint, Level, Mode, Placement, PointKind, Provenance, Refusal, Rulebook, RulebookId,
    Selector,
};

/// The levels of places, with their names.
const LEVELS: [Level; 3] = [Level::Site, Level::Zone, Level::Subnet];

impl Reader<'_> {
    /// The points of a file, which carry rulebooks of the design; `taken` are names of points that there are already.
    pub(super) fn points(
        &mut self,
        docs: &[At<PointDoc>],
        books: &[Rulebook],
        taken: &[EnforcementPoint],
    ) -> Vec<EnforcementPoint> {
        let mut names: Vec<String> = taken.iter().map(|point| point.name.clone()).collect();
        names.extend(docs.iter().filter_map(|doc| kind_of(&doc.value).1.name.clone()));
        let mut points = Vec::new();
        for doc in docs {
            let (kind, placement) = kind_of(&doc.value);
            let name = placement.name.clone().unwrap_or_else(|| {
                let name = super::free_name(&kind.to_string(), &names);
                names.push(name.clone());
                name
            });
            points.extend(self.point(doc, kind, placement, name, books));
        }
        points
    }

    fn point(
        &mut self,
        doc: &At<PointDoc>,
        kind: PointKind,
        given: &PlacementDoc,
        name: String,
        books: &[Rulebook],
    ) -> Option<EnforcementPoint> {
        let placement = self.placement(doc, given);
        if let (PointKind::Agent, Some(Placement::Units(on))) = (kind, &placement) {
            self.check_hosts_agents(doc, on);
        }
        let met = match placement {
            Some(Placement::Between(_) | Placement::Around(..)) => Directions::ALL,
            Some(Placement::Units(_)) | None => Directions::UNIT,
        };
        let directions = self.directions(given.at.as_ref(), met);
        let modes = [Mode::Off, Mode::Listen, Mode::Alert, Mode::Enforce].map(|mode| (mode.to_string(), mode));
        let mode = match &given.mode {
            Some(text) => self.one_of(text, "a mode", &modes),
            None => Some(Mode::Enforce),
        };
        let refusals = [Refusal::Drop, Refusal::Reject].map(|refusal| (refusal.to_string(), refusal));
        let refusal = match &given.deny_by {
            Some(text) => self.one_of(text, "a way to deny", &refusals),
            None => Some(Refusal::Drop),
        };
        let rulebook = self.carried(doc, given, books);
        let operation = self.operation(given, placement.as_ref());
        let load = self.load(given.load.as_ref(), kind);
        Some(EnforcementPoint {
            name,
            kind,
            placement: placement?,
            directions: directions?,
            mode: mode?,
            refusal: refusal?,
            rulebook: rulebook?,
            exempts_host: given.exempts_host,
            controller: given.controller.clone(),
            operation: operation?,
            load: load?,
            provenance: Provenance::at(self.notes.span(doc)),
        })
    }

    /// An agent on a unit that cannot host one is enforcement that will never be there.
    fn check_hosts_agents(&mut self, doc: &At<PointDoc>, on: &Selector) {
        let selected = self.index.select(on);
        let units = selected.iter().filter_map(|&at| self.index.units().get(at));
        let unable: Vec<&str> = units.filter(|unit| !unit.can_host_agent).map(|unit| unit.name.as_str()).collect();
        if let Some(first) = unable.first() {
            let message = format!(
                "of {} with the agent {} cannot host one, such as `{first}`: results count it as there",
                seglab_policy::count(selected.len() as u64, "unit", "units"),
                seglab_policy::number(unable.len() as u64),
            );
            let help = format!("leave them out: `on: ... and not {first}`, or protect them otherwise");
            self.notes.warning("agent-cannot-run", doc, message, &help);
        }
    }

    fn placement(&mut self, doc: &At<PointDoc>, given: &PlacementDoc) -> Option<Placement> {
        let levels = LEVELS.map(|level| (level.to_string(), level));
        match (&given.on, &given.between, &given.around) {
            (Some(on), None, None) => self.selector(on).map(Placement::Units),
            (None, Some(level), None) => self.one_of(level, "a level of places", &levels).map(Placement::Between),
            (None, None, Some(place)) => {
                let [(level, name)] = place.value.0.as_slice() else {
                    self.notes.error(
                        "invalid-value",
                        place,
                        "a point stands around one place",
                        "write `around: {zone: dmz}`",
                    );
                    return None;
                };
                let of = self.one_of(level, "a level of places", &levels)?;
                let interfaces = self.index.units().iter().flat_map(|unit| &unit.interfaces);
                let known: Vec<&str> = interfaces.filter_map(|one| of.of(&one.place)).collect();
                if !known.contains(&name.as_str()) {
                    let known: std::collections::BTreeSet<&str> = known.into_iter().collect();
                    let help = suggestion(name, known).unwrap_or_else(|| "correct it, or remove the point".to_owned());
                    let message = format!("no unit stands in the {of} `{name}`");
                    self.notes.warning("selects-nothing", place, message, &help);
                }
                Some(Placement::Around(of, name.clone()))
            }
            _ => {
                let help = "write `on: SELECTOR` for points at units, `between: zone` or `around: {zone: dmz}`";
                self.notes.error("invalid-value", doc, "a point has exactly one of `on`, `between` and `around`", help);
                None
            }
        }
    }

    fn carried(&mut self, doc: &At<PointDoc>, given: &PlacementDoc, books: &[Rulebook]) -> Option<RulebookId> {
        let wanted = given.policy.as_ref().map_or(NATIVE_RULEBOOK, |text| text.value.as_str());
        let position = books.iter().position(|book| book.name == wanted);
        if let Some(id) = position.and_then(|at| u32::try_from(at).ok()) {
            return Some(RulebookId(id));
        }
        let known = books.iter().map(|book| book.name.as_str());
        let help = suggestion(wanted, known).unwrap_or_else(|| "declare it under `policies`".to_owned());
        match &given.policy {
            Some(text) => {
                self.notes.error("unknown-name", text, format!("no rulebook is called `{wanted}`"), &help);
            }
            None => {
                let message = "the point has nothing to enforce: there is no `policy`";
                self.notes.error("unknown-name", doc, message, "add `policy:`, or name a rulebook with `policy: NAME`");
            }
        }
        None
    }
}

fn kind_of(doc: &PointDoc) -> (PointKind, &PlacementDoc) {
    match doc {
        PointDoc::Agent(placement) => (PointKind::Agent, placement),
        PointDoc::Host(placement) => (PointKind::Host, placement),
        PointDoc::Appliance(placement) => (PointKind::Appliance, placement),
        PointDoc::Cloud(placement) => (PointKind::Cloud, placement),
    }
}
