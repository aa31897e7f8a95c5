//! What the models draw for. The numbers stand in the addresses of draws and never change between releases.

use crate::kernel::{Purpose, Technique};

/// Which unit the attacker starts from: a race between the candidates.
pub(super) const FOOTHOLD: Purpose = Purpose::new(1);
/// When a unit tries an address, within one window of its scan.
pub(super) const VISIT: Purpose = Purpose::new(2);
/// From which interface it does, and what it tries there.
pub(super) const CHOICE: Purpose = Purpose::new(3);
/// Whether an attempt works, and how long it takes.
pub(super) const OUTCOME: Purpose = Purpose::new(4);
/// Whether a denied attempt raises an alert.
pub(super) const ALERT: Purpose = Purpose::new(5);
/// Whether the sensor notices a unit that has been taken, and after how long.
pub(super) const SENSOR: Purpose = Purpose::new(6);
/// How long it takes from the first alert to the quarantine of a unit.
pub(super) const RESPONSE: Purpose = Purpose::new(7);
/// How many flows of a need are sampled.
pub(super) const FLOW_COUNT: Purpose = Purpose::new(8);
/// Everything about one flow of a need.
pub(super) const FLOW: Purpose = Purpose::new(9);
/// Everything about one attempt at a request, where all of them are followed.
pub(super) const REQUEST: Purpose = Purpose::new(10);
/// How long a burst of requests and the pause before it last.
pub(super) const BURST: Purpose = Purpose::new(11);
/// What a server has to do at the start.
pub(super) const STATE: Purpose = Purpose::new(12);
/// Whether an enforcement point is in place at a unit. Enforcement has the numbers from 32 on.
pub(super) const COVERAGE: Purpose = Purpose::new(32);
/// When an enforcement point fails and is repaired.
pub(super) const FAILURE: Purpose = Purpose::new(33);
/// When a unit moves.
pub(super) const MOVE: Purpose = Purpose::new(34);
/// Where it moves, and to which address.
pub(super) const DESTINATION: Purpose = Purpose::new(35);
/// How long it takes until a point knows of that.
pub(super) const UPDATE: Purpose = Purpose::new(36);

/// A vulnerability is exploited.
pub(super) const EXPLOIT: Technique = Technique::new(1);
/// Somebody logs in with a credential.
pub(super) const LOGIN: Technique = Technique::new(2);
/// A connection is enough, as the pivot models other than `exploitable` have it.
pub(super) const CONNECT: Technique = Technique::new(3);
/// A client that connects to an owned unit is taken.
pub(super) const LURE: Technique = Technique::new(4);
/// What keeps an enforcement point from a unit: the unit itself, …
pub(super) const AT_UNIT: Technique = Technique::new(32);
/// … the image that it runs, …
pub(super) const AT_IMAGE: Technique = Technique::new(33);
/// … or the site that it stands in.
pub(super) const AT_SITE: Technique = Technique::new(34);
