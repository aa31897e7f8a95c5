//! A checker of certificates: proofs that a network design does what is claimed of it, for people who trust neither
//! the tool that found them nor its authors.
//!
//! The crate depends on nothing but the standard library and is made to be read in an afternoon. It gets two texts: a
//! design in its *normal form* (flat text, one fact a line; `seglab-policy` documents it) and a certificate. From the
//! normal form it works out for itself whom every selector, peer and service means, unit by unit, and what every rule
//! may let through; from the certificate it takes nothing but suggestions, each of which it checks.
//!
//! # What a certificate says
//! ```text
//! seglab-certificate 1
//! design SHA256                                   of the normal form
//! claim (property | need) position SHA256         position among its kind, from 0; of its line without line feed
//! question (as-declared | as-if-enforced) (anybody | all-but-trusted)
//! by (point DIRECTION)*N                          the points that stop what must not pass, in the order to ask them
//! attack UNITS (IP-IP)*N source*N                 starts of attacks: units, external addresses, named sources
//!   layer UNITS STRING*N                          what they may own after so many connections; credentials found
//!     newcomers PART*N                            and units that do not exist yet: all that have this in common
//! node (plain | hosted) UNITS RANGES              units, and the positions of the nodes that lead on from them
//! choose (from | to) (unit position | external IP) UNITS
//! witness BOOK TIER RULE (- | DIRECTION) PLACE PLACE HEADER   positions; where the rule decides, and which connection
//! end lines                                       the number of lines before this one
//! ```
//! `PLACE` is `unit position interface`, `external IP` or `source position`; `HEADER` is a transport protocol with the
//! ports at destination and source, `icmp type code` or `protocol number`. `PART` is `lacks KEY`, `is KEY VALUE`,
//! `other KEY` for a value that nothing mentions, `owner (- | NAME)` or `host (- | position)`. `x*N` is a count followed by
//! that many `x`, `UNITS` and `RANGES` are `(first-last)*N` of positions from 0, ascending and apart. Indented lines belong
//! to the line before and are not indented in the text; `attack`, `newcomers`, `node`, `choose` and `witness` stand in any
//! number.
//!
//! # What is checked
//! Every item is an [`Obligation`]; a test takes each away and sees a wrong certificate pass.
//!
//! - `isolated` and `only-through`: the starts are in attacks; nothing that carries an attack on leads out of starts and
//!   layer, owned hosts bring their guests, held credentials are reckoned with; and no last connection reaches a target.
//!   With a bound on connections there is a layer for each number of them; otherwise the last is closed in itself.
//! - `isolated-ever`: the same of a design that the checker makes of this one, with one unit more of every kind that may
//!   ever come: of every combination of what selectors, hosts, places and address sets tell apart.
//! - `blast-radius`: the same without targets, and for each start what its last layer holds; or, where closures are
//!   unions, nodes (components of the attack graph) with the nodes that they lead to, counted along. Units count as one
//!   or by their criticality; the largest, the mean or a percentile of the numbers is within the bound.
//! - `exposed`, `egress-only-to`, `only`, `default-deny`: no connection but those that the claim lists, and for the last
//!   of those that no rule allows. Needs nothing of the certificate but points.
//! - `surface`: what may connect with a unit is counted. Needs points, too.
//! - `no-shadowed-rules`: each rule has a witness, a connection (or the answer to one, where the rulebook keeps no state)
//!   that it decides for sure; or it matches nothing that a path carries.
//! - `no-redundant-rules`: each rule has a witness, a connection whose verdict is another without the rule.
//! - `no-undefined-order`: what rules of equal rank disagree on, and their rulebook with them, the points stop.
//! - `within` and `equal`: every connection that may be possible in one design certainly arrives in the other, whose
//!   normal form is part of the claim; for `equal` both ways, and with its answer. Needs nothing of the certificate: every
//!   point is asked.
//! - `allowed` and needs: every connection arrives, with its answer, whatever is in doubt; where one end is enough, a
//!   chosen one.
//!
//! *Nothing leads out* is shown rule by rule: of all connections from inside to outside that a path carries, each named
//! point keeps the part that its rules and defaults may let through, as products of sources, destinations and headers.
//! What leads out at one point has to be stopped by the next; when the last has been asked nothing may be left. Points
//! that the certificate does not name stop nothing.
//!
//! Doubt (a shared address, a peer of unknown kind, an undefined order) counts as possible. A construct that is not
//! modelled and touches a connection in question refuses the certificate; where connections are counted, or held against
//! those of another design, all that it could open count as possible.
//!
//! # What it costs
//! A check looks at each rule once for every product of places and points that is asked (a handful), by comparing sets
//! of endpoints word by word: time and memory grow with (rules + peers) × endpoints ÷ 64 at most, where endpoints are
//! interfaces, ranges of addresses that rules tell apart, and named sources. What leads out at one point is asked again
//! at the next, where few endpoints are left and only the rules that name them are looked at. Rules that do lead out,
//! and only those, are compared with the rules before them. A blast radius does all of this once for each component, a
//! claim about another design once for each product that may be possible.
//! Hostile texts cost no more than a bound on steps and memory admits ([`Refusal::TooMuch`]).
//!
//! # What remains to be trusted
//! This crate, the compiler, the meaning of the normal form, and the reader that made it: `seglab check` runs the reader
//! again, compares, and shows rules beside their source lines.
//!
//! # Without seglab
//! `cargo run --release --example check -- normal-form.txt *.certificate` in this crate's folder, which may be copied
//! anywhere, asks nothing of the rest of the workspace.
//!
//! # Example
//! ```
//! use seglab_certificate::{Design, Judge, Question, Refusal, sha256};
//! let property = "property \"quiet\" policy any intact - isolated units named \"a\" units named \"b\" 1 any - - - - -";
//! let text = format!("seglab-normal-form 1
//! design \"two units\"
//! unit \"a\" - - 0 - no - - - - -
//! interface known 10.0.0.1 \"default\" - - - no no no
//! unit \"b\" - - 0 - no - - - - -
//! interface known 10.0.0.2 \"default\" - - - no no no
//! rulebook \"nothing\" stateful deny
//! point \"wall\" host enforce egress+ingress 0 no - units all - - - - -
//! {property}
//! end 9
//! ");
//! let certificate = format!("seglab-certificate 1
//! design {}
//! claim property 0 {}
//! question as-declared anybody
//! by 1 0 ingress
//! attack 1 0-0 0 0
//! layer 0 0
//! end 7
//! ", sha256(text.as_bytes()), sha256(property.as_bytes()));
//! let design = Design::read(&text)?;
//! let accepted = Judge::new(&design)?.check(&certificate, Question::default())?;
//! assert_eq!(accepted.name, "quiet");
//!
//! // Without the point that stops it, the connection leads out.
//! let refused = Judge::new(&design)?.check(&certificate.replace("by 1 0 ingress", "by 0"), Question::default());
//! assert!(matches!(refused, Err(Refusal::Unmet { .. })));
//! # Ok::<(), Refusal>(())
//! ```

mod arrival;
mod attack;
mod certificate;
mod check;
mod confined;
mod crossing;
mod design;
mod fields;
mod judge;
mod newcomers;
mod refusal;
mod rules;
mod sets;
mod sha256;
#[cfg(test)]
mod tests;
mod within;
mod works;
mod world;

pub use check::{Accepted, Judge, Question};
pub use design::Design;
pub use refusal::{Obligation, Refusal};
pub use sha256::sha256;
