//! The event queue gives what a standard heap gives, whatever is scheduled, cancelled and taken out.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../sim/tests/it/queue_script.rs"]
#[allow(dead_code, reason = "what was met is counted for the tests")]
mod queue_script;

fuzz_target!(|script: &[u8]| {
    queue_script::play(script);
});
