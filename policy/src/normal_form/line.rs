//! Fields of a line, read one after the other.

use crate::design::DesignError;
use std::fmt;
use std::str::FromStr;

/// Why a text is not a normal form, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct NormalFormError {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a normal form.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The text is of another kind, or of a version that is not known.
    #[error("expected the first line `seglab-normal-form 1`")]
    Header,
    /// The line ends before all of its fields.
    #[error("expected {wanted}, found the end of the line")]
    LineEnds {
        /// What should have come.
        wanted: &'static str,
    },
    /// A field is not what should stand there.
    #[error("expected {wanted}, found `{found}`")]
    Field {
        /// What should have come.
        wanted: &'static str,
        /// What came.
        found: String,
    },
    /// A string without its closing quote, or with an escape that is not known.
    #[error("a string that does not end, or an unknown escape in it")]
    String,
    /// The line has more fields than it should.
    #[error("expected the end of the line, found `{found}`")]
    Trailing {
        /// What came.
        found: String,
    },
    /// No line begins with this keyword, or none does here.
    #[error("a line `{keyword}` cannot stand here")]
    Keyword {
        /// The keyword.
        keyword: String,
    },
    /// Ranges that are not ascending and apart, labels or units that are not sorted, an address written otherwise.
    #[error("{what} not in the one form that they are written in")]
    NotCanonical {
        /// What.
        what: &'static str,
    },
    /// Selectors inside selectors beyond the limit.
    #[error("selectors nest deeper than {}", super::NESTING_MAX)]
    Nesting,
    /// The text ends without its last line, or goes on after it.
    #[error("expected `end {lines}` as the last line")]
    End {
        /// The number of lines before it.
        lines: u32,
    },
    /// The parts contradict each other.
    #[error("the parts contradict each other: {}", List(.0))]
    Design(Vec<DesignError>),
    /// The design that a claim holds this one against is not in its normal form.
    #[error("the other design is not in its normal form: {0}")]
    Reference(Box<NormalFormError>),
    /// The design that a claim holds this one against makes claims of its own.
    #[error("a design that another is held against makes no claims, and this one does")]
    Claims,
}

/// Errors joined by semicolons.
struct List<'a>(&'a [DesignError]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

/// The result of reading a part of a line.
pub(super) type Read<T> = Result<T, NormalFormError>;

/// A line and how far it is read.
pub(super) struct Line<'a> {
    text: &'a str,
    number: u32,
    /// The byte at which the next field's separator stands.
    at: usize,
    /// The byte at which the last field began, where errors point.
    began: usize,
}

