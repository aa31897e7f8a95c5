//! The checker of certificates never panics, and accepts no certificate of what is false.
//!
//! Eight bytes of seed make a random design; the rest is the proof of its first claim.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seglab_certificate::{Design, Judge, Question, sha256};
use seglab_policy::arbitrary::design_of;
use seglab_policy::normal_form::write;
use seglab_verify::{Settings, Settled, Verifier};

fuzz_target!(|data: &[u8]| {
    let Some((seed, proof)) = data.split_at_checked(8) else { return };
    let design = design_of(u64::from_le_bytes(seed.try_into().unwrap()));
    let Some(property) = design.properties().first() else { return };
    let text = write(&design);
    let line = text.lines().find(|line| line.starts_with("property ")).unwrap();
    let (of_design, of_claim) = (sha256(text.as_bytes()), sha256(line.as_bytes()));
    let head = format!("seglab-certificate 1\ndesign {of_design}\nclaim property 0 {of_claim}\n");
    let certificate = format!("{head}{}", String::from_utf8_lossy(proof));
    let read = Design::read(&text).unwrap();
    if Judge::new(&read).unwrap().check(&certificate, Question::default()).is_ok() {
        let outcome = Verifier::new(&design).settle(property, &Settings::default()).unwrap();
        assert_eq!(outcome.verdict, Settled::Holds, "{certificate}");
    }
});
