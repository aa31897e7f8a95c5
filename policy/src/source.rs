//! Where things are written: the files that a design was read from, and places in them.

use std::fmt;

/// The position of a file in [`Design::sources`](crate::Design::sources).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A file that a design was read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The path as the user gave it, with `/` between its parts; `-` for standard input.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// A place in a source; lines and columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub source: SourceId,
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// Where something is written, and what its writers say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Provenance {
    /// The place; `None` for what a tool added, such as a default.
    pub span: Option<Span>,
    /// The object that it is part of: `NetworkPolicy shop/web`. Rules of one object are in a defined order.
    pub object: Option<String>,
    /// Why it is there.
    pub reason: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The change that brought it.
    pub ticket: Option<String>,
}

impl Provenance {
    /// A bare place.
    pub fn at(span: Span) -> Self {
        Self { span: Some(span), ..Self::default() }
    }
}

/// Writes a digest as 64 hexadecimal digits.
pub struct Hex<'a>(pub &'a [u8; 32]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