impl<'a> Line<'a> {
    pub(super) fn new(text: &'a str, number: u32) -> Self {
        Self { text, number, at: 0, began: 0 }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// An error at the field that was read last.
    pub(super) fn error(&self, problem: Problem) -> NormalFormError {
        let before = self.text.get(..self.began).unwrap_or_default().chars().count();
        NormalFormError { line: self.number, column: u32::try_from(before + 1).unwrap_or(u32::MAX), problem }
    }

    fn unexpected(&self, wanted: &'static str, found: &str) -> NormalFormError {
        self.error(Problem::Field { wanted, found: found.to_owned() })
    }

    /// Steps over the separator before a field.
    fn begin(&mut self, wanted: &'static str) -> Read<()> {
        self.began = self.at;
        if self.at > 0 {
            if !self.rest().starts_with(' ') {
                let found = self.rest().chars().take(1).collect::<String>();
                return Err(if found.is_empty() {
                    self.error(Problem::LineEnds { wanted })
                } else {
                    self.error(Problem::Field { wanted: "a space", found })
                });
            }
            self.at += 1;
            self.began = self.at;
        }
        if self.rest().is_empty() { Err(self.error(Problem::LineEnds { wanted })) } else { Ok(()) }
    }

    /// The next field, which is not a string.
    pub(super) fn word(&mut self, wanted: &'static str) -> Read<&'a str> {
        self.begin(wanted)?;
        let rest = self.rest();
        let word = rest.split([' ', '"']).next().unwrap_or_default();
        if word.is_empty() {
            return Err(self.unexpected(wanted, &rest.chars().take(1).collect::<String>()));
        }
        self.at += word.len();
        Ok(word)
    }

    /// The next field, which is a string.
    pub(super) fn string(&mut self, wanted: &'static str) -> Read<String> {
        self.begin(wanted)?;
        let rest = self.rest();
        if !rest.starts_with('"') {
            let found = rest.split(' ').next().unwrap_or_default();
            return Err(self.unexpected(wanted, found));
        }
        let mut value = String::new();
        let mut chars = rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(value);
                }
                '\\' => value.push(match chars.next().map(|(_, escaped)| escaped) {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('t') => '\t',
                    Some(c @ ('"' | '\\')) => c,
                    _ => return Err(self.error(Problem::String)),
                }),
                '\n' | '\r' | '\t' => return Err(self.error(Problem::String)),
                c => value.push(c),
            }
        }
        Err(self.error(Problem::String))
    }

    /// The next field: a string, or `-`.
    pub(super) fn optional(&mut self, wanted: &'static str) -> Read<Option<String>> {
        if self.is_absent() { Ok(None) } else { self.string(wanted).map(Some) }
    }

    /// Steps over a `-`, if that is the next field.
    pub(super) fn is_absent(&mut self) -> bool {
        let absent = self.rest() == " -" || self.rest().starts_with(" - ");
        if absent {
            self.began = self.at + 1;
            self.at += 2;
        }
        absent
    }

    /// The next field, as something that a word stands for.
    pub(super) fn parse<T: FromStr>(&mut self, wanted: &'static str) -> Read<T> {
        let word = self.word(wanted)?;
        word.parse().map_err(|_| self.unexpected(wanted, word))
    }

    /// The next field: a number in its one form, without sign or leading zeros.
    pub(super) fn number_of<T: FromStr + ToString>(&mut self, wanted: &'static str) -> Read<T> {
        let word = self.word(wanted)?;
        let number: Option<T> = word.parse().ok();
        number.filter(|number| number.to_string() == word).ok_or_else(|| self.unexpected(wanted, word))
    }

    /// The next field, which is the written form of one of the values.
    pub(super) fn one_of<T: Copy + fmt::Display, const N: usize>(
        &mut self,
        wanted: &'static str,
        values: [T; N],
    ) -> Read<T> {
        let word = self.word(wanted)?;
        let found = values.into_iter().find(|value| value.to_string() == word);
        found.ok_or_else(|| self.unexpected(wanted, word))
    }

    /// The next field, which is one of two words: true for the first.
    pub(super) fn either(&mut self, wanted: &'static str, first: &str, second: &str) -> Read<bool> {
        let word = self.word(wanted)?;
        if word == first {
            Ok(true)
        } else if word == second {
            Ok(false)
        } else {
            Err(self.unexpected(wanted, word))
        }
    }

    /// The next field: `yes` or `no`.
    pub(super) fn yes(&mut self) -> Read<bool> {
        self.either("`yes` or `no`", "yes", "no")
    }

    /// The next fields: a count, and that many of something.
    pub(super) fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count: u64 = self.number_of("a count")?;
        // Nothing is set aside for a count: each element takes a field, so a false one ends with the line.
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(one(self)?);
        }
        Ok(list)
    }

    /// The two parts of a word around its only `-`.
    pub(super) fn range<T: FromStr>(&mut self, wanted: &'static str) -> Read<(T, T)> {
        let word = self.word(wanted)?;
        let ends = word.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        ends.ok_or_else(|| self.unexpected(wanted, word))
    }

    /// Nothing more.
    pub(super) fn end(&mut self) -> Read<()> {
        if self.rest().is_empty() {
            return Ok(());
        }
        self.began = self.at;
        Err(self.error(Problem::Trailing { found: self.rest().trim_start().to_owned() }))
    }

    /// The rejection of a field that was read as something it may not be.
    pub(super) fn refuse<T>(&self, wanted: &'static str, found: &str) -> Read<T> {
        Err(self.unexpected(wanted, found))
    }
}
