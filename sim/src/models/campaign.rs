//! Campaigns: many replicas of one or several designs under the same chance.

mod rare;

pub use rare::{Rare, RareGoal, RareRatio, RareResult};

use std::collections::BTreeSet;
use std::ops::Range;

use seglab_policy::{
    Attacker, Check, Design, Input, Monitor, Part as Calibrated, PointId, Quantity, Standing, Strategy, UnitId, WayIn,
};

use crate::kernel::statistics::{Fate, Incidence, Precision, Proportion, Samples};
use crate::kernel::{Draws, Duration, Limits, Probability, Ties, Time, run_replicas, simulate};

use super::attack::{Alarms, Attack, Board, Chance, Craft, Defence, Desk, Offence, Prospects};
use super::changes::{Changes, Timeline};
use super::chunk::{Chunk, Part};
use super::enforcement::{Enforcement, InForce};
use super::moves::Move;
use super::network::Network;
use super::operation::Operations;
use super::plan::outside;
use super::releases::Rollout;
use super::replica::{Attempts, Course, Flows, Replica, Settled, TraceEntry};
use super::result::{
    CampaignResult, CampaignScope, CriticalResult, DesignResult, NeedResult, PrecisionReached, ServiceResult,
};
use super::scan::Scan;
use super::traffic::load::EnforcementLoad;
use super::traffic::{Requests, Traffic};
use super::{AttackerChoice, CampaignError, Detection, Probes, Settings, TrafficMode, poisson};

/// Designs made ready to be simulated. See the [module's example](super).
pub struct Campaign<'a> {
    settings: Settings,
    scanned_addresses: u32,
    stages: Vec<Stage<'a>>,
}

/// One design made ready.
struct Stage<'a> {
    design: &'a Design,
    network: Network<'a>,
    enforcement: Enforcement,
    /// How the points run, unless all of them are always at work.
    operations: Option<Operations>,
    /// What changes about the design, if anything does.
    changes: Option<Changes<'a>>,
    traffic: Traffic<'a>,
    /// What enforcing takes, and the numbers of the calibration that this rests on.
    load: Option<(EnforcementLoad, BTreeSet<Input>)>,
    offence: Option<Offence>,
    /// What units could ever take, where probes are thinned.
    prospects: Option<Prospects>,
    defence: Defence,
    /// The critical units, by name.
    critical: Vec<UnitId>,
}

/// The most events that may be pending: each owned unit has one, and one for every attempt that works and is not through.
const PENDING_MAX: usize = 50_000_000;

