//! Who answers: the servers of each unit on each port, their load from rates, and the state that they are in at any time.
//!
//! # Stationary
//! A run starts as if it had always been going on. How many requests a unit has, by the laws of queueing theory, follows
//! from the load that rates give: for exponential work and requests that come evenly it is that of M/M/c/K, exactly; for
//! other work at one server with an unbounded queue the work that waits is drawn, exactly, by Pollaczek's and Khinchine's
//! formula (a geometric number of remaining times of service: Kleinrock, "Queueing systems", volume 1, §5.12). Feed-forward
//! networks of the former are independent (Jackson, 1957). For all else this is where a run begins, and not more: other work
//! at several servers or with a bounded queue counts as exponential work of the same mean; retries, time-outs, bursts, days
//! and servers that stay occupied count as nothing; a unit that has more to do than it can starts empty.

use seglab_policy::{Design, Header, Takes, Transport, UnitId};

use crate::kernel::statistics::normal_quantile;
use crate::kernel::{Delay, Draw, Duration, Lognormal, Name, Pareto};

use super::super::CampaignError;

/// The servers of one unit on one port.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) unit: UnitId,
    /// The position of the station in the design.
    pub(super) station: u32,
    pub(super) name: Name,
    pub(super) servers: u32,
    /// How many may wait.
    pub(super) room: u32,
    pub(super) takes: Delay,
    pub(super) blocking: bool,
    /// Requests that arrive. [per second]
    pub(super) rate: f64,
    pub(super) law: Option<Law>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Pools {
    pub(super) pools: Vec<Pool>,
    of_unit: Vec<Vec<(Transport, u16, u32)>>,
}

/// How many requests a unit has, by its load: the stationary distribution of M/M/c/K.
#[derive(Clone, Debug)]
pub(super) struct Law {
    /// The probability of at most n requests, up to as many as there are servers.
    at_most: Vec<f64>,
    /// By which each further one is less likely than the one before.
    ratio: f64,
    /// The share of ratio^room that is cut off the geometric tail.
    cut: f64,
    room: u32,
}

/// Beyond so many servers of one unit no law is worked out: nobody waits for one of a million.
const SERVERS_MAX: u32 = 1_000_000;
/// No bound on a queue, as far as a computer goes.
const UNBOUNDED: u32 = u32::MAX;

impl Pools {
    /// The pools of a design.
    ///
    /// # Errors
    /// A station without servers, or times that are none.
    pub(super) fn new(design: &Design) -> Result<Self, CampaignError> {
        let mut pools = Vec::new();
        let mut of_unit = vec![Vec::new(); design.units().len()];
        for (number, station) in (0..).zip(design.stations()) {
            let bad = || CampaignError::Station { design: design.name().to_owned(), station: station.name.clone() };
            let takes = delay(station.takes).ok_or_else(bad)?;
            if station.servers == 0 {
                return Err(bad());
            }
            for unit in design.select(&station.on) {
                let Some(ports) = of_unit.get_mut(unit.index()) else { continue };
                ports.push((station.protocol, station.port, pools.len() as u32));
                pools.push(Pool {
                    unit,
                    station: number,
                    name: Name::of_parts([design.unit(unit).name.as_str(), "station", &station.name]),
                    servers: station.servers,
                    room: station.queue.unwrap_or(UNBOUNDED),
                    takes,
                    blocking: station.blocking,
                    rate: 0.0,
                    law: None,
                });
            }
        }
        Ok(Self { pools, of_unit })
    }

    /// The pool that a header reaches at a unit.
    pub(super) fn at(&self, unit: UnitId, header: Header) -> Option<u32> {
        let Header::Transport { protocol, destination_port, .. } = header else { return None };
        let ports = self.of_unit.get(unit.index())?;
        ports.iter().find(|(of, port, _)| (*of, *port) == (protocol, destination_port)).map(|(.., pool)| *pool)
    }

