//! What a design says of attacks, compiled: which weaknesses are there in a replica, how well each is used, what it gives.
//!
//! Whether an image has a vulnerability is drawn once for a replica, by the names of the image and the vulnerability: units
//! of one image fall by it all or not at all. A unit without an image is one of its own. When it is patched is drawn the
//! same way. Neither is kept anywhere: a draw that is addressed by what it decides is the same whenever it is asked for. Both
//! are the same in all clones of a replica, for what is so was so before it was split.

use seglab_policy::{Attacker, Design, Effort, Header, Monitor, NeedsRoot, Privilege, UnitId};

use crate::kernel::{Draws, Duration, Name, Probability, Technique, Time};

use super::super::CampaignError;
use super::super::purpose::{ESCALATION, PATCH, PRESENT};
use super::Chance;

/// What attacks on a design take and give.
#[derive(Default)]
pub(in super::super) struct Craft {
    /// What is known of each unit; empty where nothing is known of any.
    units: Vec<Known>,
    pub(super) needs_root: NeedsRoot,
    patching: Option<Chance>,
}

/// What is known of one unit.
struct Known {
    /// Its image, or itself.
    software: Name,
    /// The vulnerabilities, in the order of the unit.
    weaknesses: Vec<Weakness>,
    /// Ways from an account to all of it, by the mean time until one works, and their names.
    escalations: Vec<Escalation>,
}

/// A vulnerability of a unit.
struct Weakness {
    name: Name,
    /// How it is used, if the design says so.
    exploit: Option<Exploit>,
}

#[derive(Clone, Copy)]
struct Exploit {
    present: Probability,
    chance: Chance,
    gives: Privilege,
}

struct Escalation {
    name: Name,
    present: Probability,
    /// Until it works: attempts that take an exponential time, each of which works with one probability, take an
    /// exponential time together.
    mean: Duration,
}

/// A weakness that is there, as an attacker uses it.
#[derive(Clone, Copy)]
pub(super) enum Usable {
    /// Of some vulnerability of the service it is not said how it is used.
    AsEver,
    /// One of which it is said.
    Known { name: Name, chance: Chance, gives: Privilege },
}

impl Craft {
    /// Compiles what a design says; `patches` is the monitor's part.
    pub(in super::super) fn new(
        design: &Design,
        attacker: &Attacker,
        patches: Option<&Monitor>,
    ) -> Result<Self, CampaignError> {
        let tradecraft = design.tradecraft();
        let patching = match patches.and_then(|monitor| monitor.defence.patching) {
            Some(patching) => Some(Chance {
                probability: probability("the patching of the monitor", patching.probability)?,
                mean: Duration::from_nanos(patching.mean_ns),
            }),
            None => None,
        };
        let needs_root = tradecraft.needs_root;
        if tradecraft.exploits.is_empty() && tradecraft.escalations.is_empty() && patching.is_none() {
            return Ok(Self { units: Vec::new(), needs_root, patching });
        }
        let units = design.units().iter().map(|unit| {
            let software = match &unit.image {
                Some(image) => Name::of_parts(["image", image.as_str()]),
                None => Name::of_parts(["unit", unit.name.as_str()]),
            };
            let weaknesses = unit.vulnerabilities.iter().map(|weak| {
                let exploit = tradecraft.exploit(&weak.name).map(|exploit| {
                    let what = || format!("the exploit of `{}`", weak.name);
                    let Effort { success_probability, mean_ns, .. } = exploit.effort;
                    Ok::<_, CampaignError>(Exploit {
                        present: probability(&what(), exploit.present_probability)?,
                        chance: Chance {
                            probability: probability(&what(), success_probability)?,
                            mean: Duration::from_nanos(mean_ns.unwrap_or(attacker.exploit_mean_ns)),
                        },
                        gives: exploit.gives,
                    })
                });
                Ok::<_, CampaignError>(Weakness { name: Name::new(&weak.name), exploit: exploit.transpose()? })
            });
            let escalations = tradecraft.escalations.iter().filter(|one| one.on.matches(unit)).map(|one| {
                let what = format!("the escalation `{}`", one.name);
                let works = probability(&what, one.effort.success_probability)?;
                let mean_ns = one.effort.mean_ns.unwrap_or_default() as f64 / works.get();
                Ok::<_, CampaignError>(Escalation {
                    name: Name::new(&one.name),
                    present: probability(&what, one.present_probability)?,
                    mean: Duration::saturating_from_nanos_f64(mean_ns),
                })
            });
            let weaknesses = weaknesses.collect::<Result<Vec<_>, CampaignError>>()?;
            let mut escalations = escalations.collect::<Result<Vec<_>, CampaignError>>()?;
            escalations.sort_by_key(|one| (one.mean, one.name));
            Ok::<_, CampaignError>(Known { software, weaknesses, escalations })
        });
        Ok(Self { units: units.collect::<Result<_, CampaignError>>()?, needs_root, patching })
    }

