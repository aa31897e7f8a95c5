//! The command line of seglab: files, terminal, exit codes.

mod args;
mod commands;
mod exit;
mod failure;
mod heading;
mod output;
mod progress;
mod revision;
mod timings;

use clap::Parser;
use commands::Context;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is a wrong command line.
            let exit = if error.use_stderr() { exit::Exit::Input } else { exit::Exit::Holds };
            let _ = error.print();
            return exit.into();
        }
    };
    let mut context = Context::new(cli.quiet);
    let result = commands::run(&cli.command, &mut context).and_then(|exit| {
        if let Some(path) = &cli.timings {
            output::write_file(path, context.timings.finish().as_bytes())?;
        }
        Ok(exit)
    });
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let _ = std::io::stderr().lock().write_all(failure.render().as_bytes());
            failure.exit().into()
        }
    }
}
