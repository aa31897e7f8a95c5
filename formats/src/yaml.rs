//! YAML and JSON with places: what every reader of text files stands on.
//!
//! [`documents`] turns a text into trees whose every key and value knows its line and column; [`from_node`] turns a
//! tree into a typed value by serde and lists the keys that the type does not know, so that `form:` in place of
//! `from:` is found and shown on its line. JSON is read as the subset of YAML that it is.
//!
//! Limits: [`MAX_FILE_BYTES`] a file, four million values a document with aliases written out (so that a few
//! lines of nested aliases cannot fill the memory), 200 levels.

mod deserialize;
mod layout;
mod node;
mod parse;
mod scalar;
mod suggest;

pub(crate) use deserialize::{UnknownKey, from_node};
pub(crate) use layout::Layout;
pub(crate) use node::{Node, Value};
pub use parse::MAX_FILE_BYTES;
pub(crate) use parse::{documents, tab_indent};
pub(crate) use scalar::Resolved;
pub(crate) use suggest::closest;
