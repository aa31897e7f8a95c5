//! Selectors: `app=web and env in (dev, test)`, `not (site=a or has pci)`.
//!
//! ```text
//! selector = and *( "or" and )
//! and      = unary *( "and" unary )
//! unary    = "not" unary / "(" selector ")" / atom
//! atom     = "all" / "any" / "none" / "has" word / "lacks" word / word ( "=" / "!=" ) word
//!          / word [ "not" ] "in" "(" [ word *( "," word ) ] ")" / word
//! ```

use super::TextError;
use super::lexer::{Token, Tokens};
use seglab_policy::{RESERVED_WORDS, Selector};

/// What the words of a selector mean in the design that it is written for.
pub trait Vocabulary {
    /// The selector that a bare name stands for: a segment's, a unit's, an owner's.
    ///
    /// # Errors
    /// The message and the help of a name that stands for nothing.
    fn name(&self, name: &str) -> Result<Selector, (String, Option<String>)>;

    /// The label that a key stands for.
    fn key(&self, key: String) -> String {
        key
    }
}

/// Every name is a unit's or an owner's, and every key is a label's: the written form itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyName;

impl Vocabulary for AnyName {
    fn name(&self, name: &str) -> Result<Selector, (String, Option<String>)> {
        Ok(Selector::Named(name.to_owned()))
    }
}

/// Reads a selector.
///
/// ```
/// use seglab_formats::text::{AnyName, selector};
/// let read = selector("app=web and not env in (test, dev)", &AnyName)?;
/// assert_eq!(read.to_string(), "app=web and not env in (dev, test)");
/// assert_eq!(selector("app=", &AnyName).unwrap_err().range, 4..4);
/// # Ok::<(), seglab_formats::text::TextError>(())
/// ```
///
/// # Errors
/// What is wrong, and where in the text.
pub fn selector(text: &str, vocabulary: &dyn Vocabulary) -> Result<Selector, TextError> {
    let mut tokens = Tokens::new(text)?;
    whole(&mut tokens, vocabulary)
}

/// Reads a selector that takes all of the tokens left.
pub(super) fn whole(tokens: &mut Tokens, vocabulary: &dyn Vocabulary) -> Result<Selector, TextError> {
    let selector = Parser { tokens, vocabulary, depth: 0 }.or()?;
    if tokens.is_done() {
        return Ok(selector);
    }
    let error = tokens.expected("`and`, `or` or the end");
    let help = match tokens.peek() {
        Some(Token::Word(word)) if word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or") => {
            Some(format!("write `{}`", word.to_ascii_lowercase()))
        }
        Some(Token::Word(_) | Token::Quoted(_)) => Some("a key and its value are joined by `=`: `app=web`".to_owned()),
        Some(Token::Sign(",")) => Some("join selectors with `and` or `or`; values go into `key in (a, b)`".to_owned()),
        _ => None,
    };
    Err(match help {
        Some(help) => error.with_help(help),
        None => error,
    })
}

/// Deeper nesting than this is refused, so that no input can exhaust the stack.
const DEPTH_MAX: u32 = 64;

