//! Units that move, as a lab file has them.

use super::{Map, list, scalar, text};
use crate::text::write_duration;
use seglab_policy::{Level, MoveTimes, Movement};

/// One entry of the section.
pub(super) fn movement(of: &Movement) -> String {
    let mut map = Map::default();
    map.put("units", text(&of.units));
    match &of.times {
        MoveTimes::Every(mean) => map.put("every", scalar(&write_duration(*mean))),
        MoveTimes::At(times) => map.put("at", list(times.iter().map(|at| scalar(&write_duration(*at))))),
    };
    let to = of.to.iter().map(|to| {
        let mut map = Map::default();
        map.put_some("addresses", to.addresses.as_ref().map(text)).put_some("host", to.hosts.as_ref().map(text));
        for (level, key) in [(Level::Site, "site"), (Level::Zone, "zone"), (Level::Subnet, "subnet")] {
            map.put_some(key, level.of(&to.place).map(scalar));
        }
        map.done()
    });
    map.put("to", list(to));
    map.done()
}
