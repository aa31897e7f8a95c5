//! Every format over one report: what it looks like, that it parses, that names stay names.

mod escaping;
mod fixture;
mod formats;
mod order;
