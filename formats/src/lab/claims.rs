//! Needs, trusted units, attackers and the monitor.

use super::at::At;
use super::document::{AttackerDoc, ChanceDoc, MonitorDoc, NeedDoc, TrustedDoc, UnmodelledDoc};
use super::reader::Reader;
use super::waivers::date;
use crate::text;
use seglab_policy::{Attacker, Monitor, Need, Provenance, Selector, Trusted, Unmodelled};

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

    pub(super) fn trusted(&mut self, doc: &At<TrustedDoc>) -> Option<Trusted> {
        let given = &doc.value;
        if let Some(expires) = &given.expires {
            date(expires, &mut self.notes);
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
