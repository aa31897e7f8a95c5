//! The reader of lab files never panics: it reads a design, or says what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seglab_formats::{File, lab};
use seglab_policy::Design;

fuzz_target!(|text: &str| {
    let file = File { path: "seglab.yaml".to_owned(), text: text.to_owned() };
    let Ok(lab) = lab::parse(&file) else { return };
    // Files that the lab file names are not there; one that names none is whole.
    if !lab.sources().is_empty() {
        return;
    }
    match lab::merge(&lab, Vec::new()) {
        Ok(reading) => {
            if let Ok(design) = Design::new(reading.draft) {
                let _ = lab::write(&design);
            }
        }
        Err(rejected) => assert!(rejected.errors().next().is_some(), "a rejection without an error"),
    }
});
