//! How many actions a second an attacker takes who tries whatever comes to mind: the same as in an environment for learning
//! agents, where every action is open at every time and most of them come to nothing.
//!
//! `attacker_actions SCENARIO ACTIONS EPISODES STEPS` plays so many episodes of at most so many actions; each is one of
//! ACTIONS, of which those that the scenario gives no meaning come to nothing. Prints the actions, the processor time, and
//! how many it took to win, with their standard error: one line of JSON.

use seglab_benches::on_processor_ns;
use seglab_policy::UnitId;
use seglab_scenarios::load;
use seglab_sim::kernel::{Draws, Name, Purpose, Technique};
use seglab_sim::models::plan::{Arena, Settings};
use std::collections::BTreeMap;

/// What these draws are for; campaigns use small numbers.
const ACTION: Purpose = Purpose::new(1000);
/// How a reader of scenarios calls an exploit against a host that is held already.
const WITHIN: &str = " from within";

#[expect(clippy::print_stdout, clippy::expect_used, clippy::panic, reason = "a tool that prints what it measures")]
#[allow(clippy::disallowed_types, reason = "benches measure time")]
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [scenario, actions, episodes, steps] = words.as_slice() else {
        panic!("give a scenario, the number of actions, of episodes, and of steps of each")
    };
    let number = |text: &String| text.parse::<u32>().expect("a number");
    let (actions, episodes, steps) = (number(actions) as usize, number(episodes), number(steps));
    let design = load(scenario, &Default::default()).expect("a scenario").design;
    let arena = Arena::new(&design, &Settings::default()).expect("it compiles");
    // An exploit is one action, whether the host is held or not.
    let mut meanings: BTreeMap<(UnitId, &str), Vec<usize>> = BTreeMap::new();
    for (position, (unit, name)) in arena.actions().iter().enumerate() {
        let held = meanings.entry((*unit, name.strip_suffix(WITHIN).unwrap_or(name))).or_default();
        if name.ends_with(WITHIN) { held.insert(0, position) } else { held.push(position) }
    }
    let meanings: Vec<Vec<usize>> = meanings.into_values().collect();
    assert!(meanings.len() <= actions, "{} actions have a meaning", meanings.len());
    let (mut taken, mut won) = (0u64, Vec::new());
    let start = std::time::Instant::now();
    let before = on_processor_ns(start);
    for episode in 0..episodes {
        let mut draw = Draws::new(1, episode).at(ACTION, Name::NONE, Name::NONE, Technique::NONE, 0);
        let mut state = arena.start();
        for step in 1..=steps {
            taken += 1;
            let chosen = draw.choose(actions).and_then(|chosen| meanings.get(chosen));
            // One that fails may have the other meaning; both fail where neither is possible.
            let works = chosen.is_some_and(|tries| tries.iter().any(|&one| arena.attempt(&mut state, one, &mut draw)));
            if works && arena.is_won(&state) {
                won.push(f64::from(step));
                break;
            }
        }
    }
    let nanoseconds = on_processor_ns(start) - before;
    let count = won.len() as f64;
    let mean = won.iter().sum::<f64>() / count;
    let variance = won.iter().map(|steps| (steps - mean) * (steps - mean)).sum::<f64>() / (count - 1.0);
    println!(
        "{{\"actions\": {taken}, \"processor_ns\": {nanoseconds}, \"won\": {}, \"mean\": {mean}, \"error\": {}}}",
        won.len(),
        (variance / count).sqrt()
    );
}