impl<'a> Campaign<'a> {
    /// Simulates designs and reduces the replicas, in their order.
    ///
    /// # Errors
    /// As [`Campaign::prepare`], and where a replica takes more events than it may.
    pub fn run(designs: &[&'a Design], settings: &Settings) -> Result<CampaignResult, CampaignError> {
        Self::prepare(designs, settings)?.results()
    }

    /// Checks and compiles designs for any number of replicas.
    ///
    /// # Errors
    /// Settings that ask nothing, attackers that a design does not declare or that cannot be simulated, synchronous
    /// needs that form a cycle: see [`CampaignError`].
    pub fn prepare(designs: &[&'a Design], settings: &Settings) -> Result<Self, CampaignError> {
        if designs.is_empty() {
            return Err(CampaignError::NoDesign);
        }
        if settings.replicas == 0 {
            return Err(CampaignError::NoReplicas);
        }
        if settings.horizon.is_zero() {
            return Err(CampaignError::NoHorizon);
        }
        if f64::from(settings.flows_per_need) > poisson::MEAN_MAX {
            return Err(CampaignError::TooManyFlows(settings.flows_per_need));
        }
        let scanned_addresses = scanned_addresses(designs, settings)?;
        let stages = designs.iter().map(|design| Stage::new(design, settings, scanned_addresses));
        let stages = stages.collect::<Result<Vec<_>, _>>()?;
        if settings.precision.is_some() && !stages.iter().any(Stage::has_a_chance) {
            return Err(CampaignError::NothingToKnow);
        }
        Ok(Self { settings: settings.clone(), scanned_addresses, stages })
    }

    /// Simulates all replicas and reduces them, in their order.
    ///
    /// # Errors
    /// A replica takes more events than it may.
    pub fn results(&self) -> Result<CampaignResult, CampaignError> {
        let mut designs: Vec<DesignResult> =
            self.stages.iter().map(|stage| stage.empty_result(&self.settings)).collect();
        let most = self.settings.replicas;
        let mut precision = None;
        match self.settings.precision {
            None => self.extend(0..most, &mut designs)?,
            Some(asked) => {
                let mut reached = PrecisionReached { asked, met: false, replicas_max: most };
                let mut run = 0;
                for look in asked.looks(most) {
                    self.extend(run..look, &mut designs)?;
                    run = look;
                    reached.met = self.is_known(asked, &designs);
                    if reached.met {
                        break;
                    }
                }
                precision = Some(reached);
            }
        }
        let replicas = designs.first().map_or(0, |design| design.replicas.len() as u32);
        Ok(CampaignResult::of(self.scope(replicas, precision), designs))
    }

    /// Simulates the replicas of one chunk, to be put together with those of the others: see [`Part::reduce`].
    ///
    /// # Errors
    /// A precision was asked for, which only all replicas together have, or a replica takes more events than it may.
    pub fn part(&self, chunk: Chunk) -> Result<Part, CampaignError> {
        if self.settings.precision.is_some() {
            return Err(CampaignError::PrecisionOfChunk);
        }
        let mut designs: Vec<DesignResult> =
            self.stages.iter().map(|stage| stage.empty_result(&self.settings)).collect();
        let numbers = chunk.replicas(self.settings.replicas);
        self.play(numbers, |replicas| {
            designs.iter_mut().zip(replicas).for_each(|(design, replica)| design.replicas.push(replica));
        })?;
        Ok(Part::new(chunk, self.scope(self.settings.replicas, None), designs))
    }

    /// Simulates further replicas, and reduces them.
    fn extend(&self, numbers: Range<u32>, designs: &mut [DesignResult]) -> Result<(), CampaignError> {
        self.play(numbers, |replicas| {
            designs.iter_mut().zip(replicas).for_each(|(design, replica)| design.record(replica));
        })
    }

    /// Simulates replicas; hands those of all designs to `each` in the order of their numbers.
    fn play(&self, numbers: Range<u32>, mut each: impl FnMut(Vec<Replica>)) -> Result<(), CampaignError> {
        run_replicas(
            numbers,
            self.settings.threads,
            |number| {
                let of = |stage: &Stage<'_>| Ok(stage.play(&self.settings, number, false)?.0);
                self.stages.iter().map(of).collect::<Result<Vec<_>, CampaignError>>()
            },
            |_, replicas| each(replicas),
        )
    }

    /// True if the chance that the first critical unit is taken by the horizon is known well enough, wherever there is one.
    fn is_known(&self, precision: Precision, designs: &[DesignResult]) -> bool {
        self.stages.iter().zip(designs).filter(|(stage, _)| stage.has_a_chance()).all(|(_, design)| {
            let fates = design.first_critical.fates();
            let taken = fates.iter().filter(|(_, fate)| *fate == Fate::Event).count();
            Proportion::new(taken as u64, fates.len() as u64).is_some_and(|chance| precision.is_met(&chance))
        })
    }

    /// Plays one replica of one design again, with everything that happened in it: the same replica as in the results.
    ///
    /// # Errors
    /// There is no such replica, or it takes more events than it may.
    pub fn trace(&self, design: usize, replica: u32) -> Result<(Replica, Vec<TraceEntry>), CampaignError> {
        match self.stages.get(design) {
            Some(stage) if replica < self.settings.replicas => stage.play(&self.settings, replica, true),
            _ => Err(CampaignError::NoSuchReplica { design, replica }),
        }
    }

    /// The enforcement points that do not do their work at an instant of one replica, each at which unit, or between places
    /// without one.
    ///
    /// # Errors
    /// There is no such replica.
    pub fn absences(
        &self,
        design: usize,
        replica: u32,
        at: Time,
    ) -> Result<Vec<(PointId, Option<UnitId>, Standing)>, CampaignError> {
        match self.stages.get(design) {
            Some(stage) if replica < self.settings.replicas => {
                let draws = Draws::new(self.settings.seed, replica);
                let running = stage.operations.as_ref().map(|operations| operations.in_replica(draws));
                let timeline = stage.changes.as_ref().map(|changes| changes.in_replica(draws));
                Ok(stage.enforcement.in_force(running.as_ref(), timeline.as_ref()).at(at).absences(stage.design))
            }
            _ => Err(CampaignError::NoSuchReplica { design, replica }),
        }
    }

    /// The moves of the units of one replica, in the order of time.
    ///
    /// # Errors
    /// There is no such replica.
    pub fn moves(&self, design: usize, replica: u32) -> Result<Vec<Move>, CampaignError> {
        Ok(self.timeline(design, replica)?.map_or_else(Vec::new, |timeline| timeline.moves().to_vec()))
    }

    /// What became of the releases of one replica, in the order of their dates.
    ///
    /// # Errors
    /// There is no such replica.
    pub fn rollouts(&self, design: usize, replica: u32) -> Result<Vec<Rollout>, CampaignError> {
        Ok(self.timeline(design, replica)?.map_or_else(Vec::new, |timeline| timeline.rollouts().to_vec()))
    }

    /// What changes about a design in one replica; `None` if nothing ever does.
    fn timeline(&self, design: usize, replica: u32) -> Result<Option<Timeline<'_>>, CampaignError> {
        match self.stages.get(design) {
            Some(stage) if replica < self.settings.replicas => {
                let draws = Draws::new(self.settings.seed, replica);
                Ok(stage.changes.as_ref().map(|changes| changes.in_replica(draws)))
            }
            _ => Err(CampaignError::NoSuchReplica { design, replica }),
        }
    }

    fn scope(&self, replicas: u32, precision: Option<PrecisionReached>) -> CampaignScope {
        let settings = &self.settings;
        CampaignScope {
            replicas,
            precision,
            seed: settings.seed,
            horizon: settings.horizon,
            pivot: settings.pivot.to_string(),
            trust: settings.trust.to_string(),
            detection: settings.detection,
            search: settings.search,
            probes: settings.probes,
            scanned_addresses: self.scanned_addresses,
            flows_per_need: settings.flows_per_need,
            traffic: settings.traffic,
            calibration: self.calibration(),
        }
    }

    /// The numbers of the calibration that the designs rest on, and those that outcomes are held against.
    fn calibration(&self) -> Vec<Quantity> {
        let mut used: BTreeSet<Calibrated> = BTreeSet::new();
        for stage in &self.stages {
            used.extend(stage.load.iter().flat_map(|(_, inputs)| inputs).copied().map(Calibrated::Input));
            used.extend(stage.attack_inputs());
            if stage.offence.is_some() {
                let checks = Check::ALL.into_iter();
                let checks = checks.filter(|check| *check != Check::DwellTime || stage.design.monitor().is_some());
                used.extend(checks.map(Calibrated::Check));
            }
        }
        self.quantities(used)
    }

    /// The numbers of the calibration that attacks on the designs rest on.
    pub fn attack_calibration(&self) -> Vec<Quantity> {
        self.quantities(self.stages.iter().flat_map(Stage::attack_inputs).collect())
    }

    fn quantities(&self, used: BTreeSet<Calibrated>) -> Vec<Quantity> {
        let Some(calibration) = &self.settings.calibration else { return Vec::new() };
        used.into_iter().map(|part| calibration.quantity(part).clone()).collect()
    }
}

/// The addresses that scans of all designs are spread over: one number, for the sake of comparison.
fn scanned_addresses(designs: &[&Design], settings: &Settings) -> Result<u32, CampaignError> {
    let interfaces = |design: &Design| design.units().iter().map(|unit| unit.interfaces.len()).sum::<usize>();
    let largest = designs.iter().map(|design| (interfaces(design), *design)).max_by_key(|(count, _)| *count);
    let Some((interfaces, design)) = largest else { return Err(CampaignError::NoDesign) };
    let addresses = match settings.scanned_addresses {
        Some(addresses) => addresses.get(),
        None => {
            let doubled = u32::try_from(interfaces).ok().and_then(u32::checked_next_power_of_two);
            doubled.unwrap_or(u32::MAX).max(Settings::SCANNED_ADDRESSES_MIN)
        }
    };
    if interfaces > addresses as usize {
        let design = design.name().to_owned();
        return Err(CampaignError::ScannedAddresses { design, interfaces, addresses });
    }
    Ok(addresses)
}

impl<'a> Stage<'a> {
    fn new(design: &'a Design, settings: &Settings, scanned_addresses: u32) -> Result<Self, CampaignError> {
        let name = || design.name().to_owned();
        let enforcement = Enforcement::new(design).map_err(|error| CampaignError::Compile { design: name(), error })?;
        let attacker = attacker(design, &settings.attacker)?;
        let stolen = attacker.map_or(&[][..], |attacker| attacker.credentials.as_slice());
        let network = Network::for_holder_of(stolen, design, settings.pivot)?;
        let offence = attacker.map(|attacker| offence(&network, attacker, settings, scanned_addresses)).transpose()?;
        let traffic = Traffic::new(design, &enforcement, settings)?;
        let mut defence = defence(design.monitor(), settings.detection)?;
        if let Some(desk) = defence.desk.as_mut().filter(|_| offence.is_some()) {
            let denials = traffic.denials(&enforcement, defence.denied_alert);
            desk.alarms =
                denials.into_iter().map(|rate| Alarms::new(rate + desk.false_alarms, settings.horizon)).collect();
        }
        let operations = Operations::new(design, settings.horizon)?;
        let changes = Changes::new(design, settings.horizon)?;
        let is_steady = operations.is_none() && changes.is_none() && settings.probes == Probes::Thinned;
        let thinned = offence.as_ref().filter(|_| is_steady);
        Ok(Self {
            design,
            prospects: thinned.and_then(|offence| Prospects::new(design, &enforcement, offence)),
            network,
            enforcement,
            operations,
            changes,
            load: settings.calibration.as_ref().and_then(|calibration| traffic.enforcement_load(calibration)),
            traffic,
            offence,
            defence,
            critical: design.unit_ids().filter(|&unit| design.unit(unit).criticality > 0).collect(),
        })
    }

