//! Putting a lab file together with what it is made of.

use super::at::{At, ListOrFile};
use super::document::{Document, ExternalSourceDoc, IgnoreDoc};
use super::names::{Names, UnitIndex};
use super::notes::Notes;
use super::reader::Reader;
use super::waivers::waiver;
use super::{LabFile, NATIVE_RULEBOOK, free_name, units};
use crate::kubernetes::EXPECTATIONS;
use crate::{Reading, Rejected};
use seglab_policy::{
    Assumption, Diagnostic, Draft, EnforcementPoint, Entry, ExternalSource, Ignored, Provenance, RESERVED_WORDS,
    RulebookId, Segment, Severity, SourceId, Span,
};
use std::collections::BTreeSet;

/// Puts a lab file together with the readings of its [`sources`](LabFile::sources), in their order.
///
/// A design that declares no enforcement gets an ideal point at every unit for its `policy`, under a printed
/// assumption.
///
/// # Errors
/// Texts that cannot be read, names that nothing has, and parts that contradict each other, each with its line.
pub fn merge(lab: &LabFile, parts: Vec<Reading>) -> Result<Reading, Rejected> {
    assemble(lab, parts, true)
}

/// The same for a lab file that is itself a part of another: what is absent stays absent.
///
/// # Errors
/// As [`merge`].
pub fn merge_part(lab: &LabFile, parts: Vec<Reading>) -> Result<Reading, Rejected> {
    assemble(lab, parts, false)
}

fn assemble(lab: &LabFile, parts: Vec<Reading>, whole: bool) -> Result<Reading, Rejected> {
    let document = &lab.document;
    let mut draft = Draft { sources: vec![lab.source.clone()], ..Draft::default() };
    let mut diagnostics = Vec::new();
    for part in parts {
        absorb(&mut draft, part, &mut diagnostics);
    }
    if !document.properties.is_empty() {
        draft.properties.retain(|property| !EXPECTATIONS.contains(&property.id.as_str()));
    }
    let mut notes = Notes::new(SourceId(0), &lab.text);
    draft.name = document.name.clone().unwrap_or_else(|| name_of(&lab.source.path));
    if let Some(given) = &document.units
        && let ListOrFile::List(list) = &given.value
    {
        draft.units.extend(list.iter().flat_map(|doc| units::units(doc, &mut notes)));
    }
    for doc in &document.ignore {
        ignore(&mut draft, &mut diagnostics, doc, &mut notes);
    }
    let given = document.assumptions.iter().map(|doc| &doc.value);
    draft.assumptions.extend(given.map(|doc| Assumption { id: doc.id.clone(), text: doc.text.clone() }));
    routes(&mut draft, document, &mut notes);
    diagnostics.extend(read(&mut draft, lab, notes, whole));
    diagnostics.sort_by_key(|diagnostic| diagnostic.span);
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(Rejected { diagnostics, sources: draft.sources });
    }
    Ok(Reading { draft, diagnostics })
}

