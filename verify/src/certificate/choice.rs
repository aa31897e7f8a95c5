//! `allowed`, and needs: where one end of several is enough, one that is.

use super::Ranges;
use crate::properties::Settings;
use crate::properties::needs::{Chosen, End};
use crate::reach::Verifier;
use seglab_policy::{Peer, Service, UnitId};

impl Verifier<'_> {
    pub(super) fn prove_allowed(
        &mut self,
        from: &Peer,
        to: &Peer,
        services: &[Service],
        settings: &Settings,
    ) -> Vec<String> {
        let chosen = self.chosen(from, to, services, settings.as_if_enforced);
        chosen.iter().flat_map(|chosen| self.choice_lines(chosen)).collect()
    }

    fn choice_lines(&self, chosen: &Chosen) -> Vec<String> {
        let side = if chosen.end_is_source { "from" } else { "to" };
        let members = self.classes().members(chosen.class);
        let line = |end: &str, units: Ranges| format!("choose {side} {end} {units}");
        let all = || members.iter().map(|unit| unit.0);
        match chosen.end {
            End::External(address) => vec![line(&format!("external {address}"), Ranges::of(all()))],
            End::Units(class) => {
                // A unit is no end of its own: one of its class takes the place of another.
                let ends = self.classes().members(class);
                let others = |end: UnitId| Ranges::of(all().filter(|unit| *unit != end.0));
                let mut lines = Vec::new();
                if let Some(first) = ends.first() {
                    lines.push(line(&format!("unit {}", first.0), others(*first)));
                }
                if let (Some(first), Some(second)) = (ends.first(), ends.get(1))
                    && members.contains(first)
                {
                    lines.push(line(&format!("unit {}", second.0), Ranges::unit(*first)));
                }
                lines
            }
        }
    }
}
