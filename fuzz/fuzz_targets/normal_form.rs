//! The reader of normal forms never panics, and takes nothing but what the writer writes.
//!
//! Input that begins with `@` edits the normal form of a random design: eight bytes of seed, two of position, then
//! what is put there. Other input is read as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seglab_policy::arbitrary::design_of;
use seglab_policy::normal_form::{read, write};

fuzz_target!(|data: &[u8]| {
    let text = match data {
        [b'@', edit @ ..] if edit.len() >= 10 => {
            let (seed, edit) = edit.split_at(8);
            let (at, put) = edit.split_at(2);
            let mut bytes = write(&design_of(u64::from_le_bytes(seed.try_into().unwrap()))).into_bytes();
            let at = usize::from(u16::from_le_bytes(at.try_into().unwrap())) % bytes.len();
            let to = (at + put.len()).min(bytes.len());
            bytes.splice(at..to, put.iter().copied());
            String::from_utf8_lossy(&bytes).into_owned()
        }
        data => String::from_utf8_lossy(data).into_owned(),
    };
    if let Ok(design) = read(&text) {
        assert_eq!(write(&design), text);
    }
});