/// Reads everything that speaks of units.
fn read(draft: &mut Draft, lab: &LabFile, notes: Notes<'_>, whole: bool) -> Vec<Diagnostic> {
    let document = &lab.document;
    // Taken out of the draft while selectors are read against them.
    let units = std::mem::take(&mut draft.units);
    let sources = std::mem::take(&mut draft.external_sources);
    let named = sources.iter().map(|source| source.name.as_str());
    let own = document.external_sources.iter().map(|doc| doc.value.name.as_str());
    let names = Names::new(&units, named.chain(own));
    let mut reader = Reader {
        notes,
        names,
        index: UnitIndex::new(&units, &sources),
        assumptions: Vec::new(),
        rulebooks: Vec::new(),
        references: &lab.references,
        calibration: &lab.calibration,
        calibrated: BTreeSet::new(),
    };
    for segment in &draft.segments {
        reader.names.add_segment(&segment.name, segment.selector.clone());
    }
    reader.segments(document, &mut draft.segments);
    let own: Vec<ExternalSource> =
        document.external_sources.iter().filter_map(|doc| reader.external_source(doc)).collect();
    let stations = reader.stations(&document.services, &draft.stations);
    draft.stations.extend(stations);
    reader.policy(draft, document, whole);
    reader.rulebooks = draft.rulebooks.iter().map(|book| book.name.clone()).collect();
    let needs: Vec<_> = document.needs.iter().filter_map(|doc| reader.need(doc, &draft.stations)).collect();
    draft.needs.extend(needs);
    let calls = reader.calls(&document.services, &draft.stations);
    draft.needs.extend(calls);
    let mut ids: Vec<String> = draft.properties.iter().map(|property| property.id.clone()).collect();
    let properties: Vec<_> = document.properties.iter().filter_map(|doc| reader.property(doc, &mut ids)).collect();
    draft.properties.extend(properties);
    draft.trusted.extend(document.trusted.iter().filter_map(|doc| reader.trusted(doc)));
    draft.waivers.extend(document.waivers.iter().filter_map(|doc| waiver(doc, &mut reader.notes)));
    let mut taken: Vec<String> = draft.attackers.iter().map(|attacker| attacker.name.clone()).collect();
    taken.extend(document.attackers.iter().filter_map(|doc| doc.value.name.clone()));
    draft.attackers.extend(document.attackers.iter().filter_map(|doc| reader.attacker(doc, &mut taken)));
    if let Some(doc) = &document.tradecraft {
        draft.tradecraft.merge(reader.tradecraft(doc));
    }
    draft.movements.extend(document.moves.iter().filter_map(|doc| reader.movement(doc)));
    let controllers = document.controllers.iter().filter_map(|doc| reader.controller(doc, &draft.points));
    draft.controllers.extend(controllers);
    reader.releases(&document.releases, draft);
    if let Some(doc) = &document.approval {
        reader.approval(doc, draft);
    }
    let begun = draft.releases.iter().flat_map(|release| &release.needs);
    let needs: Vec<_> = draft.needs.iter().chain(begun).cloned().collect();
    reader.check_synchronous(&needs);
    if let Some(doc) = &document.monitor {
        let monitor = reader.monitor(doc);
        if draft.monitor.is_some() {
            reader.notes.error("duplicate-name", doc, "a part of the design has a monitor already", "keep one of them");
        }
        draft.monitor = monitor;
    }
    draft.calibrated.append(&mut reader.calibrated);
    draft.unmodelled.extend(document.unmodelled.iter().filter_map(|doc| reader.unmodelled(doc)));
    for assumption in reader.assumptions {
        if !draft.assumptions.contains(&assumption) {
            draft.assumptions.push(assumption);
        }
    }
    let diagnostics = reader.notes.diagnostics;
    draft.units = units;
    draft.external_sources = sources;
    draft.external_sources.extend(own);
    diagnostics
}

impl Reader<'_> {
    /// Segments in their order; each may use those above it.
    fn segments(&mut self, document: &Document, segments: &mut Vec<Segment>) {
        for (name, text) in &document.segments.0 {
            if RESERVED_WORDS.contains(&name.value.as_str()) {
                let message = format!("a segment cannot be called `{}`: selectors read the word otherwise", name.value);
                self.notes.error("invalid-value", name, message, "choose another name");
                continue;
            }
            if self.names.is_unit(&name.value) {
                let message = format!("`{}` is a unit too: selectors that say it mean the unit", name.value);
                self.notes.warning("ambiguous-name", name, message, "choose another name for the segment");
            }
            if let Some(selector) = self.selector(text) {
                self.names.add_segment(&name.value, selector.clone());
                segments.push(Segment { name: name.value.clone(), selector });
            }
        }
    }

    fn external_source(&mut self, doc: &At<ExternalSourceDoc>) -> Option<ExternalSource> {
        let entries = doc.value.entries.iter().map(|entry| {
            let to = self.selector(&entry.value.to);
            let services = self.services(entry.value.service.as_ref(), entry.value.services.as_ref());
            let provenance = Provenance::at(self.notes.span(entry));
            Some(Entry { to: to?, services: services?, provenance })
        });
        Some(ExternalSource {
            name: doc.value.name.clone(),
            entries: entries.collect::<Option<_>>()?,
            labels: doc.value.labels.0.iter().map(|(key, value)| (key.value.clone(), value.clone())).collect(),
        })
    }

    /// Rulebooks and the points that enforce them.
    fn policy(&mut self, draft: &mut Draft, document: &Document, whole: bool) {
        let native = |draft: &Draft| draft.rulebooks.iter().position(|book| book.name == NATIVE_RULEBOOK);
        if let Some(policy) = document.policy.as_ref().filter(|_| native(draft).is_some()) {
            let help = "give one of them a name of its own under `policies`";
            self.notes.error("duplicate-name", policy, "a part of the design has a `policy` already", help);
        }
        draft.rulebooks.extend(self.rulebooks(document.policy.as_ref(), &document.policies));
        let declared = document.enforcement.as_deref().unwrap_or_default();
        let points = self.points(declared, &draft.rulebooks, &draft.points);
        draft.points.extend(points);
        if !whole || self.notes.has_errors() {
            return;
        }
        let carried = |draft: &Draft, at: usize| draft.points.iter().any(|point| point.rulebook.0 as usize == at);
        if document.enforcement.is_none()
            && let Some(at) = native(draft).filter(|&at| !carried(draft, at))
        {
            let names: Vec<String> = draft.points.iter().map(|point| point.name.clone()).collect();
            let rulebook = RulebookId(u32::try_from(at).unwrap_or(u32::MAX));
            draft.points.push(EnforcementPoint::ideal(free_name("ideal", &names), rulebook));
            let text = "no enforcement is declared: an ideal point at every unit enforces `policy`, sees all of the \
                        unit's connections and holds even when the unit is owned";
            self.assume("ideal-enforcement", text);
        }
        for (at, book) in draft.rulebooks.iter().enumerate().filter(|(at, _)| !carried(draft, *at)) {
            let message = format!("no point enforces the rulebook `{}` ({at})", book.name);
            let help =
                format!("add a point that carries it: `enforcement: [{{agent: {{on: all, policy: {}}}}}]`", book.name);
            self.notes.diagnostics.push(Diagnostic::warning("not-enforced", message, None).with_help(help));
        }
        if draft.points.is_empty() && document.enforcement.is_none() {
            let message = "the design has no policy: whatever has a path is allowed";
            self.notes.diagnostics.push(Diagnostic::warning("no-policy", message, None).with_help("add `policy:`"));
        }
    }
}

