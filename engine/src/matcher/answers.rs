//! What tables say of two labels and a service class: by their pair, or layer by layer.

use super::layers::Layers;
use super::pair_table::{Label, PairForm, PairTable};
use super::verdicts::{Code, Profiles};
use std::sync::Arc;

/// From two labels and a service class to a code.
#[derive(Clone, Debug)]
pub(super) enum Answers {
    /// The pair has a profile, and the profile a code for each service class.
    Pairs { pairs: PairTable, profiles: Arc<Profiles> },
    /// The first of all rules that match decides.
    Layers(Arc<Layers>),
}

impl Answers {
    /// What two labels are told of a service class.
    #[inline]
    pub(super) fn code(&self, source: Label, destination: Label, class: u32) -> Code {
        match self {
            Answers::Pairs { pairs, profiles } => profiles.code(pairs.profile(source, destination), class),
            Answers::Layers(layers) => layers.code(source, destination, class),
        }
    }

    /// The table of pairs and its profiles, where there is one.
    pub(super) fn pairs(&self) -> Option<(&PairTable, &Arc<Profiles>)> {
        match self {
            Answers::Pairs { pairs, profiles } => Some((pairs, profiles)),
            Answers::Layers(_) => None,
        }
    }

    /// The form that they take.
    pub(super) fn form(&self) -> PairForm {
        match self {
            Answers::Pairs { pairs, .. } => pairs.form(),
            Answers::Layers(layers) => PairForm::Layered(layers.len()),
        }
    }

    /// The bytes of each table that is read, in the order of the reads.
    pub(super) fn reads(&self) -> Vec<usize> {
        match self {
            Answers::Pairs { pairs, profiles } => {
                let mut reads = pairs.reads();
                reads.push(profiles.bytes());
                reads
            }
            Answers::Layers(layers) => layers.reads(),
        }
    }

    /// The bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Answers::Pairs { pairs, profiles } => pairs.bytes() + profiles.bytes(),
            Answers::Layers(layers) => layers.bytes(),
        }
    }
}
