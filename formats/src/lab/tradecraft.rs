//! What attacks take and give: the section `tradecraft`.

use super::at::{At, Text, Texts};
use super::reader::Reader;
use schemars::JsonSchema;
use seglab_policy::{Effort, Escalation, Exploit, Finds, NeedsRoot, Privilege, Provenance, Tradecraft};
use serde::Deserialize;

/// What attacks take and give; attackers say what is not here.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TradecraftDoc {
    /// How vulnerabilities are used.
    #[serde(default)]
    exploits: Vec<At<ExploitDoc>>,
    /// Ways from an account to all of a unit.
    #[serde(default)]
    escalations: Vec<At<EscalationDoc>>,
    /// Whom a scan finds; units that answer where it is absent.
    finds: Option<FindsDoc>,
    /// What a scan takes; one of whatever is counted, and a sweep at the attacker's rate where it is absent.
    scan: Option<EffortDoc>,
    /// What takes all of a unit, where an account is enough otherwise: `credentials` to find those that lie on it,
    /// `tampering` to make points void that owning it makes void.
    needs_root: Option<Texts>,
}

/// How a vulnerability is used.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ExploitDoc {
    /// The vulnerability's name.
    vulnerability: String,
    /// What it gives on the unit; all of it where it is absent.
    gives: Option<PrivilegeDoc>,
    /// The chance that an image whose units are said to have it does, above 0, to 1; 1 where it is absent. A unit without
    /// an image is one of its own.
    present: Option<At<f64>>,
    /// The chance that an attempt works, above 0, to 1; 1 where it is absent.
    probability: Option<At<f64>>,
    /// What an attempt costs, from 0 on; 1 where it is absent.
    cost: Option<At<f64>>,
    /// The mean time of an attempt: `20min`.
    mean: Option<Text>,
}

/// How whoever has an account on a unit gets all of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EscalationDoc {
    /// Its name, unique among escalations.
    name: String,
    /// The units on which it works: a selector; all where it is absent.
    on: Option<Text>,
    /// The chance that an image among those units has it, above 0, to 1; 1 where it is absent.
    present: Option<At<f64>>,
    /// The chance that an attempt works, above 0, to 1; 1 where it is absent.
    probability: Option<At<f64>>,
    /// What an attempt costs, from 0 on; 1 where it is absent.
    cost: Option<At<f64>>,
    /// The mean time of an attempt: `5min`.
    mean: Option<Text>,
}

/// What an attempt takes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EffortDoc {
    /// The chance that an attempt works, above 0, to 1; 1 where it is absent.
    probability: Option<At<f64>>,
    /// What an attempt costs, from 0 on; 1 where it is absent.
    cost: Option<At<f64>>,
    /// The mean time of an attempt: `5min`.
    mean: Option<Text>,
}

/// What an attacker holds on a unit.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum PrivilegeDoc {
    /// An account.
    User,
    /// All of it.
    Root,
}

/// Whom a scan finds.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum FindsDoc {
    /// Units of which some connection gets through.
    Answering,
    /// Every unit that a path leads to, whatever enforcement says.
    Routed,
}

impl Reader<'_> {
    pub(super) fn tradecraft(&mut self, doc: &TradecraftDoc) -> Tradecraft {
        Tradecraft {
            exploits: doc.exploits.iter().filter_map(|doc| self.exploit(doc)).collect(),
            escalations: doc.escalations.iter().filter_map(|doc| self.escalation(doc)).collect(),
            finds: match doc.finds {
                Some(FindsDoc::Routed) => Finds::Routed,
                Some(FindsDoc::Answering) | None => Finds::Answering,
            },
            scan: doc
                .scan
                .as_ref()
                .and_then(|scan| self.effort(scan.probability.as_ref(), scan.cost.as_ref(), scan.mean.as_ref())),
            needs_root: self.needs_root(doc.needs_root.as_ref()),
        }
    }

    fn needs_root(&mut self, given: Option<&Texts>) -> NeedsRoot {
        let credentials = NeedsRoot { credentials: true, ..NeedsRoot::default() };
        let tampering = NeedsRoot { tampering: true, ..NeedsRoot::default() };
        let known = [("credentials".to_owned(), credentials), ("tampering".to_owned(), tampering)];
        let mut needs = NeedsRoot::default();
        for one in given.into_iter().flat_map(Texts::iter) {
            if let Some(more) = self.one_of(one, "what may need `root`", &known) {
                needs.credentials |= more.credentials;
                needs.tampering |= more.tampering;
            }
        }
        needs
    }

    /// The chance that something is there at all.
    fn present(&mut self, given: Option<&At<f64>>) -> Option<f64> {
        let Some(given) = given else { return Some(1.0) };
        if given.value > 0.0 && given.value <= 1.0 {
            return Some(given.value);
        }
        let message = format!("the chance to be present is {}", given.value);
        self.notes.error("invalid-value", given, message, "write a number above 0, to 1");
        None
    }

    fn exploit(&mut self, doc: &At<ExploitDoc>) -> Option<Exploit> {
        let given = &doc.value;
        Some(Exploit {
            vulnerability: given.vulnerability.clone(),
            gives: match given.gives {
                Some(PrivilegeDoc::User) => Privilege::User,
                Some(PrivilegeDoc::Root) | None => Privilege::Root,
            },
            present_probability: self.present(given.present.as_ref())?,
            effort: self.effort(given.probability.as_ref(), given.cost.as_ref(), given.mean.as_ref())?,
            provenance: Provenance::at(self.notes.span(doc)),
        })
    }

    fn escalation(&mut self, doc: &At<EscalationDoc>) -> Option<Escalation> {
        let given = &doc.value;
        let on = match &given.on {
            Some(on) => self.selector(on)?,
            None => seglab_policy::Selector::Everything,
        };
        Some(Escalation {
            name: given.name.clone(),
            on,
            present_probability: self.present(given.present.as_ref())?,
            effort: self.effort(given.probability.as_ref(), given.cost.as_ref(), given.mean.as_ref())?,
            provenance: Provenance::at(self.notes.span(doc)),
        })
    }

    fn effort(&mut self, probability: Option<&At<f64>>, cost: Option<&At<f64>>, mean: Option<&Text>) -> Option<Effort> {
        let usual = Effort::default();
        let mut sound = true;
        if let Some(given) = probability.filter(|given| !(given.value > 0.0 && given.value <= 1.0)) {
            let message = format!("the probability is {}", given.value);
            self.notes.error("invalid-value", given, message, "write a number above 0, to 1");
            sound = false;
        }
        if let Some(given) = cost.filter(|given| !(given.value.is_finite() && given.value >= 0.0)) {
            let message = format!("the cost is {}", given.value);
            self.notes.error("invalid-value", given, message, "write a number from 0 on");
            sound = false;
        }
        let mean_ns = match mean {
            Some(mean) => Some(self.duration(mean)?),
            None => None,
        };
        sound.then_some(Effort {
            cost: cost.map_or(usual.cost, |given| given.value),
            success_probability: probability.map_or(usual.success_probability, |given| given.value),
            mean_ns,
        })
    }
}
