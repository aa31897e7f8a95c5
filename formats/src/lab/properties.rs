//! Properties: claims, and the questions that they are asked under.

use super::at::{At, Text, Texts};
use super::property_document::{
    Asked, BlastRadiusDoc, DefaultDenyDoc, ExposedDoc, FlowDoc, OnlyDoc, PropertyDoc, SurfaceDoc,
};
use super::reader::Reader;
use crate::text;
use seglab_policy::{
    Asks, Claim, Direction, Directions, Flow, Peer, Pivot, Property, Reference, Selector, Service, Statistic, Trust,
    View,
};

impl Reader<'_> {
    /// A property; one without an id is called by its kind and the first number that is free among `ids`.
    pub(super) fn property(&mut self, doc: &At<PropertyDoc>, ids: &mut Vec<String>) -> Option<Property> {
        let asked = doc.value.asked();
        let views = [View::Policy, View::Service].map(|view| (view.to_string(), view));
        let pivots = Pivot::ALL.map(|pivot| (pivot.to_string(), pivot));
        let trusts =
            [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid].map(|trust| (trust.to_string(), trust));
        let view = self.given(asked.view, "a view", &views);
        let pivot = self.given(asked.pivot, "a pivot model", &pivots);
        let trust = self.given(asked.trust, "a level of trust", &trusts);
        if let Some(hops) = asked.hops.filter(|hops| hops.value == 0) {
            let help = "give 1 for direct reach, or leave it out";
            self.notes.error("invalid-value", hops, "no hop reaches nothing", help);
        }
        let claim = self.claim(doc)?;
        self.refuse_what_means_nothing(claim.kind(), claim.asks(), &asked);
        let may_be_ever = matches!(claim, Claim::Isolated { .. } | Claim::IsolatedEver { .. });
        if let Some(ever) = asked.ever.filter(|_| !may_be_ever) {
            let message = format!("`ever` means nothing to `{}`", claim.kind());
            let help = "remove it: of units that do not exist yet only `isolated` is asked";
            self.notes.error("means-nothing", ever, message, help);
        }
        let id = match asked.id {
            Some(id) => id.to_owned(),
            None => {
                let mut numbered = (1..).map(|number: u32| format!("{}-{number}", claim.kind()));
                let id = numbered.find(|name| !ids.contains(name))?;
                ids.push(id.clone());
                id
            }
        };
        let usual = Property::new(id, claim);
        Some(Property {
            view: view?.unwrap_or(usual.view),
            pivot: pivot?.unwrap_or(usual.pivot),
            trust: trust?.unwrap_or(usual.trust),
            hops_max: asked.hops.map(|hops| hops.value),
            provenance: self.provenance(doc, asked.notes),
            ..usual
        })
    }

    /// The value of a name that may be given; `None` if it is none of those that there are.
    fn given<T: Copy>(&mut self, text: Option<&Text>, what: &str, known: &[(String, T)]) -> Option<Option<T>> {
        text.map_or(Some(None), |text| self.one_of(text, what, known).map(Some))
    }

    /// Whoever writes a pivot model beside a claim that knows none believes that something else is asked.
    fn refuse_what_means_nothing(&mut self, kind: &str, asks: Asks, asked: &Asked<'_>) {
        let texts =
            [("view", asks.view, asked.view), ("pivot", asks.pivot, asked.pivot), ("trust", asks.trust, asked.trust)];
        let given = texts.into_iter().filter_map(|(key, means, text)| Some((key, means, text?.with(()))));
        let hops = asked.hops.map(|hops| ("hops", asks.hops, hops.with(())));
        let refused: Vec<_> = given.chain(hops).filter(|(_, means, _)| !means).collect();
        for (key, _, place) in refused {
            let meant = [("view", asks.view), ("pivot", asks.pivot), ("trust", asks.trust), ("hops", asks.hops)];
            let meant: Vec<&str> = meant.into_iter().filter(|(_, means)| *means).map(|(key, _)| key).collect();
            let help = match meant.as_slice() {
                [] => format!("remove it: `{kind}` is asked in one way only"),
                meant => format!("remove it: `{kind}` is asked under `{}` only", meant.join("` and `")),
            };
            let message = format!("`{key}` means nothing to `{kind}`");
            self.notes.error("means-nothing", &place, message, &help);
        }
    }

    fn claim(&mut self, doc: &At<PropertyDoc>) -> Option<Claim> {
        Some(match &doc.value {
            PropertyDoc::Isolated(given) => {
                let ever = given.ever.as_ref().is_some_and(|ever| ever.value);
                let (from, to) = (self.peer_of(&given.from, ever), self.peer_of(&given.to, ever));
                let services = self.services(given.service.as_ref(), given.services.as_ref());
                let (from, to, services) = (from?, to?, services?);
                match ever {
                    true => Claim::IsolatedEver { from, to, services },
                    false => Claim::Isolated { from, to, services },
                }
            }
            PropertyDoc::Allowed(given) => {
                let (from, to, services) = self.flow(&given.from, &given.to, [&given.service, &given.services])?;
                Claim::Allowed { from, to, services }
            }
            PropertyDoc::OnlyThrough(given) => {
                let flow = self.flow(&given.from, &given.to, [&given.service, &given.services]);
                let via = self.selector(&given.via)?;
                let (from, to, services) = flow?;
                Claim::OnlyThrough { from, to, via, services }
            }
            PropertyDoc::BlastRadius(given) => self.blast_radius(given)?,
            PropertyDoc::Exposed(given) => self.exposed(doc, given)?,
            PropertyDoc::EgressOnlyTo(given) => {
                let (from, to) = (self.selector(&given.from), self.peer(&given.to));
                let services = self.services(given.service.as_ref(), given.services.as_ref());
                Claim::EgressOnlyTo { from: from?, to: to?, services: services? }
            }
            PropertyDoc::Only(given) => self.only(given)?,
            PropertyDoc::Within(given) => Claim::Within { reference: self.reference(&given.design)? },
            PropertyDoc::Equal(given) => Claim::Equal { reference: self.reference(&given.design)? },
            PropertyDoc::DefaultDeny(given) => self.default_deny(given)?,
            PropertyDoc::Surface(given) => self.surface(doc, given)?,
            PropertyDoc::NoShadowedRules(given) => {
                Claim::NoShadowedRules { rulebook: self.rulebook_of(&given.policy)? }
            }
            PropertyDoc::NoRedundantRules(given) => {
                Claim::NoRedundantRules { rulebook: self.rulebook_of(&given.policy)? }
            }
            PropertyDoc::NoUndefinedOrder(given) => {
                Claim::NoUndefinedOrder { rulebook: self.rulebook_of(&given.policy)? }
            }
        })
    }

    /// Who, to whom, on which services; what is wrong with any of them is said.
    fn flow(
        &mut self,
        from: &Texts,
        to: &Texts,
        [one, many]: [&Option<Texts>; 2],
    ) -> Option<(Peer, Peer, Vec<Service>)> {
        let (from, to) = (self.peer(from), self.peer(to));
        let services = self.services(one.as_ref(), many.as_ref());
        Some((from?, to?, services?))
    }

    /// The name of a rulebook of the design, or `None` for every one.
    fn rulebook_of(&mut self, given: &Option<Text>) -> Option<Option<String>> {
        let Some(given) = given else { return Some(None) };
        if self.rulebooks.contains(&given.value) {
            return Some(Some(given.value.clone()));
        }
        let known = self.rulebooks.iter().map(String::as_str);
        let help =
            text::suggestion(&given.value, known).unwrap_or_else(|| "leave it out for every rulebook".to_owned());
        self.notes.error("unknown-name", given, format!("there is no rulebook `{}`", given.value), &help);
        None
    }

    fn reference(&mut self, path: &Text) -> Option<Reference> {
        let found = self.references.get(&path.value).cloned();
        if found.is_none() {
            let message = format!("the design `{}` was not read", path.value);
            self.notes.error("not-read", path, message, "name a lab file, or a file or folder of manifests");
        }
        found
    }

    fn blast_radius(&mut self, given: &BlastRadiusDoc) -> Option<Claim> {
        let from = self.selector(&given.from);
        let at_most = self.notes.parsed(&given.at_most, text::at_most(&given.at_most.value));
        let of = match &given.of {
            Some(of) => self.notes.parsed(of, text::statistic(&of.value)),
            None => Some(Statistic::default()),
        };
        Some(Claim::BlastRadius { from: from?, at_most: at_most?, of: of? })
    }

    fn exposed(&mut self, doc: &At<PropertyDoc>, given: &ExposedDoc) -> Option<Claim> {
        let (addresses, inbound) = match (&given.from, &given.to) {
            (Some(from), None) => (self.external_addresses(from), true),
            (None, Some(to)) => (self.external_addresses(to), false),
            _ => {
                let help = "write `from: internet` for what can be reached, or `to: internet` for what can reach out";
                self.notes.error("invalid-value", doc, "`exposed` has exactly one of `from` and `to`", help);
                return None;
            }
        };
        let only = self.selector(&given.only);
        let services = self.services(given.service.as_ref(), given.services.as_ref());
        Some(Claim::Exposed { external: addresses?, inbound, only: only?, services: services? })
    }

    fn only(&mut self, given: &OnlyDoc) -> Option<Claim> {
        let read = |reader: &mut Self, doc: &At<FlowDoc>| {
            let FlowDoc { from, to, service, services } = &doc.value;
            reader.flow(from, to, [service, services]).map(|(from, to, services)| Flow { from, to, services })
        };
        let flows: Vec<Option<Flow>> = given.flows.iter().map(|doc| read(self, doc)).collect();
        let among: Option<Option<Selector>> = match &given.among {
            Some(among) => self.selector(among).map(Some),
            None => Some(None),
        };
        Some(Claim::Only { flows: flows.into_iter().collect::<Option<_>>()?, among: among? })
    }

    fn default_deny(&mut self, given: &DefaultDenyDoc) -> Option<Claim> {
        let known = [
            ("both".to_owned(), Directions::UNIT),
            ("ingress".to_owned(), Directions::only(Direction::Ingress)),
            ("egress".to_owned(), Directions::only(Direction::Egress)),
        ];
        let units = self.selector(&given.units);
        let directions = self.given(given.directions.as_ref(), "`ingress`, `egress` or `both`", &known);
        Some(Claim::DefaultDeny { units: units?, directions: directions?.unwrap_or(Directions::UNIT) })
    }

    fn surface(&mut self, doc: &At<PropertyDoc>, given: &SurfaceDoc) -> Option<Claim> {
        let bound = |bound: &Option<At<u32>>| bound.as_ref().map(|bound| bound.value);
        let (entries_max, exits_max) = (bound(&given.entries_at_most), bound(&given.exits_at_most));
        if entries_max.is_none() && exits_max.is_none() {
            let help = "write `entries-at-most: 5` for who can connect to a unit, `exits-at-most: 5` for the other way";
            self.notes.error("missing-key", doc, "`surface` bounds neither entries nor exits", help);
            return None;
        }
        Some(Claim::Surface { units: self.selector(&given.units)?, entries_max, exits_max })
    }
}
