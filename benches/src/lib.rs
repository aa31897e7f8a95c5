//! What benches are run on: topologies by name and size.
//!
//! Bench ids read `operation/topology/size`, so a size means the same thing wherever it stands.

use seglab_formats::kubernetes;
use seglab_policy::Design;
use seglab_scenarios::generate::{Settings, generate, to_kubernetes};

/// How large a generated company is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Units.
    pub units: u32,
    /// Rules.
    pub rules: u32,
}

impl Size {
    /// The sizes that are measured, smallest first.
    pub const ALL: [Size; 3] =
        [Size { units: 1000, rules: 200 }, Size { units: 5000, rules: 1000 }, Size { units: 40_000, rules: 10_000 }];
}

/// The last part of a bench id: `5000-units-1000-rules`.
impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-units-{}-rules", self.units, self.rules)
    }
}

/// The generated company of a size.
///
/// # Panics
/// If the generator makes a design that does not hold together, which its tests rule out.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
pub fn company(size: Size) -> Design {
    Design::new(generate(&settings(size)).expect("sizes are within bounds")).expect("generated designs hold together")
}

/// The same company as one Kubernetes cluster: scopes, unions of allow rules, and administrators' tiers around them.
///
/// # Panics
/// If the generator writes manifests that cannot be read, which its tests rule out.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
pub fn cluster(size: Size) -> Design {
    let files = to_kubernetes(&settings(size)).expect("sizes are within bounds");
    let reading = kubernetes::read(&files, &kubernetes::Options::default()).expect("generated manifests are read");
    Design::new(reading.draft).expect("generated designs hold together")
}

fn settings(size: Size) -> Settings {
    Settings { units: size.units, rules: size.rules, seed: 1 }
}
