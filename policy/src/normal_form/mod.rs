//! The normal form: a design as flat text, one fact a line.
//!
//! It is what certificates are bound to and what an independent checker reads: everything that a verdict depends on,
//! without any vendor's schema, and simple enough to be read by a few hundred lines without dependencies. One design
//! has one text: [`write()`] is a function of the design, and [`read`] gives the same design back,
//! but for its [choices](crate::Choice): it is the design as they were decided. [Waivers](crate::Waiver) and what was
//! ignored are not in it, for no verdict depends on them.
//!
//! # Lines and fields
//!
//! The text is UTF-8. A line is a keyword and fields, separated by single spaces, and ends with a line feed. There are
//! no comments and no blank lines. A field is a *word* (letters, digits and signs without spaces or quotes) or a
//! *string*: anything between double quotes, with the escapes `\\`, `\"`, `\n`, `\r` and `\t`. Numbers are decimal.
//! `-` stands for what is absent.
//!
//! In the grammar below `x*N` is a count followed by that many `x`.
//!
//! ```text
//! seglab-normal-form 1
//! design STRING                                              its name
//! source SHA256 STRING                                       a file: its digest (64 digits), its path
//! unit STRING owner host criticality image AGENT PLACE       AGENT: yes | no, can host one
//!   label STRING STRING                                      key, value
//!   interface ADDRESS space site zone subnet SHARED IN OUT   IN, OUT: yes | no, external paths
//!   listener PROTOCOL first last name
//!   vulnerability STRING PROTOCOL port
//!   credential STRING                                        one that the unit holds
//!   login STRING PROTOCOL port                               one that a service of the unit takes
//! external STRING                                            a named source outside; labels follow, then
//!   entry SELECTOR SERVICES PLACE
//! route STRING STRING
//! segment STRING SELECTOR
//! rulebook STRING (stateful | stateless) (allow | deny)      the default after the last tier
//!   tier STRING ORDER ACTION SCOPE                           ACTION: what happens otherwise
//!   rule ACTION DIRECTIONS priority PEER PEER SERVICES PLACE from, to
//! point STRING KIND MODE DIRECTIONS rulebook EXEMPTS controller PLACEMENT PLACE
//!   refusal reject                                           where it does not drop
//! station STRING PROTOCOL port SELECTOR servers queue TAKES BLOCKING PLACE
//! need rate (synchronous | asynchronous) PEER PEER SERVICES PLACE  the rate is - where requests do not come evenly; then
//!   arrivals ARRIVALS
//!   answering STRING                                         the station whose requests it is opened for, where it is one's
//!   patience timeout-ns retries                              where either is given
//! property STRING VIEW PIVOT TRUST hops CLAIM PLACE
//! trusted SELECTOR STRING STRING expires PLACE               owner, reason
//! attacker STRING SELECTOR scan-rate exploit-probability exploit-ns login-probability login-ns PLACE
//! monitor denied-alert sensor sensor-ns response-ns PLACE
//! assumption STRING STRING                                   id, sentence
//! unmodelled STRING SELECTOR PLACE
//! end lines                                                  the number of lines before this one
//! ```
//!
//! The lines stand in this order; indented ones belong to the line that they follow and are not indented in the text.
//! Units are sorted by name, labels by key, and the rules of first-match tiers by priority, as they are asked. A
//! rulebook and a source are referred to by their position, from 0.
//!
//! ```text
//! ADDRESS    known IP | within CIDR | unknown (IPv4 | IPv6)
//! PROTOCOL   tcp | udp | sctp
//! SELECTOR   all | named STRING | in STRING STRING*N | not-in STRING STRING*N | has STRING | lacks STRING
//!            | and SELECTOR*N | or SELECTOR*N | not SELECTOR
//! PEER       any | units SELECTOR | addresses RANGE*N | external RANGE*N | unmodelled STRING
//! RANGE      IP-IP, first and last; IPv4 before IPv6, ascending, apart
//! SERVICES   SERVICE*N
//! SERVICE    any | ports PROTOCOL (port-port)*N (port-port)*N   destination ports, source ports
//!            | named (PROTOCOL | any) STRING | icmp (IPv4 | IPv6) type code | protocol number
//! ORDER      first-match | first-match-undefined-ties | deny-overrides | allow-union
//! ACTION     allow | deny | pass
//! SCOPE      everything | units SELECTOR*N SELECTOR*N           of sources in egress, of destinations in ingress
//! DIRECTIONS egress, forward and ingress joined by `+`, or none
//! TAKES      exactly ns | exponential mean-ns | lognormal median-ns sigma | pareto least-ns tail
//! BLOCKING   yes | no, a server stays occupied while its request waits
//! ARRIVALS   periodic every-ns first-ns | bursts rate length-ns pause-ns | daily rate swing peak-ns
//! PLACEMENT  units SELECTOR | between LEVEL | around LEVEL STRING
//! LEVEL      site | zone | subnet
//! CLAIM      isolated PEER PEER SERVICES | isolated-ever PEER PEER SERVICES | allowed PEER PEER SERVICES | only-through PEER PEER SELECTOR SERVICES
//!            | blast-radius SELECTOR (units | share) number                the largest number of units
//!            | blast-radius-of STATISTIC SELECTOR (units | share | criticality) number
//!            | exposed RANGE*N (inbound | outbound) SELECTOR SERVICES | egress-only-to SELECTOR PEER SERVICES
//!            | only (- | SELECTOR) (PEER PEER SERVICES)*N | default-deny SELECTOR DIRECTIONS
//!            | (within | equal) STRING STRING                      the other design: its path, its normal form
//!            | surface SELECTOR entries exits                      a number, or -
//!            | (no-shadowed-rules | no-redundant-rules | no-undefined-order) rulebook   its name
//! STATISTIC  max | mean | pN | pN.N                                per cent, in tenths
//! PLACE      (- | source:line:column) object reason owner ticket
//! ```
//!
//! # Limits
//!
//! Selectors nest at most [`NESTING_MAX`] deep. The reader takes what the writer writes and nothing more liberal.
//!
//! ```
//! use seglab_policy::{Address, Design, Draft, Interface, Unit, normal_form};
//! let interfaces = vec![Interface::new(Address::Known("10.0.0.1".parse()?))];
//! let unit = Unit { name: "web".into(), interfaces, ..Unit::default() };
//! let design = Design::new(Draft { units: vec![unit], ..Draft::default() }).unwrap();
//! let text = normal_form::write(&design);
//! assert!(text.contains("\ninterface known 10.0.0.1 \"default\" - - - no yes yes\n"));
//! assert_eq!(normal_form::read(&text)?, design);
//!
//! let cut = normal_form::read(&text[..text.len() / 2]).unwrap_err();
//! assert!(cut.line > 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod line;
mod read;
mod write;

pub use line::{NormalFormError, Problem};
pub use read::read;
pub use write::{property, write};

/// How deep selectors may nest.
pub const NESTING_MAX: usize = 100;

/// The first line.
const HEADER: &str = "seglab-normal-form 1";
