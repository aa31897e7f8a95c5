//! The reader of Kubernetes manifests never panics: it reads a design, or says what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seglab_formats::File;
use seglab_formats::kubernetes::{Options, read};
use seglab_policy::Design;

fuzz_target!(|text: &str| {
    let files = [File { path: "manifest.yaml".to_owned(), text: text.to_owned() }];
    match read(&files, &Options::default()) {
        Ok(reading) => {
            let _ = Design::new(reading.draft);
        }
        Err(rejected) => assert!(rejected.errors().next().is_some(), "a rejection without an error"),
    }
});
