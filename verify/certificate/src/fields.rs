//! Fields of a line: words and strings, read one after the other. Normal forms and certificates share them.

use crate::refusal::Refusal;
use std::str::FromStr;

/// How deep selectors may nest.
const NESTING_MAX: usize = 100;

/// What is left of a line.
#[derive(Clone)]
pub(crate) struct Fields<'a> {
    pub(crate) rest: &'a str,
    line: usize,
}

pub(crate) type Read<T> = Result<T, Refusal>;

/// The lines of a text whose last is `end` with their number, each as its keyword and its fields.
///
/// # Errors
/// If the first line is not `header`, a line is cut off, or the last one is missing or not the last.
pub(crate) fn lines<'a>(
    text: &'a str,
    header: &str,
    mut each: impl FnMut(&'a str, Fields<'a>) -> Read<()>,
) -> Read<()> {
    let mut lines = (1..).zip(text.split_inclusive('\n'));
    if lines.next().is_none_or(|(_, first)| first.strip_suffix('\n') != Some(header)) {
        return Err(Refusal::Unreadable { line: 1, wanted: "the first line of its kind and version" });
    }
    let mut number = 1;
    while let Some((at, line)) = lines.next() {
        number = at;
        let unreadable = |wanted| Refusal::Unreadable { line: number, wanted };
        let line = line.strip_suffix('\n').ok_or_else(|| unreadable("the whole line"))?;
        let keyword = line.split(' ').next().unwrap_or_default();
        let mut fields = Fields { rest: line.get(keyword.len()..).unwrap_or_default(), line: number };
        if keyword == "end" {
            let counted: usize = fields.number()?;
            fields.end()?;
            let is_last = lines.next().is_none();
            let wanted = "`end` and the number of lines before it, once and last";
            return if counted.checked_add(1) == Some(number) && is_last { Ok(()) } else { Err(unreadable(wanted)) };
        }
        each(keyword, fields)?;
    }
    Err(Refusal::Unreadable { line: number, wanted: "`end` as the last line" })
}

impl<'a> Fields<'a> {
    pub(crate) fn refuse<T>(&self, wanted: &'static str) -> Read<T> {
        Err(Refusal::Unreadable { line: self.line, wanted })
    }

    pub(crate) fn word(&mut self) -> Read<&'a str> {
        let Some(rest) = self.rest.strip_prefix(' ') else { return self.refuse("a word") };
        let word = rest.split(' ').next().unwrap_or_default();
        if word.is_empty() || word.contains('"') {
            return self.refuse("a word");
        }
        self.rest = rest.get(word.len()..).unwrap_or_default();
        Ok(word)
    }

    pub(crate) fn string(&mut self) -> Read<String> {
        let Some(rest) = self.rest.strip_prefix(" \"") else { return self.refuse("a string") };
        let mut value = String::new();
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            value.push(match c {
                '"' => {
                    self.rest = rest.get(at + 1..).unwrap_or_default();
                    return Ok(value);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, 'r')) => '\r',
                    Some((_, 't')) => '\t',
                    Some((_, c @ ('"' | '\\'))) => c,
                    _ => return self.refuse("an escape that is known"),
                },
                c => c,
            });
        }
        self.refuse("the end of a string")
    }

    /// Steps over a `-`, if that comes next.
    pub(crate) fn absent(&mut self) -> bool {
        let rest = self.rest.strip_prefix(" -").filter(|rest| rest.is_empty() || rest.starts_with(' '));
        rest.map(|rest| self.rest = rest).is_some()
    }

    pub(crate) fn optional(&mut self) -> Read<Option<String>> {
        if self.absent() { Ok(None) } else { self.string().map(Some) }
    }

    pub(crate) fn number<T: FromStr>(&mut self) -> Read<T> {
        let word = self.word()?;
        word.parse().or_else(|_| self.refuse("a number"))
    }

    pub(crate) fn optional_number<T: FromStr>(&mut self) -> Read<Option<T>> {
        if self.absent() { Ok(None) } else { self.number().map(Some) }
    }

    /// What the next word stands for.
    pub(crate) fn choice<T: Copy, const N: usize>(&mut self, choices: [(&str, T); N]) -> Read<T> {
        let word = self.word()?;
        let chosen = choices.iter().find(|(known, _)| *known == word);
        chosen.map_or_else(|| self.refuse("a word of the grammar"), |(_, value)| Ok(*value))
    }

    pub(crate) fn yes(&mut self) -> Read<bool> {
        self.choice([("no", false), ("yes", true)])
    }

    /// A count and that many of something. Nothing is set aside for the count: a false one ends with the line.
    pub(crate) fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count: u64 = self.number()?;
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(one(self)?);
        }
        Ok(list)
    }

    /// A range `first-last`.
    pub(crate) fn range<T: FromStr + PartialOrd>(&mut self) -> Read<(T, T)> {
        let word = self.word()?;
        let ends = word.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        ends.filter(|(first, last)| first <= last).map_or_else(|| self.refuse("a range"), Ok)
    }

    pub(crate) fn end(&self) -> Read<()> {
        if self.rest.is_empty() { Ok(()) } else { self.refuse("the end of the line") }
    }

    pub(crate) fn selector(&mut self, depth: usize) -> Read<Selector> {
        if depth > NESTING_MAX {
            return self.refuse("selectors that nest less deeply");
        }
        let parts = |fields: &mut Self| fields.list(|fields| fields.selector(depth + 1));
        Ok(match self.word()? {
            "all" => Selector::All,
            "named" => Selector::Named(self.string()?),
            "in" => Selector::In(self.string()?, self.list(Self::string)?),
            "not-in" => Selector::Not(Box::new(Selector::In(self.string()?, self.list(Self::string)?))),
            "has" => Selector::Has(self.string()?),
            "lacks" => Selector::Not(Box::new(Selector::Has(self.string()?))),
            "and" => Selector::And(parts(self)?),
            "or" => Selector::Or(parts(self)?),
            "not" => Selector::Not(Box::new(self.selector(depth + 1)?)),
            _ => return self.refuse("a selector"),
        })
    }
}

/// A predicate over labels. `not-in` and `lacks` are the negations of `in` and `has`.
#[derive(Clone)]
pub(crate) enum Selector {
    All,
    Named(String),
    In(String, Vec<String>),
    Has(String),
    And(Vec<Selector>),
    Or(Vec<Selector>),
    Not(Box<Selector>),
}
