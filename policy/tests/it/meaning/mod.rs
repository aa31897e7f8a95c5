//! What a policy means, sentence by sentence of the design page.

mod connections;
mod paths;
mod points;
mod tiers;
