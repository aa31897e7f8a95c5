//! What attacks take and give, as a lab file has it.

use super::{Map, list, number, scalar, text};
use crate::text::write_duration;
use seglab_policy::{Effort, Finds, Privilege, Tradecraft};

/// The section as it is written; `None` where there is nothing to say.
pub(super) fn tradecraft(of: &Tradecraft) -> Option<String> {
    if *of == Tradecraft::default() {
        return None;
    }
    let mut map = Map::default();
    let exploits = of.exploits.iter().map(|exploit| {
        let mut map = Map::default();
        map.put("vulnerability", scalar(&exploit.vulnerability));
        map.put_if(exploit.gives == Privilege::User, "gives", "user");
        put_present(&mut map, exploit.present_probability);
        put_effort(&mut map, &exploit.effort);
        map.done()
    });
    let escalations = of.escalations.iter().map(|escalation| {
        let mut map = Map::default();
        map.put("name", scalar(&escalation.name)).put("on", text(&escalation.on));
        put_present(&mut map, escalation.present_probability);
        put_effort(&mut map, &escalation.effort);
        map.done()
    });
    map.put_if(!of.exploits.is_empty(), "exploits", list(exploits));
    map.put_if(!of.escalations.is_empty(), "escalations", list(escalations));
    map.put_if(of.finds == Finds::Routed, "finds", "routed");
    map.put_some(
        "scan",
        of.scan.as_ref().map(|scan| {
            let mut map = Map::default();
            put_effort(&mut map, scan);
            map.done()
        }),
    );
    let needs_root = [("credentials", of.needs_root.credentials), ("tampering", of.needs_root.tampering)];
    let needs_root: Vec<&str> = needs_root.iter().filter(|(_, needed)| *needed).map(|(what, _)| *what).collect();
    map.put_if(!needs_root.is_empty(), "needs-root", list(needs_root.into_iter().map(scalar)));
    Some(map.done())
}

fn put_present(map: &mut Map, probability: f64) {
    map.put_if(probability != 1.0, "present", number(probability));
}

fn put_effort(map: &mut Map, of: &Effort) {
    map.put("probability", number(of.success_probability)).put("cost", number(of.cost));
    map.put_some("mean", of.mean_ns.map(|mean| scalar(&write_duration(mean))));
}
