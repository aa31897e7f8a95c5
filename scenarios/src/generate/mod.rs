//! Large realistic designs for scale tests: a company of apps by environment, tier and site.
//!
//! Apps with web, app and data tiers run in production, staging and development; every site has its shared services
//! (name service, directory, monitoring, backup, bastion, proxy, policy controller) and its hypervisors. Policy is one
//! native rulebook that agents enforce, denies before allows, and a perimeter around every site. Rules go by label,
//! by address and by port range, and grow app by app as they do in a company; some are remains that nobody dared to
//! remove, so a few of the properties are violated.
//!
//! Everything is a function of the [`Settings`]. Random choices are drawn with xoshiro256++ (Blackman and Vigna,
//! *Scrambled linear pseudorandom number generators*, 2021), seeded through SplitMix64.
//!
//! ```
//! use seglab_scenarios::generate::{Settings, generate};
//! use seglab_policy::Design;
//! let design = Design::new(generate(&Settings { units: 200, rules: 80, seed: 1 })?).expect("it holds together");
//! assert_eq!((design.units().len(), design.rules().count()), (200, 80));
//! # Ok::<(), seglab_scenarios::generate::SettingsError>(())
//! ```

mod claims;
mod estate;
mod kubernetes;
mod ranges;
mod rules;
mod units;

pub use kubernetes::{nodes, to_kubernetes};

use estate::Estate;
use seglab_policy::{
    Assumption, Draft, EnforcementPoint, Level, Mode, Placement, PointKind, RulebookId, Segment, Selector,
};

/// The fewest units that hold every shared service and one app.
pub const UNITS_MIN: u32 = 20;
/// The most units that the address plan has room for, however unevenly they spread.
pub const UNITS_MAX: u32 = 1_000_000;
/// The fewest rules: those that every company has.
pub const RULES_MIN: u32 = 40;
/// The most rules that are of use to anybody.
pub const RULES_MAX: u32 = 1_000_000;

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many units, exactly; [`UNITS_MIN`] to [`UNITS_MAX`].
    pub units: u32,
    /// How many rules, exactly; [`RULES_MIN`] to [`RULES_MAX`].
    pub rules: u32,
    /// What the random choices are drawn from.
    pub seed: u64,
}

/// Why settings cannot be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Too few or too many units.
    #[error("a design of `{0}` units cannot be generated; ask for {UNITS_MIN} to {UNITS_MAX}")]
    Units(u32),
    /// Too few or too many rules.
    #[error("a design of `{0}` rules cannot be generated; ask for {RULES_MIN} to {RULES_MAX}")]
    Rules(u32),
}

/// A design of exactly as many units and rules as the settings say.
///
/// # Errors
/// See [`SettingsError`].
pub fn generate(settings: &Settings) -> Result<Draft, SettingsError> {
    let estate = Estate::new(settings)?;
    let rulebooks = rules::rulebooks(&estate, settings);
    Ok(Draft {
        name: format!("generated {} units, {} rules, seed {}", settings.units, settings.rules, settings.seed),
        units: units::units(&estate),
        segments: segments(),
        rulebooks,
        points: points(&estate),
        needs: claims::needs(&estate),
        properties: claims::properties(&estate),
        trusted: claims::trusted(),
        attackers: claims::attackers(),
        monitor: Some(claims::monitor()),
        assumptions: vec![Assumption {
            id: "generated".to_owned(),
            text: "the design is generated; no such company exists".to_owned(),
        }],
        ..Draft::default()
    })
}

/// Units whose label `key` has the value.
fn label(key: &str, value: &str) -> Selector {
    Selector::label(key, value)
}

/// Units that satisfy all of the selectors.
fn both(parts: impl IntoIterator<Item = Selector>) -> Selector {
    Selector::All(parts.into_iter().collect())
}

fn segments() -> Vec<Segment> {
    let segment = |name: &str, selector| Segment { name: name.to_owned(), selector };
    vec![
        segment("production", label("env", "prod")),
        segment("staging", label("env", "staging")),
        segment("development", label("env", "dev")),
        segment("shared-services", label("env", "shared")),
        segment("production-data", both([label("env", "prod"), label("tier", "data")])),
        segment("cardholder-data", label("data", "pci")),
    ]
}

/// Agents wherever one can be installed, host points for the rest, and a perimeter around every site. Development is
/// still in alert mode.
fn points(estate: &Estate) -> Vec<EnforcementPoint> {
    let point = |name: &str, kind, placement, mode, rulebook, controller: Option<&str>| EnforcementPoint {
        kind,
        placement,
        mode,
        controller: controller.map(str::to_owned),
        ..EnforcementPoint::ideal(name, RulebookId(rulebook))
    };
    let (agent, no_agent) = (Selector::Absent("agent".to_owned()), label("agent", "none"));
    let not_dev = Selector::NotIn { key: "env".to_owned(), values: vec!["dev".to_owned()] };
    let controller = Some("policy-controller");
    let everywhere = Placement::Units(both([agent.clone(), not_dev]));
    let in_dev = Placement::Units(both([agent, label("env", "dev")]));
    let mut points = vec![
        point("agents", PointKind::Agent, everywhere, Mode::Enforce, 0, controller),
        point("agents-development", PointKind::Agent, in_dev, Mode::Alert, 0, controller),
        point("hypervisor-filter", PointKind::Host, Placement::Units(no_agent), Mode::Enforce, 0, None),
    ];
    points.extend(estate.sites.iter().map(|site| {
        let edge = Placement::Around(Level::Site, site.clone());
        point(&format!("perimeter-{site}"), PointKind::Appliance, edge, Mode::Enforce, 1, None)
    }));
    points
}
