//! The built binary, as its users meet it: what it prints, what it ends with, what it leaves behind.

mod bad_input;
mod campaigns;
mod commands;
mod conformance;
mod designs;
mod everywhere;
mod exit_codes;
mod five_minutes;
mod program;
mod readme;
