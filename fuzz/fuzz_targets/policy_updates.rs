//! A policy that is changed in small steps decides as the reference evaluator says, whatever is changed about it.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../engine/tests/it/update_script.rs"]
#[allow(dead_code, reason = "what was met is counted for the tests")]
mod update_script;

fuzz_target!(|script: &[u8]| {
    update_script::play(script, update_script::Fresh::LastStep);
});
