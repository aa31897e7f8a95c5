//! What a comparison hangs on.

use crate::model::{self, VariedDesign, VariedOutcome, VariedRange};
use seglab_sim::models::Detection;
use seglab_sim::models::sensitivity::{Change, Outcome, Sensitivity};

/// The outcomes of every change, the ends of one range together.
pub fn sensitivity(of: &Sensitivity) -> model::Sensitivity {
    let mut out = model::Sensitivity::default();
    for outcome in &of.outcomes {
        let varied = |change: String| VariedOutcome { change, designs: designs(outcome) };
        match outcome.change {
            Change::None => out.declared = designs(outcome),
            Change::Detection(detection) => out.detection.push(varied(detection_name(detection).to_owned())),
            Change::Parameter { parameter, value } => {
                let end = varied(parameter.display(value));
                // Both ends of a range stand one after the other; the same number may have several ranges.
                match out.ranges.last_mut().filter(|last| last.parameter == parameter.name() && last.ends.len() < 2) {
                    Some(range) => range.ends.push(end),
                    None => out.ranges.push(VariedRange { parameter: parameter.name().to_owned(), ends: vec![end] }),
                }
            }
        }
    }
    out
}

fn detection_name(of: Detection) -> &'static str {
    match of {
        Detection::Off => "no detection",
        Detection::SensorOnly => "denials raise no alerts",
        Detection::Full => "full detection",
    }
}

fn designs(of: &Outcome) -> Vec<VariedDesign> {
    let design = |one: &seglab_sim::models::sensitivity::DesignOutcome| VariedDesign {
        design: one.design.clone(),
        compromised: one.compromised,
        ratio: one.ratio,
        flips: one.flips,
    };
    of.designs.iter().map(design).collect()
}
