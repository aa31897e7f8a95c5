//! The estate: which apps run where, in how many units. Designs and manifests are two pictures of one estate.

use super::{RULES_MAX, RULES_MIN, Settings, SettingsError, UNITS_MAX, UNITS_MIN};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

const SITES: [&str; 8] = ["paris", "london", "frankfurt", "dublin", "madrid", "milan", "oslo", "warsaw"];
const PORTFOLIOS: [&str; 8] = ["retail", "payments", "logistics", "hr", "finance", "marketing", "research", "support"];

/// How many units one app has about, over all of its environments.
const UNITS_PER_APP: u32 = 40;
/// How many rules one app asks for at least.
const RULES_PER_APP: u32 = 8;
/// How many units a site has about, and how many units a hypervisor carries.
const UNITS_PER_SITE: u32 = 5000;
const UNITS_PER_HYPERVISOR: u32 = 50;

/// The environments, in the order in which groups list them.
pub(super) const ENVIRONMENTS: [&str; 3] = ["prod", "staging", "dev"];
/// The tiers of an app.
pub(super) const TIERS: [&str; 3] = ["web", "app", "data"];
/// The shared services of every site, and how many units each has there.
pub(super) const SHARED: [(&str, u32); 7] = [
    ("dns", 2),
    ("directory", 2),
    ("monitoring", 1),
    ("backup", 1),
    ("bastion", 1),
    ("proxy", 1),
    ("policy-controller", 1),
];

/// What runs where.
pub(super) struct Estate {
    pub(super) sites: Vec<String>,
    pub(super) apps: Vec<App>,
    /// Apps by environment and tier, app after app.
    pub(super) groups: Vec<Group>,
    pub(super) hypervisors: u32,
    /// The state of the draws after the estate was made, for what is made of it.
    pub(super) random: Xoshiro256PlusPlus,
}

/// An app, in all of its environments.
pub(super) struct App {
    pub(super) name: String,
    pub(super) portfolio: &'static str,
    /// The internet may reach its web tier.
    pub(super) public: bool,
    /// It holds cardholder data.
    pub(super) pci: bool,
    pub(super) engine: DataEngine,
    /// The first port of its app tier.
    pub(super) port: u16,
}

/// What an app keeps its data in.
#[derive(Clone, Copy)]
pub(super) struct DataEngine {
    pub(super) name: &'static str,
    pub(super) port: u16,
}

const DATA_ENGINES: [DataEngine; 5] = [
    DataEngine { name: "postgres", port: 5432 },
    DataEngine { name: "mysql", port: 3306 },
    DataEngine { name: "mssql", port: 1433 },
    DataEngine { name: "oracle", port: 1521 },
    DataEngine { name: "mongodb", port: 27017 },
];

/// The units of one tier of an app in one environment.
pub(super) struct Group {
    /// The position of the app.
    pub(super) app: usize,
    pub(super) environment: &'static str,
    pub(super) tier: &'static str,
    /// The position of the site of its first unit; further units alternate with the next site in production.
    pub(super) site: usize,
    pub(super) units: u32,
}

impl Estate {
    /// The estate of some settings.
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        if !(UNITS_MIN..=UNITS_MAX).contains(&settings.units) {
            return Err(SettingsError::Units(settings.units));
        }
        if !(RULES_MIN..=RULES_MAX).contains(&settings.rules) {
            return Err(SettingsError::Rules(settings.rules));
        }
        let mut random = Xoshiro256PlusPlus::seed_from_u64(settings.seed);
        let site_count = (settings.units / UNITS_PER_SITE).clamp(1, 8) as usize;
        let sites: Vec<String> = SITES.iter().take(site_count).map(|&site| site.to_owned()).collect();
        let shared = SHARED.iter().map(|(_, units)| units).sum::<u32>() * (settings.units / UNITS_PER_SITE).clamp(1, 8);
        let hypervisors = (settings.units / UNITS_PER_HYPERVISOR).max(1);
        let for_apps = settings.units - shared - hypervisors;
        let by_rules = (settings.rules - RULES_MIN) / RULES_PER_APP;
        let count = (for_apps / UNITS_PER_APP).min(by_rules).max(1);
        let apps: Vec<App> = (1..=count).map(|number| App::draw(number, &mut random)).collect();
        let groups = groups(for_apps, apps.len(), site_count, &mut random);
        Ok(Self { sites, apps, groups, hypervisors, random })
    }

    /// The name of a site; sites go round.
    pub(super) fn site(&self, at: usize) -> &str {
        self.sites.get(at % self.sites.len().max(1)).map_or("", String::as_str)
    }
}

impl Group {
    /// The position of the site of one of its units: production stands in two.
    pub(super) fn site_of(&self, unit: u32) -> usize {
        if self.environment == "prod" { self.site + (unit % 2) as usize } else { self.site }
    }
}

impl App {
    fn draw(number: u32, random: &mut Xoshiro256PlusPlus) -> Self {
        let pick = |random: &mut Xoshiro256PlusPlus, len: usize| random.random_range(0..len);
        let [first, ..] = DATA_ENGINES;
        Self {
            name: format!("app{number:04}"),
            portfolio: PORTFOLIOS.get(pick(random, PORTFOLIOS.len())).copied().unwrap_or("retail"),
            public: number == 1 || random.random_bool(0.3),
            pci: number == 1 || random.random_bool(0.06),
            engine: DATA_ENGINES.get(pick(random, DATA_ENGINES.len())).copied().unwrap_or(first),
            port: 8000 + 10 * random.random_range(0..100u16),
        }
    }
}

/// Distributes `units` over the groups: one each as far as they go, the rest where production needs them.
fn groups(units: u32, apps: usize, sites: usize, random: &mut Xoshiro256PlusPlus) -> Vec<Group> {
    let mut groups = Vec::with_capacity(apps * ENVIRONMENTS.len() * TIERS.len());
    let mut weights: Vec<u64> = Vec::new();
    for app in 0..apps {
        let size: u64 = random.random_range(1..=6);
        for (environment, share) in ENVIRONMENTS.into_iter().zip([6, 3, 2]) {
            let site = random.random_range(0..sites);
            for (tier, part) in TIERS.into_iter().zip([3, 4, 2]) {
                groups.push(Group { app, environment, tier, site, units: 0 });
                weights.push(size * share * part);
            }
        }
    }
    let base = (units as usize / groups.len().max(1)).min(1);
    let all: u64 = weights.iter().sum();
    let spare = u64::from(units).saturating_sub((base * groups.len()) as u64);
    let mut left = units;
    for (group, weight) in groups.iter_mut().zip(&weights) {
        let wanted = base as u64 + spare * weight / all.max(1);
        group.units = u32::try_from(wanted).unwrap_or(u32::MAX).min(left);
        left -= group.units;
    }
    // What rounding leaves goes to the groups in turn.
    let count = groups.len().max(1);
    for at in (0..count).cycle().take(left as usize) {
        if let Some(group) = groups.get_mut(at) {
            group.units += 1;
        }
    }
    groups
}
