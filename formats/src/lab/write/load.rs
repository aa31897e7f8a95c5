//! What an enforcement point takes and can do, as a lab file has it.

use super::super::load::keys;
use super::{Map, scalar};
use seglab_policy::{Load, PointKind};

/// The mapping; `None` where nothing is said.
pub(super) fn load(of: &Load, kind: PointKind) -> Option<String> {
    if *of == Load::default() {
        return None;
    }
    let mut map = Map::default();
    for (key, input) in keys(kind) {
        map.put_some(key, of.given.get(input).map(|value| input.measure().write(*value)));
    }
    map.put_some("source", of.source.as_deref().map(scalar));
    Some(map.done())
}