    /// The numbers of the calibration that the attacker and the monitor take from there; none without an attacker.
    fn attack_inputs(&self) -> impl Iterator<Item = Calibrated> {
        let inputs = self.offence.is_some().then(|| self.design.calibrated().iter().copied().map(Calibrated::Input));
        inputs.into_iter().flatten()
    }

    /// True if there is an attacker, and a critical unit to be taken.
    fn has_a_chance(&self) -> bool {
        self.offence.is_some() && !self.critical.is_empty()
    }

    /// Plays one replica: the attack, then the traffic that its quarantines leave.
    fn play(
        &self,
        settings: &Settings,
        number: u32,
        traced: bool,
    ) -> Result<(Replica, Vec<TraceEntry>), CampaignError> {
        let draws = Draws::new(settings.seed, number);
        let horizon = settings.horizon.after_start();
        let running = self.operations.as_ref().map(|operations| operations.in_replica(draws));
        let timeline = self.changes.as_ref().map(|changes| changes.in_replica(draws));
        let enforcement = self.enforcement.in_force(running.as_ref(), timeline.as_ref());
        let (mut replica, quarantines, trace) = match &self.offence {
            Some(offence) => {
                let board = Board {
                    network: &self.network,
                    enforcement,
                    offence,
                    defence: &self.defence,
                    draws,
                    critical: &self.critical,
                    compass: None,
                    prospects: self.prospects.as_ref(),
                };
                let mut attack = Attack::new(board, number, traced);
                let run = simulate(&mut attack, self.limits(settings, draws), Attack::begin).map_err(|error| {
                    CampaignError::Run { design: self.design.name().to_owned(), replica: number, error }
                })?;
                let (mut replica, quarantines, trace) = attack.finish(horizon);
                replica.events = run.events;
                (replica, quarantines, trace)
            }
            None => (self.quiet(number, settings.horizon), Vec::new(), Vec::new()),
        };
        if settings.flows_per_need > 0 {
            self.trade(&mut replica, settings, draws, (enforcement, &quarantines))?;
        }
        replica.delays = timeline.as_ref().and_then(Timeline::delays);
        match timeline.and_then(|timeline| timeline.failure()) {
            Some(error) => Err(error),
            None => Ok((replica, trace)),
        }
    }

