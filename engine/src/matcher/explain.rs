//! Explanations: whose addresses a packet carries, and what every tier says of the connection.
//!
//! Tables know verdicts, not rules: classes are merged by what they are told, whichever rules say so. So the matcher says
//! who has the addresses of a packet, as it sees them, and the reference evaluator names the deciding rule of every tier
//! for each of them. That looks at every rule, which nobody minds who wants to know why.

use super::packet::HeaderFields;
use super::{FamilyMatcher, Matcher, PacketV4, PacketV6, SpaceId, UnitPacket};
use crate::column::id;
use crate::matcher::directory::End;
use seglab_policy::{Connection, Design, Evaluation};

/// Why a packet may open a connection, or may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The connection that the packet opens, if its addresses are those of these ends.
    pub connection: Connection,
    /// What every point on its path says, tier by tier, with the rules that decide.
    pub evaluation: Evaluation,
}

impl Matcher {
    /// Why a packet between IPv4 addresses, seen in a space, is decided as it is: an explanation for each pair of ends
    /// that may have its addresses. `design` is the one that the matcher was compiled from.
    pub fn explain_v4(&self, design: &Design, space: SpaceId, packet: &PacketV4) -> Vec<Explanation> {
        let [family, _] = &self.families;
        let ends = (packet.source.into(), packet.destination.into());
        family.as_ref().map_or_else(Vec::new, |family| self.explain_in(design, family, space, ends, packet.fields()))
    }

    /// As [`Matcher::explain_v4`], between IPv6 addresses.
    pub fn explain_v6(&self, design: &Design, space: SpaceId, packet: &PacketV6) -> Vec<Explanation> {
        let [_, family] = &self.families;
        let ends = (packet.source, packet.destination);
        family.as_ref().map_or_else(Vec::new, |family| self.explain_in(design, family, space, ends, packet.fields()))
    }

    /// Why a packet between known interfaces is decided as it is; `None` between interfaces of two families.
    pub fn explain_between(&self, design: &Design, packet: &UnitPacket) -> Option<Explanation> {
        let [from, to] = [packet.source, packet.destination];
        let family = self.family(from.family()).filter(|_| from.family() == to.family())?;
        let [from, to] = [from, to].map(|interface| End::Interface(id(interface.position())));
        Some(self.explain(design, family, (from, to), packet.fields()))
    }

    fn explain_in(
        &self,
        design: &Design,
        family: &FamilyMatcher,
        space: SpaceId,
        ends: (u128, u128),
        fields: HeaderFields,
    ) -> Vec<Explanation> {
        let (from, to) = (family.directory.ends(space.0, ends.0), family.directory.ends(space.0, ends.1));
        let pairs = from.iter().flat_map(|&from| to.iter().map(move |&to| (from, to)));
        pairs.map(|pair| self.explain(design, family, pair, fields)).collect()
    }

    fn explain(
        &self,
        design: &Design,
        family: &FamilyMatcher,
        (from, to): (End, End),
        fields: HeaderFields,
    ) -> Explanation {
        let [source, destination] = [from, to].map(|end| family.directory.endpoint(end));
        let connection = Connection { source, destination, header: fields.header(family.directory.family) };
        Explanation { connection, evaluation: design.evaluate(&connection, self.assume) }
    }
}