/// Takes over all of a part, with places that point into the sources of the whole.
fn absorb(draft: &mut Draft, part: Reading, diagnostics: &mut Vec<Diagnostic>) {
    let Reading { draft: mut part, diagnostics: mut said } = part;
    let sources_before = u32::try_from(draft.sources.len()).unwrap_or(u32::MAX);
    let books_before = u32::try_from(draft.rulebooks.len()).unwrap_or(u32::MAX);
    let shift = |span: &mut Option<Span>| {
        if let Some(span) = span {
            span.source.0 += sources_before;
        }
    };
    for_each_provenance(&mut part, |provenance| shift(&mut provenance.span));
    for diagnostic in &mut said {
        shift(&mut diagnostic.span);
        diagnostic.related.iter_mut().for_each(|related| related.span.source.0 += sources_before);
    }
    part.points.iter_mut().for_each(|point| point.rulebook.0 += books_before);
    let additions = part.releases.iter_mut().flat_map(|release| &mut release.adds);
    additions.for_each(|addition| addition.rulebook.0 += books_before);
    draft.sources.extend(part.sources);
    draft.units.extend(part.units);
    draft.external_sources.extend(part.external_sources);
    draft.routes.extend(part.routes);
    draft.segments.extend(part.segments);
    draft.rulebooks.extend(part.rulebooks);
    for mut choice in part.choices {
        choice.tiers.iter_mut().for_each(|tier| tier.rulebook.0 += books_before);
        // Two clusters that were read alike are one choice, as they are one assumption.
        match draft.choices.iter_mut().find(|held| held.assumption == choice.assumption) {
            Some(held) => held.tiers.extend(choice.tiers),
            None => draft.choices.push(choice),
        }
    }
    draft.points.extend(part.points);
    draft.stations.extend(part.stations);
    draft.needs.extend(part.needs);
    draft.properties.extend(part.properties);
    draft.trusted.extend(part.trusted);
    draft.waivers.extend(part.waivers);
    draft.attackers.extend(part.attackers);
    draft.tradecraft.merge(part.tradecraft);
    draft.movements.extend(part.movements);
    draft.controllers.extend(part.controllers);
    draft.releases.extend(part.releases);
    if let Some(approval) = part.approval {
        if draft.approval.is_some() {
            let message = "a part of the design says how rules are approved already";
            said.push(
                Diagnostic::error("duplicate-name", message, approval.provenance.span).with_help("keep one of them"),
            );
        }
        draft.approval = Some(approval);
    }
    draft.calibrated.extend(part.calibrated);
    if let Some(monitor) = part.monitor {
        if draft.monitor.is_some() {
            let span = monitor.provenance.span;
            let error = Diagnostic::error("duplicate-name", "a part of the design has a monitor already", span);
            said.push(error.with_help("keep one of them"));
        }
        draft.monitor = Some(monitor);
    }
    for assumption in part.assumptions {
        if !draft.assumptions.contains(&assumption) {
            draft.assumptions.push(assumption);
        }
    }
    draft.unmodelled.extend(part.unmodelled);
    for ignored in part.ignored {
        let same = |one: &&mut Ignored| one.kind == ignored.kind && one.provenance == ignored.provenance;
        match draft.ignored.iter_mut().find(same) {
            Some(one) => one.count += ignored.count,
            None => draft.ignored.push(ignored),
        }
    }
    diagnostics.extend(said);
}