    /// Plays the traffic of one replica.
    fn trade(
        &self,
        replica: &mut Replica,
        settings: &Settings,
        draws: Draws,
        (enforcement, quarantines): (InForce<'_>, &[(UnitId, Time)]),
    ) -> Result<(), CampaignError> {
        if settings.traffic == TrafficMode::Sampled {
            let (flows, latencies) = self.traffic.sample(enforcement, draws, settings.horizon, quarantines)?;
            replica.needs = flows;
            if self.traffic.takes_time() {
                replica.latencies = latencies;
            }
            return Ok(());
        }
        let horizon = settings.horizon.after_start();
        let mut requests = Requests::new(&self.traffic, enforcement, draws, horizon, quarantines);
        // Requests are followed to their end, which is after the horizon.
        let limits = Limits { horizon: Time::MAX, ..self.limits(settings, draws) };
        let run = simulate(&mut requests, limits, Requests::begin).map_err(|error| CampaignError::Run {
            design: self.design.name().to_owned(),
            replica: replica.number,
            error,
        })?;
        replica.events += run.events;
        (replica.needs, replica.latencies, replica.stations) = requests.finish();
        Ok(())
    }

    fn limits(&self, settings: &Settings, draws: Draws) -> Limits {
        let ties = if settings.shuffle_ties { Ties::Shuffled(draws) } else { Ties::Scheduled };
        let horizon = settings.horizon.after_start();
        Limits { horizon, events_max: settings.events_max, pending_max: PENDING_MAX, ties }
    }

    /// A replica in which nobody attacks.
    fn quiet(&self, number: u32, horizon: Duration) -> Replica {
        let nothing = Settled { at: horizon.after_start(), fate: Fate::Censored };
        let critical = vec![nothing; self.critical.len()];
        Replica { number, course: vec![Course::default()], critical, detection: nothing, ..Replica::default() }
    }

    fn empty_result(&self, settings: &Settings) -> DesignResult {
        let critical = self.critical.iter().map(|&unit| {
            let unit = self.design.unit(unit);
            CriticalResult {
                unit: unit.name.clone(),
                criticality: unit.criticality,
                incidence: Incidence::default(),
                exfiltrated: None,
            }
        });
        let needs = self.traffic.needs().iter().map(|demand| {
            let need = demand.need();
            NeedResult {
                release: demand
                    .begins
                    .and_then(|at| self.design.releases().get(at))
                    .map(|release| release.name.clone()),
                from: need.from.to_string(),
                to: need.to.to_string(),
                services: need.services.iter().map(ToString::to_string).collect(),
                rate_per_second: need.arrivals.mean_rate_per_second(),
                one_in: match settings.traffic {
                    TrafficMode::Sampled if demand.sampled > 0.0 => demand.flows / demand.sampled,
                    TrafficMode::Sampled | TrafficMode::EveryRequest => 1.0,
                },
                flows: Flows::default(),
                latency: None,
            }
        });
        let services = self.traffic.stations().into_iter().map(|(station, units, offered_load)| ServiceResult {
            service: station.name.clone(),
            units,
            servers: station.servers,
            offered_load,
            observed: None,
        });
        DesignResult {
            design: self.design.name().to_owned(),
            units: u32::try_from(self.design.units().len()).unwrap_or(u32::MAX),
            attacker: self.offence.as_ref().map(|offence| offence.name.clone()),
            monitored: self.design.monitor().is_some(),
            compromised: Samples::default(),
            course: Vec::new(),
            critical: critical.collect(),
            first_critical: Incidence::default(),
            loss: Samples::default(),
            detection: Incidence::default(),
            alerts: Samples::default(),
            attempts: Attempts::default(),
            events: 0,
            needs: needs.collect(),
            checks: Vec::new(),
            enforcement_load: self.load.as_ref().map(|(load, _)| load.clone()),
            services: services.collect(),
            delays: None,
            replicas: Vec::new(),
        }
    }
}

fn attacker<'a>(design: &'a Design, choice: &AttackerChoice) -> Result<Option<&'a Attacker>, CampaignError> {
    let name = || design.name().to_owned();
    match choice {
        AttackerChoice::Nobody => Ok(None),
        AttackerChoice::First => match design.attackers().first() {
            Some(first) => Ok(Some(first)),
            None => Err(CampaignError::NoAttacker { design: name() }),
        },
        AttackerChoice::Named(wanted) => match design.attackers().iter().find(|one| one.name == *wanted) {
            Some(found) => Ok(Some(found)),
            None => Err(CampaignError::UnknownAttacker { design: name(), attacker: wanted.clone() }),
        },
    }
}

