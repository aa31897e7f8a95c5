//! The rule engine: a design compiled into tables, and decisions from a few reads of them.
//!
//! The reference evaluator looks at every rule for every connection. The engine does that work once, when it
//! compiles a design, and keeps the answers:
//!
//! 1. Every endpoint gets an *identity*, one for all endpoints that no rule, scope, placement or port name tells
//!    apart; an interface of a unit is looked up by its position, an external address among sorted ranges.
//! 2. Every header gets a *service class*, one for all headers that no rule's services tell apart.
//! 3. Every rulebook and direction gets a *table* from class of source and class of destination to a *profile*, the
//!    possible outcomes for each service class.
//! 4. The points that a connection meets are found from the places and the coverage of its two identities.
//!
//! All of it is built for each address family on its own. What is not known for sure stays in the tables as two
//! possible outcomes, so the engine's [`Decision`] is the kind of the evaluator's verdict for every connection and
//! every assumption, which a property test holds it to.
//!
//! ```
//! use seglab_engine::{Decision, Engine};
//! use seglab_policy::{Address, Assume, Connection, Design, Draft, Endpoint, Header, Interface, Transport, Unit, UnitId};
//! let unit = |name: &str, address: &str| Unit {
//!     name: name.to_owned(),
//!     interfaces: vec![Interface::new(Address::Known(address.parse().expect("an address")))],
//!     ..Unit::default()
//! };
//! let draft = Draft { units: vec![unit("db", "10.0.0.2"), unit("web", "10.0.0.1")], ..Draft::default() };
//! let design = Design::new(draft).expect("no contradictions");
//! let engine = Engine::compile(&design)?;
//! let end = |unit| Endpoint::Unit { unit: UnitId(unit), interface: 0 };
//! let header = Header::to_port(Transport::Tcp, 5432);
//! let connection = Connection { source: end(1), destination: end(0), header };
//! assert!(matches!(engine.decide(&connection, Assume::business()), Decision::Allowed(_))); // no point, no denial
//! # Ok::<(), seglab_engine::CompileError>(())
//! ```

mod blueprint;
mod column;
mod connection_table;
mod coverage;
mod crossing;
mod engine;
mod family;
mod label_index;
mod matcher;
mod partition;
mod population;
mod profile;
mod roofline;
mod rule_list;
mod service;
mod service_class;
mod table;
mod table_build;
mod tier_plan;
mod workload;

pub use connection_table::{ConnectionLimits, ConnectionTable, Tracked, WhenFull};
pub use engine::{CompileError, Decision, EndpointClass, Engine, Footprint, Limits};
pub use matcher::{
    Applied, Explanation, InterfaceId, Layout, LiveMatcher, LiveRule, Matcher, Packet, PacketV4, PacketV6, PairForm,
    Recompiled, Snapshot, SpaceId, UnitPacket, Untabled, Update, UpdateError,
};
pub use roofline::Roofline;
pub use workload::Workload;