/// Leaves out what is not modelled of a kind, and says so.
fn ignore(draft: &mut Draft, diagnostics: &mut Vec<Diagnostic>, doc: &At<IgnoreDoc>, notes: &mut Notes<'_>) {
    let IgnoreDoc { kind, reason, owner } = &doc.value;
    let is_of_kind = |what: &str| what.split(' ').next() == Some(kind.as_str());
    let (ignored, kept) = std::mem::take(&mut draft.unmodelled).into_iter().partition(|what| is_of_kind(&what.what));
    let ignored: Vec<seglab_policy::Unmodelled> = ignored;
    draft.unmodelled = kept;
    if ignored.is_empty() {
        let message = format!("nothing of the kind `{kind}` is left out: there is none, or it is modelled");
        notes.warning("ignores-nothing", doc, message, "remove the entry");
        return;
    }
    // The warning that an object is not modelled stands at the object: it has been answered.
    let answered: Vec<Option<Span>> = ignored.iter().map(|what| what.provenance.span).collect();
    diagnostics.retain(|said| said.code != "unmodelled-kind" || !answered.contains(&said.span));
    let by = owner.as_ref().map(|owner| format!(", says {owner}")).unwrap_or_default();
    let objects = seglab_policy::count(ignored.len() as u64, "object", "objects");
    let text = format!("{objects} of the kind {kind} left out of the model: {reason}{by}");
    draft.assumptions.push(Assumption { id: format!("ignored-{kind}"), text });
    let provenance =
        Provenance { reason: Some(reason.clone()), owner: owner.clone(), ..Provenance::at(notes.span(doc)) };
    draft.ignored.push(Ignored { kind: kind.clone(), count: ignored.len() as u64, provenance });
}

fn routes(draft: &mut Draft, document: &Document, notes: &mut Notes<'_>) {
    for route in &document.routes {
        match route.value.as_slice() {
            [a, b] => draft.routes.push((a.clone(), b.clone())),
            _ => {
                let help = "write `[space-a, space-b]`";
                notes.error("invalid-value", route, "a route is between two address spaces", help);
            }
        }
    }
}

fn for_each_provenance(draft: &mut Draft, mut f: impl FnMut(&mut Provenance)) {
    draft.units.iter_mut().for_each(|unit| f(&mut unit.provenance));
    draft.external_sources.iter_mut().flat_map(|one| &mut one.entries).for_each(|entry| f(&mut entry.provenance));
    let tiers = draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers);
    tiers.flat_map(|tier| &mut tier.rules).for_each(|rule| f(&mut rule.provenance));
    draft.points.iter_mut().for_each(|point| f(&mut point.provenance));
    draft.stations.iter_mut().for_each(|station| f(&mut station.provenance));
    draft.needs.iter_mut().for_each(|need| f(&mut need.provenance));
    draft.properties.iter_mut().for_each(|property| f(&mut property.provenance));
    draft.trusted.iter_mut().for_each(|trusted| f(&mut trusted.provenance));
    draft.waivers.iter_mut().for_each(|waiver| f(&mut waiver.provenance));
    draft.attackers.iter_mut().for_each(|attacker| f(&mut attacker.provenance));
    draft.tradecraft.exploits.iter_mut().for_each(|exploit| f(&mut exploit.provenance));
    draft.tradecraft.escalations.iter_mut().for_each(|escalation| f(&mut escalation.provenance));
    draft.movements.iter_mut().for_each(|movement| f(&mut movement.provenance));
    for release in &mut draft.releases {
        f(&mut release.provenance);
        release.needs.iter_mut().for_each(|need| f(&mut need.provenance));
        release.adds.iter_mut().for_each(|addition| f(&mut addition.rule.provenance));
    }
    draft.controllers.iter_mut().for_each(|controller| f(&mut controller.provenance));
    draft.approval.iter_mut().for_each(|approval| f(&mut approval.provenance));
    draft.monitor.iter_mut().for_each(|monitor| f(&mut monitor.provenance));
    draft.unmodelled.iter_mut().for_each(|what| f(&mut what.provenance));
    draft.ignored.iter_mut().for_each(|ignored| f(&mut ignored.provenance));
}

/// What a design without a name is called: its file, or the folder where the file is called as all are.
fn name_of(path: &str) -> String {
    let mut pieces = path.rsplit('/').filter(|piece| !piece.is_empty());
    let file = pieces.next().unwrap_or(path);
    let stem = file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml")).unwrap_or(file);
    match pieces.next() {
        Some(folder) if file == super::FILE_NAME && !matches!(folder, "." | "..") => folder.to_owned(),
        _ => stem.to_owned(),
    }
}