    pub(super) fn get(&self, pool: u32) -> Option<&Pool> {
        self.pools.get(pool as usize)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pools.is_empty()
    }

    /// Sets the rate at which requests reach each pool, and what follows from it.
    pub(super) fn load(&mut self, rates: &[f64]) {
        for (pool, &rate) in self.pools.iter_mut().zip(rates) {
            pool.rate = rate;
            pool.law = Law::new(rate * pool.takes.mean().as_secs_f64(), pool.servers, pool.room);
        }
    }
}

impl Pool {
    /// True if the work that waits is known, and not how many requests it is of.
    pub(super) fn is_known_by_its_work(&self) -> bool {
        self.servers == 1 && self.room == UNBOUNDED && !matches!(self.takes, Delay::Exponential { .. })
    }

    /// The work that waits, at a single server with an unbounded queue; none where there is more than it can do.
    pub(super) fn backlog(&self, draw: &mut Draw) -> Duration {
        backlog(self.rate * self.takes.mean().as_secs_f64(), draw, |draw| self.remaining(draw))
    }

    /// What remains of the work that is found under way: an even share of one that is found in proportion to its length.
    fn remaining(&self, draw: &mut Draw) -> Duration {
        let share = draw.uniform();
        let of = |ns: f64| Duration::saturating_from_nanos_f64(share * ns);
        match self.takes {
            Delay::Constant(duration) => of(duration.as_nanos() as f64),
            Delay::Exponential { mean } => draw.exponential(mean),
            Delay::Uniform { .. } => of(self.takes.mean().as_nanos() as f64),
            Delay::Lognormal(lognormal) => {
                let (sigma, centred) = (lognormal.sigma(), draw.uniform() + 0.5 / (1u64 << 53) as f64);
                let factor = libm::exp(sigma * sigma + sigma * normal_quantile(centred));
                of(factor * lognormal.median().as_nanos() as f64)
            }
            Delay::Pareto(pareto) => {
                let factor = libm::exp(-libm::log1p(-draw.uniform()) / (pareto.tail() - 1.0));
                of(factor * pareto.shortest().as_nanos() as f64)
            }
        }
    }

    /// How long a request waits that finds the state which the load gives; `None` if it finds no place.
    pub(super) fn wait(&self, draw: &mut Draw) -> Option<Duration> {
        if self.is_known_by_its_work() {
            return Some(self.backlog(draw));
        }
        let Some(law) = &self.law else { return Some(Duration::ZERO) };
        let found = law.number(draw.uniform());
        let (servers, room) = (u64::from(self.servers), u64::from(self.room));
        if self.room != UNBOUNDED && found >= servers + room {
            return None;
        }
        // As many have to be done as wait, and one of those that are served; all servers together are so much faster.
        let ahead = (found + 1).saturating_sub(servers);
        let mean = Duration::from_nanos(self.takes.mean().as_nanos() / servers.max(1));
        Some((0..ahead).fold(Duration::ZERO, |sum, _| sum.saturating_add(draw.exponential(mean))))
    }
}

impl Law {
    /// The law for a load (requests a second times seconds that one takes); `None` if there is no such state.
    pub(super) fn new(load: f64, servers: u32, room: u32) -> Option<Self> {
        let ratio = load / f64::from(servers);
        if !(load > 0.0 && load.is_finite()) || (room == UNBOUNDED && ratio >= 1.0) || servers > SERVERS_MAX {
            return None;
        }
        // Logarithms, for powers and factorials leave the range of floats.
        let weights: Vec<f64> =
            (0..=servers).map(|n| f64::from(n) * libm::log(load) - libm::lgamma(f64::from(n) + 1.0)).collect();
        let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut at_most: Vec<f64> = Vec::with_capacity(weights.len());
        let mut sum = 0.0;
        let mut last = 0.0;
        for weight in weights {
            last = libm::exp(weight - most);
            sum += last;
            at_most.push(sum);
        }
        let cut = if room == UNBOUNDED { 0.0 } else { libm::pow(ratio, f64::from(room)) };
        let tail = if ratio == 1.0 { f64::from(room) } else { ratio * (1.0 - cut) / (1.0 - ratio) };
        let total = sum + last * tail;
        at_most.iter_mut().for_each(|share| *share /= total);
        Some(Self { at_most, ratio, cut, room })
    }

