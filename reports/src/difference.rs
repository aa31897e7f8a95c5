//! The semantic difference of two designs, written for people and for pipelines.

mod markdown;
mod text;
mod words;

pub use markdown::difference_markdown;
pub use text::difference_text;