struct Parser<'a> {
    tokens: &'a mut Tokens,
    vocabulary: &'a dyn Vocabulary,
    depth: u32,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Selector, TextError> {
        let mut parts = vec![self.and()?];
        while self.tokens.take_word("or") {
            parts.push(self.and()?);
        }
        Ok(one_or(parts, Selector::AnyOf))
    }

    fn and(&mut self) -> Result<Selector, TextError> {
        let mut parts = vec![self.unary()?];
        while self.tokens.take_word("and") {
            parts.push(self.unary()?);
        }
        Ok(one_or(parts, Selector::All))
    }

    fn unary(&mut self) -> Result<Selector, TextError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(TextError::new("the selector is nested too deeply", self.tokens.here()));
        }
        let selector = if self.tokens.take_word("not") {
            Selector::Not(Box::new(self.unary()?))
        } else if self.tokens.take_sign("(") {
            let inner = self.or()?;
            if !self.tokens.take_sign(")") {
                return Err(self.tokens.expected("`and`, `or` or `)`"));
            }
            inner
        } else {
            self.atom()?
        };
        self.depth -= 1;
        Ok(selector)
    }

    fn atom(&mut self) -> Result<Selector, TextError> {
        let of_a_label = matches!(self.tokens.peek_second(), Some(Token::Sign("=" | "!=")));
        match self.tokens.peek() {
            Some(Token::Word(word)) if !of_a_label => match word.as_str() {
                "all" | "any" => return Ok(self.constant(Selector::Everything)),
                "none" => return Ok(self.constant(Selector::nothing())),
                "has" => return self.key_after_word().map(Selector::Exists),
                "lacks" => return self.key_after_word().map(Selector::Absent),
                "external" | "internet" => {
                    let message = format!("`{word}` is a range of addresses, and a selector selects units only");
                    let help = "use it alone as a peer, or write a rule of its own for it";
                    return Err(TextError::new(message, self.tokens.here()).with_help(help));
                }
                _ => {}
            },
            _ => {}
        }
        let range = self.tokens.here();
        let word = self.word("a selector such as `app=web`, or the name of a segment or unit")?;
        if self.tokens.take_sign("=") {
            let values = vec![self.word("a value")?];
            return Ok(Selector::In { key: self.vocabulary.key(word), values });
        }
        if self.tokens.take_sign("!=") {
            let values = vec![self.word("a value")?];
            return Ok(Selector::NotIn { key: self.vocabulary.key(word), values });
        }
        let negated = matches!((self.tokens.peek(), self.tokens.peek_second()),
            (Some(Token::Word(not)), Some(Token::Word(within))) if not == "not" && within == "in");
        if negated {
            self.tokens.next();
        }
        if self.tokens.take_word("in") {
            let values = self.values()?;
            let key = self.vocabulary.key(word);
            return Ok(if negated { Selector::NotIn { key, values } } else { Selector::In { key, values } });
        }
        self.vocabulary.name(&word).map_err(|(message, help)| TextError { help, ..TextError::new(message, range) })
    }

    fn constant(&mut self, selector: Selector) -> Selector {
        self.tokens.next();
        selector
    }

    fn key_after_word(&mut self) -> Result<String, TextError> {
        self.tokens.next();
        Ok(self.vocabulary.key(self.word("a label's key")?))
    }

    /// A word that is not one of the language's own, unless it is quoted.
    fn word(&mut self, what: &str) -> Result<String, TextError> {
        match self.tokens.peek() {
            Some(Token::Word(word)) if RESERVED_WORDS.contains(&word.as_str()) => {
                Err(self.tokens.expected(what).with_help(format!("put `{word}` into quotes if it is meant as a name")))
            }
            Some(Token::Word(word) | Token::Quoted(word)) => {
                let word = word.clone();
                self.tokens.next();
                Ok(word)
            }
            _ => Err(self.tokens.expected(what)),
        }
    }

    /// `(a, b)`, ascending and without repetition.
    fn values(&mut self) -> Result<Vec<String>, TextError> {
        if !self.tokens.take_sign("(") {
            return Err(self.tokens.expected("`(`").with_help("write the values as `key in (a, b)`"));
        }
        let mut values = Vec::new();
        while !self.tokens.take_sign(")") {
            if !values.is_empty() && !self.tokens.take_sign(",") {
                return Err(self.tokens.expected("`,` or `)`"));
            }
            values.push(self.word("a value")?);
        }
        values.sort();
        values.dedup();
        Ok(values)
    }
}

/// A selector of one part is that part.
fn one_or(mut parts: Vec<Selector>, many: impl Fn(Vec<Selector>) -> Selector) -> Selector {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            parts.extend(last);
            many(parts)
        }
    }
}