    /// The weaknesses of a unit that a header reaches and that are there at this instant: those of which it is not said
    /// how they are used count as one.
    pub(super) fn usable(
        &self,
        design: &Design,
        target: UnitId,
        header: Header,
        draws: Draws,
        now: Time,
    ) -> Vec<Usable> {
        let unit = design.unit(target);
        let Header::Transport { protocol, destination_port, .. } = header else { return Vec::new() };
        if !unit.listens_to(header) {
            return Vec::new();
        }
        let known = self.units.get(target.index());
        let mut usable = Vec::new();
        let mut as_ever = false;
        for (at, weak) in unit.vulnerabilities.iter().enumerate() {
            if (weak.protocol, weak.port) != (protocol, destination_port) {
                continue;
            }
            let Some((known, weakness)) = known.and_then(|known| Some((known, known.weaknesses.get(at)?))) else {
                as_ever = true;
                continue;
            };
            let present = weakness.exploit.map_or(Probability::ONE, |exploit| exploit.present);
            if !self.is_there(known.software, weakness.name, present, draws, now) {
                continue;
            }
            match weakness.exploit {
                Some(Exploit { chance, gives, .. }) => {
                    usable.push(Usable::Known { name: weakness.name, chance, gives });
                }
                None => as_ever = true,
            }
        }
        usable.extend(as_ever.then_some(Usable::AsEver));
        usable
    }

    /// True if an image has a vulnerability, and nobody has patched it.
    fn is_there(&self, software: Name, weakness: Name, present: Probability, draws: Draws, now: Time) -> bool {
        let draws = draws.of_root();
        let has =
            present == Probability::ONE || draws.at(PRESENT, software, weakness, Technique::NONE, 0).bernoulli(present);
        let is_patched = |patching: Chance| {
            let after = patching.draw(draws, PATCH, [software, weakness], Technique::NONE, 0);
            after.is_some_and(|after| after.after_start() <= now)
        };
        has && !self.patching.is_some_and(is_patched)
    }

    /// How long it takes from an account to all of a unit; `None` if there is no way.
    pub(super) fn escalation(&self, target: UnitId, unit: Name, draws: Draws) -> Option<Duration> {
        let known = self.units.get(target.index())?;
        let has = |one: &&Escalation| {
            one.present == Probability::ONE
                || draws.of_root().at(PRESENT, known.software, one.name, ESCALATES, 0).bernoulli(one.present)
        };
        let fastest = known.escalations.iter().find(has)?;
        Some(draws.at(ESCALATION, unit, fastest.name, Technique::NONE, 0).exponential(fastest.mean))
    }
}

/// An escalation may be called as a vulnerability is.
const ESCALATES: Technique = super::super::purpose::ESCALATE;

fn probability(what: &str, p: f64) -> Result<Probability, CampaignError> {
    Probability::new(p).map_err(|error| CampaignError::Probability { what: what.to_owned(), error })
}
