//! Needs, trusted units, attackers and the monitor.

use super::at::{At, Text, TextOr};
use super::document::{
    AttackerDoc, ChanceDoc, MonitorDoc, NeedDoc, PatchingDoc, StrategyDoc, TrustedDoc, UnmodelledDoc,
};
use super::reader::Reader;
use super::units::single_port;
use super::waivers::date;
use crate::text;
use seglab_policy::{
    Arrivals, Attacker, Conduct, Defence, Diagnostic, Exfiltration, Input, Monitor, Need, Patching, Patience,
    Provenance, Selector, Service, Station, Strategy, Transport, Triage, Trusted, Unmodelled, WayIn,
};

/// What a need does where the file does not say.
const RATE_PER_SECOND: f64 = 1.0;
/// More retries than this are a slip of the pen.
const RETRIES_MAX: u32 = 100;

impl Reader<'_> {
    pub(super) fn need(&mut self, doc: &At<NeedDoc>, stations: &[Station]) -> Option<Need> {
        let given = &doc.value;
        let called = match given.to.iter().collect::<Vec<_>>().as_slice() {
            [one] => stations.iter().find(|station| station.name == one.value),
            _ => None,
        };
        let says_service = given.service.is_some() || given.services.is_some();
        if !says_service && called.is_none() {
            let help = "name the service that must work: `service: tcp/443`";
            self.notes.error("missing-key", doc, "the need has no `service`", help);
            return None;
        }
        if let Some(answering) = &given.answering {
            self.check_answering(answering, given.synchronous, stations)?;
        }
        let (from, to) = (self.peer(&given.from), self.peer(&given.to));
        let services = match called.filter(|_| !says_service) {
            Some(station) => Some(vec![Service::ports(station.protocol, station.port, station.port)]),
            None => self.services(given.service.as_ref(), given.services.as_ref()),
        };
        let (arrivals, patience) = (self.arrivals(given), self.patience(&given.timeout, &given.retries));
        Some(Need {
            from: from?,
            to: to?,
            services: services?,
            arrivals: arrivals?,
            synchronous: given.synchronous,
            answering: given.answering.as_ref().map(|answering| answering.value.clone()),
            patience: patience?,
            provenance: self.provenance(doc, [&given.reason, &given.owner, &given.ticket]),
        })
    }

    fn check_answering(&mut self, given: &Text, synchronous: bool, stations: &[Station]) -> Option<()> {
        let (message, help) = if !stations.iter().any(|station| station.name == given.value) {
            let help = text::suggestion(&given.value, stations.iter().map(|station| station.name.as_str()));
            let help = help.unwrap_or_else(|| "declare it under `services`".to_owned());
            (format!("no service is called `{}`", given.value), help)
        } else if synchronous {
            return Some(());
        } else {
            ("`answering` is given without `synchronous: true`".to_owned(), "add it, or remove `answering`".to_owned())
        };
        self.notes.error("invalid-value", given, message, &help);
        None
    }

    /// When one source opens connections of its own accord.
    fn arrivals(&mut self, given: &NeedDoc) -> Option<Arrivals> {
        if let Some(every) = &given.every {
            for other in [given.rate.as_ref().map(|rate| self.notes.span(rate)), None].into_iter().flatten() {
                let help = "write `rate` for what comes at any time, `every` for what comes at fixed times";
                let said = Diagnostic::error("invalid-value", "both `rate` and `every` are given", Some(other));
                self.notes.diagnostics.push(said.with_help(help));
            }
            self.refuse_without_rate(given);
            let every_ns = self.time_above_zero(every)?;
            let first_ns = match &given.at {
                Some(at) => self.duration(at)?,
                None => every_ns,
            };
            return given.rate.is_none().then_some(Arrivals::Periodic { every_ns, first_ns });
        }
        if let Some(at) = &given.at {
            let help = "say how often after that: `every: 1d`";
            self.notes.error("invalid-value", at, "`at` is given without `every`", help);
            return None;
        }
        let Some(rate) = &given.rate else {
            if self.refuse_without_rate(given) {
                return None;
            }
            if given.synchronous {
                return Some(Arrivals::NEVER);
            }
            let text = "a need whose rate is not given is taken to open one connection a second from each source";
            self.assume("need-rate-default", text);
            return Some(Arrivals::Even { rate_per_second: RATE_PER_SECOND });
        };
        let rate_per_second = self.notes.parsed(rate, text::rate_per_second(&rate.value))?;
        match (&given.bursts, &given.daily) {
            (None, None) => Some(Arrivals::Even { rate_per_second }),
            (Some(bursts), None) => {
                let (length, pause) =
                    (self.time_above_zero(&bursts.value.length), self.time_above_zero(&bursts.value.pause));
                Some(Arrivals::Bursts { rate_per_second, length_ns: length?, pause_ns: pause? })
            }
            (None, Some(daily)) => {
                let (peak_ns, swing) = (self.duration(&daily.value.peak), self.probability(&daily.value.swing));
                Some(Arrivals::Daily { rate_per_second, swing: swing?, peak_ns: peak_ns? })
            }
            (Some(_), Some(daily)) => {
                let help = "write a need for each: one that comes in bursts, one that follows the day";
                self.notes.error("invalid-value", daily, "both `bursts` and `daily` are given", help);
                None
            }
        }
    }

    /// Bursts and days shape a rate; without one they are an error.
    fn refuse_without_rate(&mut self, given: &NeedDoc) -> bool {
        let bursts = given.bursts.as_ref().map(|doc| (self.notes.span(doc), "bursts"));
        let daily = given.daily.as_ref().map(|doc| (self.notes.span(doc), "daily"));
        let found = bursts.or(daily);
        if let Some((span, key)) = found {
            let said = Diagnostic::error("invalid-value", format!("`{key}` is given without `rate`"), Some(span));
            self.notes.diagnostics.push(said.with_help("say how often: `rate: 2/s`"));
        }
        found.is_some()
    }

    /// A duration that has to be above zero. \[ns\]
    pub(super) fn time_above_zero(&mut self, given: &Text) -> Option<u64> {
        let ns = self.duration(given)?;
        if ns == 0 {
            let message = format!("`{}` is not a time above zero", given.value);
            self.notes.error("invalid-value", given, message, "give a time such as `1s`, or leave the key out");
            return None;
        }
        Some(ns)
    }

    /// How long a caller waits, and how often it tries again.
    pub(super) fn patience(&mut self, timeout: &Option<Text>, retries: &Option<At<u32>>) -> Option<Patience> {
        let timeout_ns = match timeout {
            Some(given) => Some(self.time_above_zero(given)?),
            None => None,
        };
        let given = retries.as_ref().map_or(0, |given| given.value);
        if let Some(at) = retries.as_ref().filter(|_| given > RETRIES_MAX) {
            let message = format!("`{given}` retries are too many");
            self.notes.error("invalid-value", at, message, &format!("give at most {RETRIES_MAX}"));
            return None;
        }
        Some(Patience { timeout_ns, retries: given })
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
                let (rate, said) = self.calibrated(Input::ScanRate);
                self.assume_default(&name, &format!("tries endpoints at {said} from each owned unit"));
                rate
            }
        };
        let (exploit_probability, exploit_mean_ns) = match &given.exploit {
            Some(chance) => self.chance(chance)?,
            None => {
                let ((chance, said), (mean, after)) =
                    (self.calibrated(Input::ExploitProbability), self.calibrated(Input::ExploitMean));
                self.assume_default(
                    &name,
                    &format!("exploits a vulnerability with probability {said}, in {after} on average"),
                );
                (chance, nanoseconds(mean))
            }
        };
        let (login_probability, login_mean_ns) = match &given.login {
            Some(chance) => self.chance(chance)?,
            None => {
                let ((chance, said), (mean, after)) =
                    (self.calibrated(Input::LoginProbability), self.calibrated(Input::LoginMean));
                self.assume_default(
                    &name,
                    &format!("logs in with a credential with probability {said}, in {after} on average"),
                );
                (chance, nanoseconds(mean))
            }
        };
        let credentials: Option<Vec<String>> = given.credentials.iter().map(|one| self.credential(one)).collect();
        let strategy = match &given.strategy {
            Some(strategy) => self.strategy(strategy)?,
            None => Strategy::default(),
        };
        Some(Attacker {
            name,
            foothold,
            scan_rate_per_second,
            exploit_probability,
            exploit_mean_ns,
            login_probability,
            login_mean_ns,
            credentials: credentials?,
            strategy,
            conduct: self.conduct(given)?,
            provenance: Provenance::at(self.notes.span(doc)),
        })
    }

    /// How an attacker gets in, and what it does beside taking units.
    fn conduct(&mut self, given: &AttackerDoc) -> Option<Conduct> {
        let known = [
            ("unit".to_owned(), WayIn::Unit),
            ("exposed-service".to_owned(), WayIn::ExposedService),
            ("supply-chain".to_owned(), WayIn::SupplyChain),
        ];
        let way_in = match &given.entry {
            Some(entry) => self.one_of(entry, "a way in", &known)?,
            None => WayIn::Unit,
        };
        let exfiltration = match &given.exfiltration {
            Some(exfiltration) => {
                let (protocol, port) = match &exfiltration.service {
                    Some(service) => single_port(service, &mut self.notes)?,
                    None => (Transport::Tcp, 443),
                };
                Some(Exfiltration { protocol, port, mean_ns: self.duration(&exfiltration.mean)? })
            }
            None => None,
        };
        Some(Conduct { way_in, takes_controllers: given.takes_controllers.unwrap_or(false), exfiltration })
    }

    /// A credential that some unit takes.
    fn credential(&mut self, given: &Text) -> Option<String> {
        let taken = || self.index.units().iter().flat_map(|unit| &unit.logins).map(|login| login.credential.as_str());
        if taken().any(|one| one == given.value) {
            return Some(given.value.clone());
        }
        let help = text::suggestion(&given.value, taken());
        let help = help.unwrap_or_else(|| "name one that is among the `logins` of a unit".to_owned());
        self.notes.error("unknown-name", given, format!("no unit takes the credential `{}`", given.value), &help);
        None
    }

    fn strategy(&mut self, given: &At<TextOr<StrategyDoc>>) -> Option<Strategy> {
        match &given.value {
            TextOr::Text(name) => {
                let known = [
                    ("worm", Strategy::Worm),
                    ("random-walk", Strategy::RandomWalk),
                    ("low-and-slow", Strategy::LowAndSlow),
                    ("targeted", Strategy::Targeted),
                    ("insider", Strategy::Insider),
                ];
                if let Some((_, strategy)) = known.iter().find(|(word, _)| word == name) {
                    return Some(*strategy);
                }
                let help = match name.as_str() {
                    "ransomware" => Some("say when it strikes: `{ransomware: {units: 10, after: 3d}}`".to_owned()),
                    _ => text::suggestion(name, known.iter().map(|(word, _)| *word)),
                };
                let message = format!("`{name}` is not a strategy");
                self.notes.error("invalid-value", given, message, &help.unwrap_or_default());
                None
            }
            TextOr::More(StrategyDoc::Ransomware(doc)) => {
                let units = doc.value.units.as_ref().map(|units| units.value);
                let after_ns = match &doc.value.after {
                    Some(after) => Some(self.duration(after)?),
                    None => None,
                };
                if units == Some(0) || units.is_none() && after_ns.is_none() {
                    let help = "write `{units: 10}`, `{after: 3d}` or both";
                    self.notes.error("invalid-value", doc, "it is not said when the ransomware strikes", help);
                    return None;
                }
                Some(Strategy::Ransomware { units, after_ns })
            }
        }
    }

    fn assume_default(&mut self, attacker: &str, does: &str) {
        let text = format!("the attacker `{attacker}` {does}: so the calibration has it, for the design does not say");
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
            defence: self.defence(given)?,
            provenance: Provenance::at(self.notes.span(doc)),
        })
    }

    /// What is done about attackers besides watching.
    fn defence(&mut self, given: &MonitorDoc) -> Option<Defence> {
        let spares_established = match &given.established {
            Some(text) => self.one_of(
                text,
                "what quarantine does to established connections",
                &[("cut".to_owned(), false), ("spare".to_owned(), true)],
            )?,
            None => false,
        };
        let patching = match &given.patching {
            Some(given) => Some(self.patching(given)?),
            None => None,
        };
        let rotation_mean_ns = match &given.rotation {
            Some(mean) => Some(self.time_above_zero(mean)?),
            None => None,
        };
        Some(Defence { triage: self.triage(given)?, spares_established, patching, rotation_mean_ns })
    }

    fn patching(&mut self, given: &PatchingDoc) -> Option<Patching> {
        let probability = match &given.probability {
            Some(probability) => self.probability(probability)?,
            None => 1.0,
        };
        let mean_ns = match &given.mean {
            Some(mean) => self.duration(mean)?,
            None => {
                let (median, said) = self.calibrated(Input::PatchMedian);
                let text = format!(
                    "half of the vulnerabilities that are ever patched are after {said}: so the calibration has it, for the \
                     design does not say"
                );
                self.assume("patching-default", text);
                // The mean of an exponential time with that median.
                nanoseconds(median / std::f64::consts::LN_2)
            }
        };
        Some(Patching { probability, mean_ns })
    }

    /// The people who look at alerts; `Some(None)` if there are none, and nothing is said of them.
    fn triage(&mut self, given: &MonitorDoc) -> Option<Option<Triage>> {
        let Some(analysts) = &given.analysts else {
            let triage = given.triage.as_ref().map(|at| (self.notes.span(at), "triage"));
            let missed = given.missed.as_ref().map(|at| (self.notes.span(at), "missed"));
            let alarms = given.false_alarms.as_ref().map(|at| (self.notes.span(at), "false-alarms"));
            let Some((span, key)) = triage.or(missed).or(alarms) else { return Some(None) };
            let said = Diagnostic::error("missing-key", format!("`{key}` is given without `analysts`"), Some(span));
            self.notes.diagnostics.push(said.with_help("say how many look at alerts: `analysts: 2`"));
            return None;
        };
        if analysts.value == 0 {
            let help = "give at least 1, or leave the key out: every alert is answered then";
            self.notes.error("invalid-value", analysts, "nobody looks at alerts", help);
            return None;
        }
        let Some(mean) = &given.triage else {
            let help = "say how long a case takes one of them: `triage: 15min`";
            self.notes.error("missing-key", analysts, "`analysts` is given without `triage`", help);
            return None;
        };
        let missed_probability = match &given.missed {
            Some(missed) => self.probability(missed)?,
            None => 0.0,
        };
        let false_alarms_per_second = match &given.false_alarms {
            Some(rate) => self.notes.parsed(rate, text::rate_per_second(&rate.value))?,
            None => 0.0,
        };
        let mean_ns = self.time_above_zero(mean)?;
        Some(Some(Triage { analysts: analysts.value, mean_ns, missed_probability, false_alarms_per_second }))
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

/// A time of a calibration, given in seconds. \[ns\]
fn nanoseconds(seconds: f64) -> u64 {
    // Durations that can be read fit.
    (seconds * 1e9).round() as u64
}