fn offence(
    network: &Network<'_>,
    attacker: &Attacker,
    settings: &Settings,
    scanned_addresses: u32,
) -> Result<Offence, CampaignError> {
    let (name, design) = (attacker.name.clone(), network.design);
    let wants_critical = attacker.strategy == Strategy::Targeted || attacker.conduct.exfiltration.is_some();
    if wants_critical && design.units().iter().all(|unit| unit.criticality == 0) {
        return Err(CampaignError::NoTarget { design: design.name().to_owned(), attacker: name });
    }
    let conduct = attacker.conduct;
    let is_controller = |controller: &String| design.units().iter().any(|unit| unit.name == *controller);
    let controllers = || design.points().iter().filter_map(|point| point.controller.as_ref());
    if conduct.takes_controllers && !controllers().any(is_controller) {
        return Err(CampaignError::NoController { design: design.name().to_owned(), attacker: name });
    }
    let needs_outside = conduct.way_in == WayIn::ExposedService || conduct.exfiltration.is_some();
    let footholds: Vec<UnitId> = design.select(&attacker.foothold).collect();
    if footholds.is_empty() {
        return Err(CampaignError::EmptyFoothold { design: design.name().to_owned(), attacker: name });
    }
    let (rate, horizon) = (attacker.scan_rate_per_second, settings.horizon);
    let scan = Scan::new(rate, scanned_addresses, horizon);
    let chance = |what, p, mean_ns| -> Result<Chance, CampaignError> {
        let probability = probability(format!("the {what} of the attacker `{name}`"), p)?;
        Ok(Chance { probability, mean: Duration::from_nanos(mean_ns) })
    };
    Ok(Offence {
        footholds,
        scan: scan.ok_or_else(|| CampaignError::ScanRate { attacker: name.clone(), rate, horizon })?,
        exploit: chance("exploit", attacker.exploit_probability, attacker.exploit_mean_ns)?,
        login: chance("login", attacker.login_probability, attacker.login_mean_ns)?,
        pivot: settings.pivot,
        trust: settings.trust,
        search: settings.search,
        strategy: attacker.strategy,
        pause: Duration::from_secs_f64(rate.recip()).unwrap_or(Duration::MAX),
        craft: Craft::new(design, attacker, design.monitor())?,
        credentials: attacker.credentials.iter().filter_map(|name| network.credential(name)).collect(),
        outside: if needs_outside { outside(design) } else { Vec::new() },
        conduct,
        name: name.clone(),
    })
}

