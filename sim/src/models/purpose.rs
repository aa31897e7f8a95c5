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
/// Whether a software image has a vulnerability, or lets an account become all of a unit.
pub(super) const PRESENT: Purpose = Purpose::new(32);
/// Whether a vulnerability of an image is patched, and after how long.
pub(super) const PATCH: Purpose = Purpose::new(33);
/// How long it takes from an account to all of a unit.
pub(super) const ESCALATION: Purpose = Purpose::new(34);
/// How long a credential that is lost sight of goes on being of use.
pub(super) const ROTATION: Purpose = Purpose::new(35);
/// Whether an attacker who keeps low makes an attempt.
pub(super) const PACE: Purpose = Purpose::new(36);
/// How long an analyst takes for a case, and whether it is recognised.
pub(super) const TRIAGE: Purpose = Purpose::new(37);
/// When the next false alarm about a unit is raised.
pub(super) const ALARM: Purpose = Purpose::new(38);
/// How long data takes to leave a critical unit.
pub(super) const EXFILTRATION: Purpose = Purpose::new(39);
/// A probe that nothing can come of but an alert.
pub(super) const PROBE: Purpose = Purpose::new(40);
/// Whether an enforcement point is in place at a unit. Enforcement has the numbers from 48 on.
pub(super) const COVERAGE: Purpose = Purpose::new(48);
/// When an enforcement point fails and is repaired.
pub(super) const FAILURE: Purpose = Purpose::new(49);
/// When a unit moves.
pub(super) const MOVE: Purpose = Purpose::new(50);
/// Where it moves, and to which address.
pub(super) const DESTINATION: Purpose = Purpose::new(51);
/// How long it takes until a point knows of that.
pub(super) const UPDATE: Purpose = Purpose::new(52);
/// How long the review of a request takes. What is distributed has the numbers from 60 on.
pub(super) const REVIEW: Purpose = Purpose::new(60);
/// How long it takes until a point has what was approved.
pub(super) const ROLLED_OUT: Purpose = Purpose::new(61);
/// When a controller is out and is repaired.
pub(super) const OUTAGE: Purpose = Purpose::new(62);
/// On which host a unit runs after a move.
pub(super) const HOST: Purpose = Purpose::new(63);
/// What an appliance has in its queue and its table at the start.
pub(super) const APPLIANCE: Purpose = Purpose::new(56);

/// A vulnerability is exploited.
pub(super) const EXPLOIT: Technique = Technique::new(1);
/// Somebody logs in with a credential.
pub(super) const LOGIN: Technique = Technique::new(2);
/// A connection is enough, as the pivot models other than `exploitable` have it.
pub(super) const CONNECT: Technique = Technique::new(3);
/// A client that connects to an owned unit is taken.
pub(super) const LURE: Technique = Technique::new(4);
/// An account becomes all of a unit.
pub(super) const ESCALATE: Technique = Technique::new(5);
/// Data is sent away.
pub(super) const EXFILTRATE: Technique = Technique::new(6);
/// A probe that raises an alert if it is denied, …
pub(super) const NOTICED: Technique = Technique::new(7);
/// … or one that nobody notices.
pub(super) const UNNOTICED: Technique = Technique::new(8);
/// What keeps an enforcement point from a unit: the unit itself, …
pub(super) const AT_UNIT: Technique = Technique::new(32);
/// … the image that it runs, …
pub(super) const AT_IMAGE: Technique = Technique::new(33);
/// … or the site that it stands in.
pub(super) const AT_SITE: Technique = Technique::new(34);
/// What is asked for a release: that its rules be put in, …
pub(super) const ADDED: Technique = Technique::new(44);
/// … or that those which go with it be taken out.
pub(super) const REMOVED: Technique = Technique::new(45);
