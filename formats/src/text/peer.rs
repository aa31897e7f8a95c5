//! Peers: `any`, `internet`, `external`, addresses, or a selector.
//!
//! ```text
//! peer      = "any" / "external" [ addresses ] / "internet" / addresses / selector / "unmodelled" word
//! addresses = "no" "address" / range *( "," range ) [ "except" range *( "," range ) ]
//! range     = address / block / address "-" address
//! ```

use super::TextError;
use super::lexer::{Token, Tokens};
use super::selector::{Vocabulary, whole};
use seglab_policy::{AddressSet, Covers, Peer, looks_like_address};
use std::net::IpAddr;
use std::ops::Range;

/// Reads a peer.
///
/// ```
/// use seglab_formats::text::{AnyName, peer};
/// let read = peer("10.0.0.0/8 except 10.128.0.0/9", &AnyName)?;
/// assert_eq!(read.to_string(), "10.0.0.0-10.127.255.255");
/// assert_eq!(peer("10.0.0.0/33", &AnyName).unwrap_err().range, 0..11);
/// # Ok::<(), seglab_formats::text::TextError>(())
/// ```
///
/// # Errors
/// What is wrong, and where in the text.
pub fn peer(text: &str, vocabulary: &dyn Vocabulary) -> Result<Peer, TextError> {
    let mut tokens = Tokens::new(text)?;
    if tokens.is_done() {
        return Err(TextError::new("the peer is empty", 0..0)
            .with_help("write `any`, `internet`, addresses, or a selector such as `app=web`"));
    }
    if starts_addresses(&tokens) {
        let set = addresses(&mut tokens)?;
        return Ok(Peer::Addresses { set, covers: Covers::All });
    }
    match (tokens.peek(), tokens.peek_second()) {
        (Some(Token::Word(word)), None) => match word.as_str() {
            "any" => return Ok(Peer::Anyone),
            "external" => return Ok(Peer::external()),
            "internet" => return Ok(Peer::internet()),
            _ => {}
        },
        (Some(Token::Word(word)), Some(Token::Quoted(what))) if word == "unmodelled" => {
            let what = what.clone();
            tokens.next();
            tokens.next();
            return end(&tokens).map(|()| Peer::Unmodelled(what));
        }
        (Some(Token::Word(word)), Some(_)) if word == "external" => {
            tokens.next();
            if !starts_addresses(&tokens) {
                return Err(tokens.expected("addresses after `external`"));
            }
            let set = addresses(&mut tokens)?;
            return Ok(Peer::Addresses { set, covers: Covers::External });
        }
        _ => {}
    }
    whole(&mut tokens, vocabulary).map(Peer::Units)
}

/// Reads addresses: `10.0.0.0/8,192.168.1.1-192.168.1.9 except 10.1.0.0/16`.
///
/// # Errors
/// What is wrong, and where in the text.
pub fn address_set(text: &str) -> Result<AddressSet, TextError> {
    let mut tokens = Tokens::new(text)?;
    if !starts_addresses(&tokens) {
        return Err(tokens.expected("an address, a CIDR block or a range of addresses"));
    }
    addresses(&mut tokens)
}

/// True if addresses stand next. A word before an operator is a label's key, whatever it looks like.
fn starts_addresses(tokens: &Tokens) -> bool {
    match (tokens.peek(), tokens.peek_second()) {
        (Some(Token::Word(word)), Some(Token::Word(next))) if word == "no" => next == "address",
        (Some(Token::Word(_)), Some(Token::Sign("=" | "!="))) => false,
        (Some(Token::Word(_)), Some(Token::Word(next))) if next == "in" || next == "not" => false,
        (Some(Token::Word(word)), _) => looks_like_address(word),
        _ => false,
    }
}

/// Addresses that take all of the tokens left.
fn addresses(tokens: &mut Tokens) -> Result<AddressSet, TextError> {
    if tokens.take_word("no") && tokens.take_word("address") {
        return end(tokens).map(|()| AddressSet::empty());
    }
    let mut set = AddressSet::empty();
    let ranges = list(tokens)?;
    for range in &ranges {
        set = set.union(&range.addresses);
    }
    if tokens.take_word("except") {
        for exception in list(tokens)? {
            if !set.is_superset(&exception.addresses) {
                return Err(outside(&exception, &ranges));
            }
            set = set.difference(&exception.addresses);
        }
    }
    end(tokens).map(|()| set)
}

/// An exception that is not a part of what it is taken from.
fn outside(exception: &Written, ranges: &[Written]) -> TextError {
    let words: Vec<&str> = ranges.iter().map(|range| range.word.as_str()).collect();
    let message = format!("the exception `{}` is not a part of `{}`", exception.word, words.join(","));
    let start = ranges.first().map_or(0, |first| first.place.start);
    let end = ranges.last().map_or(start, |last| last.place.end);
    TextError::new(message, exception.place.clone())
        .with_related("what it is taken from", start..end)
        .with_help("remove the exception, or correct one of the two ranges")
}

/// A range as it is written, and where.
struct Written {
    word: String,
    addresses: AddressSet,
    place: Range<usize>,
}

fn list(tokens: &mut Tokens) -> Result<Vec<Written>, TextError> {
    let mut ranges = Vec::new();
    loop {
        let place = tokens.here();
        match tokens.next() {
            Some((Token::Word(word), _)) => ranges.push(Written { addresses: range(&word, &place)?, word, place }),
            Some((token, _)) => {
                return Err(TextError::new(format!("expected an address, found {}", token.show()), place));
            }
            None => return Err(tokens.expected("an address")),
        }
        if !tokens.take_sign(",") {
            return Ok(ranges);
        }
    }
}

fn range(word: &str, place: &Range<usize>) -> Result<AddressSet, TextError> {
    const FORMS: &str = "write an address `10.0.0.1`, a block `10.0.0.0/8` or a range `10.0.0.1-10.0.0.9`";
    let invalid = |what: &str| {
        let help = if word.contains(['/', '-', '.', ':']) {
            format!("{FORMS}; a unit of this name goes into quotes")
        } else {
            FORMS.to_owned()
        };
        TextError::new(format!("`{word}` is not {what}"), place.clone()).with_help(help)
    };
    if word.contains('/') {
        return word.parse().map(AddressSet::from_net).map_err(|_| invalid("a CIDR block"));
    }
    let Some((first, last)) = word.split_once('-') else {
        return word.parse().map(AddressSet::single).map_err(|_| invalid("an IP address"));
    };
    let ends: Result<(IpAddr, IpAddr), _> = first.parse().and_then(|first| last.parse().map(|last| (first, last)));
    let (first, last) = ends.map_err(|_| invalid("a range of addresses"))?;
    let set = AddressSet::from_range(first, last);
    if set.is_empty() {
        let message = format!("`{word}` is an empty range");
        return Err(
            TextError::new(message, place.clone()).with_help("write the lower address first, both of one family")
        );
    }
    Ok(set)
}

fn end(tokens: &Tokens) -> Result<(), TextError> {
    if tokens.is_done() {
        return Ok(());
    }
    let error = tokens.expected("the end");
    Err(match tokens.peek() {
        Some(Token::Word(word)) if word == "and" || word == "or" => {
            error.with_help("addresses do not combine with selectors: write a rule of its own, or join ranges with `,`")
        }
        _ => error.with_help("join ranges with `,`, and put `except` before those to leave out"),
    })
}