    /// The number of requests at a share of the distribution.
    pub(super) fn number(&self, share: f64) -> u64 {
        let below = self.at_most.partition_point(|at_most| *at_most <= share);
        if below < self.at_most.len() {
            return below as u64;
        }
        let served = self.at_most.len() as u64 - 1;
        let base = self.at_most.last().copied().unwrap_or(1.0);
        // Where in the tail: a geometric distribution, cut off at the end of the room.
        let within = ((share - base) / (1.0 - base)).clamp(0.0, 1.0);
        let further = if self.ratio == 1.0 {
            libm::ceil(within * f64::from(self.room))
        } else {
            libm::ceil(libm::log1p(-within * (1.0 - self.cut)) / libm::log(self.ratio))
        };
        served + (further as u64).clamp(1, self.room.max(1).into())
    }
}

/// The work that waits at a single server with an unbounded queue, of a load and what remains of the work under way; none where
/// there is more than it can do.
pub(super) fn backlog(load: f64, draw: &mut Draw, remaining: impl Fn(&mut Draw) -> Duration) -> Duration {
    if !(load > 0.0 && load < 1.0) {
        return Duration::ZERO;
    }
    let parts = libm::floor(libm::log1p(-draw.uniform()) / libm::log(load)) as u64;
    (0..parts).fold(Duration::ZERO, |sum, _| sum.saturating_add(remaining(draw)))
}

fn delay(takes: Takes) -> Option<Delay> {
    Some(match takes {
        Takes::Exactly { ns } => Delay::Constant(Duration::from_nanos(ns)),
        Takes::Exponential { mean_ns } => Delay::Exponential { mean: Duration::from_nanos(mean_ns) },
        Takes::Lognormal { median_ns, sigma } => {
            Delay::Lognormal(Lognormal::new(Duration::from_nanos(median_ns), sigma).ok()?)
        }
        Takes::Pareto { least_ns, tail } => Delay::Pareto(Pareto::new(Duration::from_nanos(least_ns), tail).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The probabilities of the first numbers, by a fine grid of shares.
    fn shares(law: &Law) -> Vec<f64> {
        let grid = 200_000u32;
        let mut counts = vec![0.0; 12];
        for at in 0..grid {
            let number = law.number((f64::from(at) + 0.5) / f64::from(grid)) as usize;
            if let Some(count) = counts.get_mut(number) {
                *count += 1.0 / f64::from(grid);
            }
        }
        counts
    }

    /// Birth and death: what goes up from n to n + 1 comes down again.
    #[test]
    fn what_goes_up_comes_down() {
        for (load, servers, room) in
            [(0.7, 1, UNBOUNDED), (2.4, 3, UNBOUNDED), (0.9, 1, 4), (1.0, 1, 4), (3.0, 2, 3), (1.5, 2, 0)]
        {
            let law = Law::new(load, servers, room).unwrap();
            let found = shares(&law);
            let most = if room == UNBOUNDED { 11 } else { (servers + room) as usize };
            for n in 0..most {
                let down = f64::from(servers).min(n as f64 + 1.0);
                let (up, down) = (load * found[n], down * found[n + 1]);
                assert!((up - down).abs() < 1e-4, "{load} {servers} {room}: {n}: {up} {down}");
            }
            assert!(found[(most + 1).min(11)..].iter().all(|share| room == UNBOUNDED || *share == 0.0), "{found:?}");
        }
        assert!(Law::new(1.0, 1, UNBOUNDED).is_none(), "more than one can do");
        assert!(Law::new(900.0, 1_000, UNBOUNDED).unwrap().at_most[800] > 0.0, "no overflow");
    }
}