/// The monitor's part, as far as detection is on; nothing is ever noticed without a monitor.
fn defence(monitor: Option<&Monitor>, detection: Detection) -> Result<Defence, CampaignError> {
    let (mut denied_alert, mut sensor) = (Probability::ZERO, Probability::ZERO);
    let (mut sensor_mean, mut response_mean) = (Duration::ZERO, Duration::ZERO);
    let (mut desk, mut spares_established, mut rotation) = (None, false, None);
    if let Some(monitor) = monitor {
        denied_alert = probability("the denied alerts of the monitor".to_owned(), monitor.denied_alert_probability)?;
        sensor = probability("the sensor of the monitor".to_owned(), monitor.sensor_probability)?;
        sensor_mean = Duration::from_nanos(monitor.sensor_mean_ns);
        response_mean = Duration::from_nanos(monitor.response_mean_ns);
        spares_established = monitor.defence.spares_established;
        rotation = monitor.defence.rotation_mean_ns.map(Duration::from_nanos);
        desk = match monitor.defence.triage.filter(|_| detection != Detection::Off) {
            Some(triage) => Some(Desk {
                analysts: triage.analysts,
                mean: Duration::from_nanos(triage.mean_ns),
                missed: probability("the missed cases of the monitor".to_owned(), triage.missed_probability)?,
                false_alarms: triage.false_alarms_per_second,
                alarms: Vec::new(),
            }),
            None => None,
        };
    }
    match detection {
        Detection::Off => (denied_alert, sensor) = (Probability::ZERO, Probability::ZERO),
        Detection::SensorOnly => denied_alert = Probability::ZERO,
        Detection::Full => {}
    }
    let sensor = Chance { probability: sensor, mean: sensor_mean };
    Ok(Defence { denied_alert, sensor, response_mean, desk, spares_established, rotation })
}

fn probability(what: String, p: f64) -> Result<Probability, CampaignError> {
    Probability::new(p).map_err(|error| CampaignError::Probability { what, error })
}
