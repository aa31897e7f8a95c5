//! Needs, properties, trusted units, attackers and the monitor.

use super::at::{At, Texts};
use super::document::{
    Asked, AttackerDoc, ChanceDoc, ExposedDoc, MonitorDoc, NeedDoc, PropertyDoc, TrustedDoc, UnmodelledDoc,
};
use super::reader::Reader;
use crate::text;
use seglab_policy::{
    Attacker, Claim, Monitor, Need, Pivot, Property, Provenance, Selector, Trust, Trusted, Unmodelled, View,
};

/// What a need or an attacker does where the file does not say.
const RATE_PER_SECOND: f64 = 1.0;
const EXPLOIT: (f64, u64) = (0.5, 20 * 60 * 1_000_000_000);
const LOGIN: (f64, u64) = (0.9, 60 * 1_000_000_000);

impl Reader<'_> {
    pub(super) fn need(&mut self, doc: &At<NeedDoc>) -> Option<Need> {
        let given = &doc.value;
        if given.service.is_none() && given.services.is_none() {
            let help = "name the service that must work: `service: tcp/443`";
            self.notes.error("missing-key", doc, "the need has no `service`", help);
            return None;
        }
        let (from, to) = (self.peer(&given.from), self.peer(&given.to));
        let services = self.services(given.service.as_ref(), given.services.as_ref());
        let rate_per_second = match &given.rate {
            Some(rate) => self.notes.parsed(rate, text::rate_per_second(&rate.value))?,
            None => {
                let text = "a need whose rate is not given is taken to open one connection a second from each source";
                self.assume("need-rate-default", text);
                RATE_PER_SECOND
            }
        };
        Some(Need {
            from: from?,
            to: to?,
            services: services?,
            rate_per_second,
            synchronous: given.synchronous,
            provenance: self.provenance(doc, [&given.reason, &given.owner, &given.ticket]),
        })
    }

    /// A property; one without an id is called by its kind and the first number that is free among `ids`.
    pub(super) fn property(&mut self, doc: &At<PropertyDoc>, ids: &mut Vec<String>) -> Option<Property> {
        let asked = asked(&doc.value);
        let views = [View::Policy, View::Service].map(|view| (view.to_string(), view));
        let trusts =
            [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid].map(|trust| (trust.to_string(), trust));
        let view = match asked.view {
            Some(text) => self.one_of(text, "a view", &views),
            None => Some(View::default()),
        };
        let pivot = match asked.pivot {
            Some(text) => self.one_of(text, "a pivot model", &Pivot::ALL.map(|pivot| (pivot.to_string(), pivot))),
            None => Some(Pivot::default()),
        };
        let trust = match asked.trust {
            Some(text) => self.one_of(text, "a level of trust", &trusts),
            None => Some(Trust::default()),
        };
        if let Some(hops) = asked.hops.filter(|hops| hops.value == 0) {
            self.notes.error(
                "invalid-value",
                hops,
                "no hop reaches nothing",
                "give 1 for direct reach, or leave it out",
            );
        }
        let claim = self.claim(doc)?;
        let id = match asked.id {
            Some(id) => id.to_owned(),
            None => {
                let mut numbered = (1..).map(|number: u32| format!("{}-{number}", claim.kind()));
                let id = numbered.find(|name| !ids.contains(name))?;
                ids.push(id.clone());
                id
            }
        };
        Some(Property {
            id,
            claim,
            view: view?,
            pivot: pivot?,
            trust: trust?,
            hops_max: asked.hops.map(|hops| hops.value),
            provenance: self.provenance(doc, asked.notes),
        })
    }

    fn claim(&mut self, doc: &At<PropertyDoc>) -> Option<Claim> {
        let services =
            |reader: &mut Self, one: &Option<Texts>, many: &Option<Texts>| reader.services(one.as_ref(), many.as_ref());
        Some(match &doc.value {
            PropertyDoc::Isolated(given) => {
                let (from, to) = (self.peer(&given.from), self.peer(&given.to));
                let services = services(self, &given.service, &given.services);
                Claim::Isolated { from: from?, to: to?, services: services? }
            }
            PropertyDoc::Allowed(given) => {
                let (from, to) = (self.peer(&given.from), self.peer(&given.to));
                let services = services(self, &given.service, &given.services);
                Claim::Allowed { from: from?, to: to?, services: services? }
            }
            PropertyDoc::OnlyThrough(given) => {
                let (from, to) = (self.peer(&given.from), self.peer(&given.to));
                let via = self.selector(&given.via);
                let services = services(self, &given.service, &given.services);
                Claim::OnlyThrough { from: from?, to: to?, via: via?, services: services? }
            }
            PropertyDoc::BlastRadius(given) => {
                let from = self.selector(&given.from);
                let at_most = self.notes.parsed(&given.at_most, text::at_most(&given.at_most.value));
                Claim::BlastRadius { from: from?, at_most: at_most? }
            }
            PropertyDoc::Exposed(given) => self.exposed(doc, given)?,
        })
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

    pub(super) fn trusted(&mut self, doc: &At<TrustedDoc>) -> Option<Trusted> {
        let given = &doc.value;
        if let Some(expires) = given.expires.as_ref().filter(|expires| !is_date(&expires.value)) {
            let message = format!("`{}` is not a date", expires.value);
            self.notes.error("invalid-value", expires, message, "write it as `2027-01-31`");
        }
        Some(Trusted {
            units: self.selector(&given.units)?,
            owner: given.owner.clone(),
            reason: given.reason.clone(),
            expires: given.expires.as_ref().map(|expires| expires.value.clone()),
            provenance: Provenance::at(self.notes.span(doc)),
        })
    }

    pub(super) fn attacker(&mut self, doc: &At<AttackerDoc>, names: &mut Vec<String>) -> Option<Attacker> {
        let given = &doc.value;
        let foothold = self.notes.parsed(&given.foothold, text::selector(&given.foothold.value, &self.names))?;
        if self.index.select(&foothold).is_empty() {
            let message = format!("the foothold `{}` selects no unit", given.foothold.value);
            self.notes.error(
                "selects-nothing",
                &given.foothold,
                message,
                "choose units that the attacker may start from",
            );
            return None;
        }
        let name = given.name.clone().unwrap_or_else(|| {
            let name = super::free_name("attacker", names);
            names.push(name.clone());
            name
        });
        let scan_rate_per_second = match &given.scan_rate {
            Some(rate) => self.notes.parsed(rate, text::rate_per_second(&rate.value))?,
            None => {
                self.assume_default(&name, "tries one endpoint a second from each owned unit");
                RATE_PER_SECOND
            }
        };
        let (exploit_probability, exploit_mean_ns) = match &given.exploit {
            Some(chance) => self.chance(chance)?,
            None => {
                self.assume_default(&name, "exploits a vulnerability with probability 0.5, in 20 minutes on average");
                EXPLOIT
            }
        };
        let (login_probability, login_mean_ns) = match &given.login {
            Some(chance) => self.chance(chance)?,
            None => {
                self.assume_default(&name, "logs in with a credential with probability 0.9, in a minute on average");
                LOGIN
            }
        };
        Some(Attacker {
            name,
            foothold,
            scan_rate_per_second,
            exploit_probability,
            exploit_mean_ns,
            login_probability,
            login_mean_ns,
            provenance: Provenance::at(self.notes.span(doc)),
        })
    }

    fn assume_default(&mut self, attacker: &str, does: &str) {
        let text = format!("the attacker `{attacker}` {does}: a default of seglab, not a measurement");
        self.assume("attacker-default", text);
    }

    fn chance(&mut self, given: &ChanceDoc) -> Option<(f64, u64)> {
        let (probability, mean) = (self.probability(&given.probability), self.duration(&given.mean));
        Some((probability?, mean?))
    }

    pub(super) fn monitor(&mut self, doc: &At<MonitorDoc>) -> Option<Monitor> {
        let given = &doc.value;
        let denied_alert_probability = match &given.denied_alerts {
            Some(probability) => self.probability(probability),
            None => Some(0.0),
        };
        let sensor = match &given.sensor {
            Some(chance) => self.chance(chance),
            None => Some((0.0, 0)),
        };
        let response_mean_ns = self.duration(&given.response);
        let (sensor_probability, sensor_mean_ns) = sensor?;
        Some(Monitor {
            denied_alert_probability: denied_alert_probability?,
            sensor_probability,
            sensor_mean_ns,
            response_mean_ns: response_mean_ns?,
            provenance: Provenance::at(self.notes.span(doc)),
        })
    }

    pub(super) fn unmodelled(&mut self, doc: &At<UnmodelledDoc>) -> Option<Unmodelled> {
        let touches = match &doc.value.touches {
            Some(text) => self.selector(text)?,
            None => Selector::Everything,
        };
        let provenance = Provenance::at(self.notes.span(doc));
        Some(Unmodelled { what: doc.value.what.clone(), touches, provenance })
    }
}

fn asked(doc: &PropertyDoc) -> Asked<'_> {
    match doc {
        PropertyDoc::Isolated(given) => given.asked(),
        PropertyDoc::Allowed(given) => given.asked(),
        PropertyDoc::OnlyThrough(given) => given.asked(),
        PropertyDoc::BlastRadius(given) => given.asked(),
        PropertyDoc::Exposed(given) => given.asked(),
    }
}

/// True for `YYYY-MM-DD` with a month and a day that there are.
fn is_date(text: &str) -> bool {
    let mut pieces = text.split('-').map(|piece| (piece.len(), piece.parse::<u32>()));
    let fits = |piece: Option<(usize, Result<u32, _>)>, length, max| matches!(piece, Some((given, Ok(number))) if given == length && (1..=max).contains(&number));
    fits(pieces.next(), 4, 9999) && fits(pieces.next(), 2, 12) && fits(pieces.next(), 2, 31) && pieces.next().is_none()
}
