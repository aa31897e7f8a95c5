//! What is known of attacks that hardly ever succeed, and what splitting says of them.

use super::*;
use seglab_sim::models::{Rare, RareResult};
use std::num::NonZeroU32;

/// A year of a design in which scans are faster by a factor.
fn rare(file: &str, factor: f64, starts: u32, repetitions: u32) -> RareResult {
    let number = |number| NonZeroU32::new(number).unwrap();
    let threads = NonZeroUsize::new(2).unwrap();
    let settings = Settings { threads, horizon: Duration::from_days(365), ..Settings::default() };
    let mut draft = lab(file).to_draft();
    scans(&mut draft, factor);
    let design = Design::new(draft).unwrap();
    let campaign = Campaign::prepare(&[&design], &settings).unwrap();
    campaign.rare(Rare { starts: number(starts), repetitions: number(repetitions) }).unwrap().remove(0)
}

/// How far the estimate is from what is known, in standard errors of its repetitions, and how large one is in terms of it.
fn deviate_of(result: &RareResult, known: f64) -> (f64, f64) {
    let count = result.repetitions.len() as f64;
    let mean = mean_of(&result.repetitions);
    let squares = result.repetitions.iter().map(|one| (one - mean) * (one - mean)).sum::<f64>();
    let error = (squares / (count - 1.0) / count).sqrt();
    ((mean - known) / error, error / known)
}

/// Feller, An Introduction to Probability Theory and Its Applications I, chapter XIV: from 1 to 17 before 0, where one step
/// up has the chance 0.3.
#[test]
fn a_gambler_hardly_ever_wins() {
    let odds = 7.0 / 3.0;
    let known = (odds - 1.0) / (power(odds, 17) - 1.0);
    let (starts, repetitions) = if soaks() { (4_000, 100) } else { (1_000, 20) };
    let result = rare("gamblers-ruin.yaml", 1.0, starts, repetitions);
    let (deviate, error) = deviate_of(&result, known);
    println!(
        "| `gamblers-ruin.yaml` | {known:.4e} | {:.4e} ± {:.1} % | {repetitions} × {starts} | {deviate:+.2} | worth {:.1e} replicas, {} events |",
        mean_of(&result.repetitions),
        100.0 * error,
        result.worth_replicas.unwrap(),
        result.events
    );
    assert!(deviate.abs() < 4.0, "{deviate} standard errors from {known}");
    assert!(error < 0.08, "{error}");
    // Scans that are 2 % off make it a third more, and 5 % twice as much.
    let off = if soaks() { 1.02 } else { 1.05 };
    let (wrong, _) = deviate_of(&rare("gamblers-ruin.yaml", off, starts, repetitions), known);
    assert!(wrong.abs() > 4.0, "scans that are {off} times as fast go unnoticed: {wrong}");
}

/// A chain that races quarantine, which is not rare: splitting says what its closed form says.
#[test]
fn splitting_is_right_where_it_is_of_no_use() {
    let known = (race().moments)(1.0).mean;
    let result = rare("race.yaml", 1.0, 500, 40);
    let (deviate, error) = deviate_of(&result, known);
    println!(
        "| `race.yaml` | {known:.4} | {:.4} ± {:.1} % | 40 × 500 | {deviate:+.2} |",
        mean_of(&result.repetitions),
        100.0 * error
    );
    assert!(deviate.abs() < 4.0 && error < 0.05, "{deviate} standard errors from {known}, which are {error} of it");
}
