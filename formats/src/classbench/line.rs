//! One line of a rule set.

use std::net::Ipv4Addr;
use std::str::FromStr;

/// A rule as its line has it; ranges are inclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) source: (u32, u32),
    pub(super) destination: (u32, u32),
    pub(super) source_ports: (u16, u16),
    pub(super) destination_ports: (u16, u16),
    /// `None` for every protocol.
    pub(super) protocol: Option<u8>,
    /// The column of flags that are asked for.
    pub(super) flags: Option<u32>,
}

/// What is wrong with a line, and where. Columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) column: u32,
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// The longest word that a message repeats. \[characters\]
const SHOWN_MAX: usize = 40;

/// Reads a line that is neither empty nor a comment.
pub(super) fn parse(text: &str) -> Result<Line, Trouble> {
    let mut words = Words { rest: text, column: 1 };
    let start = words.next("an address", "begin the line with `@` and an address")?;
    let Some(address) = start.text.strip_prefix('@') else {
        return Err(start.trouble("does not begin with `@`", "begin the line with `@` and an address"));
    };
    let source = net(&Word { text: address, column: start.column + 1 })?;
    let destination = net(&words.next("an address", "name the destination")?)?;
    let source_ports = ports(&mut words)?;
    let destination_ports = ports(&mut words)?;
    let protocol = masked(&words.next("a protocol", PROTOCOL)?, 0xFF, PROTOCOL)?;
    let protocol = match protocol {
        (number, 0xFF) => u8::try_from(number).ok(),
        (_, 0) => None,
        _ => return Err(words.last_trouble("a protocol can be masked as a whole only", PROTOCOL)),
    };
    let mut flags = None;
    if let Some(word) = words.take() {
        let (_, mask) = masked(&word, 0xFFFF, "write flags as `0x0000/0x0000`")?;
        flags = (mask != 0).then_some(word.column);
    }
    match words.take() {
        Some(word) => Err(word.trouble("is more than a rule has", "write one rule a line")),
        None => Ok(Line { source, destination, source_ports, destination_ports, protocol, flags }),
    }
}

const PROTOCOL: &str = "write a protocol as `0x06/0xFF`, and every protocol as `0x00/0x00`";
const PORTS: &str = "write ports as `0 : 65535`";

/// A word and where it stands.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    column: u32,
}

impl Word<'_> {
    fn trouble(&self, what: &str, help: &'static str) -> Trouble {
        let shown: String = self.text.chars().take(SHOWN_MAX).collect();
        let more = if self.text.chars().nth(SHOWN_MAX).is_some() { "…" } else { "" };
        Trouble { column: self.column, message: format!("`{shown}{more}` {what}"), help }
    }
}

/// The words of a line, from left to right.
struct Words<'a> {
    rest: &'a str,
    column: u32,
}

impl<'a> Words<'a> {
    /// The next word; colons are words of their own.
    fn take(&mut self) -> Option<Word<'a>> {
        let blank = self.rest.len() - self.rest.trim_start().len();
        self.skip(blank);
        if self.rest.is_empty() {
            return None;
        }
        let is_end = |(at, c): &(usize, char)| c.is_whitespace() || (*c == ':' && *at > 0);
        let end = match self.rest.starts_with(':') {
            true => 1,
            false => self.rest.char_indices().find(is_end).map_or(self.rest.len(), |(at, _)| at),
        };
        let word = Word { text: self.rest.get(..end).unwrap_or_default(), column: self.column };
        self.skip(end);
        Some(word)
    }

    fn skip(&mut self, bytes: usize) {
        let skipped = self.rest.get(..bytes).unwrap_or_default();
        self.column = self.column.saturating_add(u32::try_from(skipped.chars().count()).unwrap_or(u32::MAX));
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn next(&mut self, what: &str, help: &'static str) -> Result<Word<'a>, Trouble> {
        let column = self.column;
        self.take().ok_or_else(|| Trouble { column, message: format!("the line ends where {what} should stand"), help })
    }

    fn last_trouble(&self, message: &str, help: &'static str) -> Trouble {
        Trouble { column: self.column, message: message.to_owned(), help }
    }
}

/// An address with its bits, as the range that it stands for; bits below those are not looked at.
fn net(word: &Word<'_>) -> Result<(u32, u32), Trouble> {
    const HELP: &str = "write an IPv4 address and how many of its bits count, as `10.0.0.0/8`";
    let trouble = || word.trouble("is not an address with its bits", HELP);
    let (address, bits) = word.text.split_once('/').ok_or_else(trouble)?;
    let address = Ipv4Addr::from_str(address).map_err(|_| trouble())?.to_bits();
    let bits: u32 = decimal(bits).filter(|&bits| bits <= 32).ok_or_else(trouble)?;
    let below = u32::MAX.checked_shr(bits).unwrap_or(0);
    Ok((address & !below, address | below))
}

/// `low : high`.
fn ports(words: &mut Words<'_>) -> Result<(u16, u16), Trouble> {
    let first = words.next("a port", PORTS)?;
    let colon = words.next("`:`", PORTS)?;
    if colon.text != ":" {
        return Err(colon.trouble("stands where `:` should", PORTS));
    }
    let last = words.next("a port", PORTS)?;
    let port = |word: &Word<'_>| decimal(word.text).ok_or_else(|| word.trouble("is not a port", PORTS));
    let range: (u16, u16) = (port(&first)?, port(&last)?);
    if range.0 > range.1 {
        return Err(first.trouble("is above the last port of its range", "write the smaller port first"));
    }
    Ok(range)
}

/// `value/mask` in hexadecimal digits, both up to `most`.
fn masked(word: &Word<'_>, most: u16, help: &'static str) -> Result<(u16, u16), Trouble> {
    let number = |text: &str| {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
        let plain = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit());
        u16::from_str_radix(digits, 16).ok().filter(|&number| plain && number <= most)
    };
    let found = word.text.split_once('/').and_then(|(value, mask)| number(value).zip(number(mask)));
    found.ok_or_else(|| word.trouble("is not a number and its mask", help))
}

/// A number in decimal digits only.
fn decimal<T: FromStr>(text: &str) -> Option<T> {
    if text.chars().all(|c| c.is_ascii_digit()) { text.parse().ok() } else { None }
}
