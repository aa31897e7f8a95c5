//! The checker as a program of its own: `check NORMAL-FORM CERTIFICATE...`, and `--as-if-enforced` before them.
//!
//! Ends with 1 if a certificate is refused, with 2 if a file cannot be read.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks")]

use seglab_certificate::{Design, Judge, Question};
use std::process::ExitCode;

fn main() -> ExitCode {
    let (options, files): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let question =
        Question { as_if_enforced: options.iter().any(|word| word == "--as-if-enforced"), honour_trusted: false };
    let texts: Result<Vec<(String, String)>, String> = files
        .into_iter()
        .map(|file| match std::fs::read_to_string(&file) {
            Ok(text) => Ok((file, text)),
            Err(error) => Err(format!("{file}: {error}")),
        })
        .collect();
    let texts = match texts {
        Ok(texts) => texts,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let Some(((file, normal_form), certificates)) = texts.split_first() else {
        eprintln!("usage: check [--as-if-enforced] NORMAL-FORM CERTIFICATE...");
        return ExitCode::from(2);
    };
    let design = match Design::read(normal_form) {
        Ok(design) => design,
        Err(refusal) => {
            eprintln!("{file}: {refusal}");
            return ExitCode::from(2);
        }
    };
    let judge = Judge::new(&design);
    let mut refused = false;
    for (file, text) in certificates {
        match judge.as_ref().map_err(Clone::clone).and_then(|judge| judge.check(text, question)) {
            Ok(accepted) => println!(
                "accepted: {} {} ({} obligations, {} edges) [{file}]",
                accepted.section, accepted.name, accepted.obligations, accepted.edges
            ),
            Err(refusal) => {
                refused = true;
                println!("REFUSED: {refusal} [{file}]");
            }
        }
    }
    ExitCode::from(u8::from(refused))
}
