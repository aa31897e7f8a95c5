//! Words, quoted words and signs of selectors and peers.

use super::TextError;
use std::ops::Range;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A bare word.
    Word(String),
    /// A word in quotes; never a word of the language.
    Quoted(String),
    /// `=`, `!=`, `(`, `)`, or `,`.
    Sign(&'static str),
}

impl Token {
    /// The token as the user may recognise it.
    pub(super) fn show(&self) -> String {
        match self {
            Token::Word(word) => format!("`{word}`"),
            Token::Quoted(word) => format!("`{word:?}`"),
            Token::Sign(sign) => format!("`{sign}`"),
        }
    }
}

/// The tokens of a text, read from left to right.
#[derive(Clone)]
pub(super) struct Tokens {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    length: usize,
}

impl Tokens {
    /// Cuts a text into tokens.
    pub(super) fn new(text: &str) -> Result<Self, TextError> {
        let characters: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&first) = characters.get(at) {
            let start = at;
            at += 1;
            let next = characters.get(at).copied();
            let token = match first {
                space if space.is_whitespace() => continue,
                '(' => Token::Sign("("),
                ')' => Token::Sign(")"),
                ',' => Token::Sign(","),
                '=' if next == Some('=') => {
                    at += 1;
                    Token::Sign("=")
                }
                '=' => Token::Sign("="),
                '!' if next == Some('=') => {
                    at += 1;
                    Token::Sign("!=")
                }
                quote @ ('"' | '\'') => {
                    let (word, after) = quoted(&characters, at, quote)?;
                    at = after;
                    Token::Quoted(word)
                }
                plain if is_plain(plain) => {
                    at += characters.iter().skip(at).take_while(|c| is_plain(**c)).count();
                    Token::Word(characters.iter().skip(start).take(at - start).collect())
                }
                other => return Err(stray(other, start)),
            };
            tokens.push((token, start..at));
        }
        Ok(Self { tokens, at: 0, length: characters.len() })
    }

    /// The next token, left where it is.
    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    /// The token after the next, left where it is.
    pub(super) fn peek_second(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1).map(|(token, _)| token)
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Option<(Token, Range<usize>)> {
        let next = self.tokens.get(self.at).cloned();
        self.at += usize::from(next.is_some());
        next
    }

    /// Takes the next token if it is this bare word.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(next)) if next == word);
        self.at += usize::from(found);
        found
    }

    /// Takes the next token if it is this sign.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(next)) if *next == sign);
        self.at += usize::from(found);
        found
    }

    /// True if nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The characters of the next token, or the end of the text.
    pub(super) fn here(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.length..self.length, |(_, range)| range.clone())
    }

    /// An error that says what was expected in place of the next token.
    pub(super) fn expected(&self, what: &str) -> TextError {
        let found = self.peek().map_or_else(|| "the end".to_owned(), Token::show);
        TextError::new(format!("expected {what}, found {found}"), self.here())
    }
}

/// What a bare word is made of, the same characters that the written form leaves unquoted.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./:@[]#{}*".contains(c)
}

/// The rest of a quoted word, and the position after it; escapes are those that Rust's `Debug` writes.
fn quoted(characters: &[char], start: usize, quote: char) -> Result<(String, usize), TextError> {
    let unclosed = || {
        TextError::new("the quote is not closed", start - 1..characters.len())
            .with_help(format!("end the word with `{quote}`"))
    };
    let mut word = String::new();
    let mut at = start;
    loop {
        let c = *characters.get(at).ok_or_else(unclosed)?;
        at += 1;
        match c {
            c if c == quote => return Ok((word, at)),
            '\\' if quote == '"' => {
                let escape = *characters.get(at).ok_or_else(unclosed)?;
                at += 1;
                word.push(match escape {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    '0' => '\0',
                    'u' => {
                        let (c, after) = code_point(characters, at)
                            .ok_or_else(|| TextError::new("the escape is not of the form `\\u{20}`", at - 2..at))?;
                        at = after;
                        c
                    }
                    c @ ('\\' | '"' | '\'') => c,
                    c => return Err(TextError::new(format!("unknown escape `\\{c}`"), at - 2..at)),
                });
            }
            c => word.push(c),
        }
    }
}

/// The character of `{hex}`, and the position after it.
fn code_point(characters: &[char], at: usize) -> Option<(char, usize)> {
    if characters.get(at) != Some(&'{') {
        return None;
    }
    let digits: String = characters.iter().skip(at + 1).take_while(|c| c.is_ascii_hexdigit()).collect();
    let after = at + 1 + digits.len();
    let c = char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?;
    (characters.get(after) == Some(&'}')).then_some((c, after + 1))
}

fn stray(c: char, at: usize) -> TextError {
    let error = TextError::new(format!("unexpected `{c}`"), at..at + 1);
    match c {
        '&' => error.with_help("write `and`"),
        '|' => error.with_help("write `or`"),
        '!' => error.with_help("write `not`, or `!=` between a key and a value"),
        _ => error.with_help("put words with such characters into quotes"),
    }
}
