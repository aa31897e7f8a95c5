//! No input makes the reader panic: sound manifests with random changes, and noise.

use super::data::file;
use super::refused::SOUND;
use proptest::prelude::*;
use seglab_formats::kubernetes::{Options, read};
use seglab_policy::Design;

/// Pieces that matter to YAML or to Kubernetes.
const PIECES: &[&str] = &[
    "",
    " ",
    "\n",
    "\t",
    "---\n",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!!int ",
    "|\n",
    ">-\n",
    "? ",
    "null",
    "~",
    "-1",
    "70000",
    "99999999999999999999",
    "1e400",
    ".nan",
    "0x",
    "yes",
    "\u{0}",
    "\u{feff}",
    "é",
    "\r\n",
    "%YAML 1.1\n",
    "kind: List\nitems:\n",
    "spec:",
    "10.0.0.0/8",
    "::/0",
    "Pod",
    "NetworkPolicyList",
    "generateName: x",
];

/// A change: where, how many bytes go, and what comes.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, prop::sample::Index)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0usize..40, any::<prop::sample::Index>()), 1..6)
}

fn changed(changes: &[(prop::sample::Index, usize, prop::sample::Index)]) -> String {
    let mut text: Vec<char> = SOUND.chars().collect();
    for (place, gone, piece) in changes {
        let start = place.index(text.len() + 1);
        let end = (start + gone).min(text.len());
        text.splice(start..end, PIECES[piece.index(PIECES.len())].chars());
    }
    text.into_iter().collect()
}

/// Reads the text; what is read has to be whole, what is refused has to say why.
fn survives(text: &str) -> Result<(), TestCaseError> {
    match read(&file(text), &Options::default()) {
        Ok(reading) => {
            let design = Design::new(reading.draft);
            prop_assert!(design.is_ok(), "{design:?}");
        }
        Err(rejected) => prop_assert!(rejected.errors().next().is_some()),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_manifests(changes in changes()) {
        survives(&changed(&changes))?;
    }

    #[test]
    fn noise(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn structured_noise(pieces in prop::collection::vec(any::<prop::sample::Index>(), 0..40)) {
        let text: String = pieces.iter().map(|piece| PIECES[piece.index(PIECES.len())]).collect();
        survives(&text)?;
    }
}
